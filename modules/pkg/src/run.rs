//! Plan and context to findings.

use std::{cell::Cell, ops::ControlFlow};

use gumshoe_packages::{Distro, Gap, Package, Sink, distro, read};
use gumshoe_plugin_api::{Context, Failure, Flow, Skipped};
use serde::Serialize;

use crate::{
    finding::Finding,
    plan::Plan,
    trees::{Place, places},
};

/// Packages between two looks at whether to end.
const PACKAGES_PER_LOOK: u64 = 64;

/// What was looked at.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Statistics {
    /// Packages that were compared with the question.
    pub packages: u64,
    /// Trees of files: the host, roots, containers.
    pub trees: u64,
}

/// Runs a plan.
///
/// # Errors
///
/// When the host's root cannot be opened.
pub(crate) fn run(plan: &Plan, context: &Context) -> Result<Statistics, Failure> {
    let mut statistics = Statistics::default();
    for place in places(plan, context)? {
        let mut output = Output {
            plan,
            context,
            distro: distro(&place.tree),
            place: &place,
            packages: Cell::new(0),
        };
        let flow = read(&place.tree, &plan.kinds, &mut output);
        statistics.packages += output.packages.get();
        statistics.trees += 1;
        if flow.is_break() {
            break;
        }
    }
    Ok(statistics)
}

/// Turns packages of one tree into findings.
struct Output<'a> {
    plan: &'a Plan,
    context: &'a Context,
    distro: Distro,
    place: &'a Place,
    packages: Cell<u64>,
}

impl Output<'_> {
    /// Where something is, for people.
    fn shown(&self, gap: &Gap) -> String {
        let path = gap.path.display();
        match (&self.place.root, &self.place.container) {
            (Some(root), _) => format!("{path} below {}", root.display()),
            (_, Some(container)) => format!("{path} in {}", container.words()),
            _ => path.to_string(),
        }
    }
}

impl Sink for Output<'_> {
    fn wants(&self, name: &str, arch: Option<&str>, version: &str) -> bool {
        self.packages.set(self.packages.get() + 1);
        self.plan.wants(name, arch, version)
    }

    fn package(&mut self, package: Package) -> ControlFlow<()> {
        if !self.plan.statuses.is_empty() && !self.plan.statuses.contains(&package.status) {
            return ControlFlow::Continue(());
        }
        let finding = Finding {
            root: self.place.root.as_ref().map(|root| root.display().to_string()),
            container: self.place.container.clone(),
            ..Finding::new(package, &self.distro)
        };
        match self.context.emit(&finding) {
            Flow::Continue => ControlFlow::Continue(()),
            Flow::Stop => ControlFlow::Break(()),
        }
    }

    fn stopped(&self) -> bool {
        self.packages.get().is_multiple_of(PACKAGES_PER_LOOK) && self.context.stopped().is_some()
    }

    fn gap(&mut self, gap: Gap) {
        let entry = Skipped::one(gap.what, gap.reason.to_string())
            .count(gap.count)
            .example(self.shown(&gap));
        self.context.skipped(entry);
    }
}
