//! Running the operations of one action: several at a time, each in a runner of its own.

use super::ledger::{Asked, Work};
use super::limits::Effective;
use super::stop::Stop;
use crate::config::Config;
use crate::plugins::choose;
use crate::runner::Job;
use crate::supervise::{Observer, Report, Session, refused};
use crate::terminal::chain;
use gumshoe_plugin_api::{Operation, Status};
use gumshoe_walls::{CGROUP_ROOT, Cgroups};
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// An operation that ended.
#[derive(Debug)]
pub struct Ended {
    /// Which one, from 0.
    pub index: u32,
    /// What it found.
    pub report: Report,
    /// Limits that were reached, and who set them.
    pub limits: Vec<String>,
    /// Findings as text for humans, where that was asked for.
    pub rendered: Vec<String>,
}

/// How an action is run.
#[derive(Debug, Clone, Copy)]
pub struct Manner {
    /// How many operations run at the same time.
    pub parallel: usize,
    /// Whether findings are also wanted as text for humans.
    pub render: bool,
    /// A process that belongs to the agent besides this one and the runners: the courier.
    pub own: Option<u32>,
}

/// Runs all operations and gives each to `tell` as it ends, from several threads. Returns when all have.
///
/// A module that is missing, disabled or refused costs one refused report and nothing else; so does a
/// runner that cannot be started.
pub fn run(work: &Work, config: &Config, manner: Manner, stop: &Stop, tell: &(dyn Fn(Ended) + Sync)) {
    let next = AtomicUsize::new(0);
    let worker = || {
        while let Some((index, asked)) = take(&next, &work.operations) {
            tell(one(index, asked, config, manner, stop));
        }
    };
    let threads = manner.parallel.clamp(1, work.operations.len().max(1));
    std::thread::scope(|scope| {
        for _ in 1..threads {
            // Where no thread can be made the others do its work.
            let _ = std::thread::Builder::new().spawn_scoped(scope, worker);
        }
        worker();
    });
}

fn take<'a>(next: &AtomicUsize, operations: &'a [Asked]) -> Option<(u32, &'a Asked)> {
    let index = next.fetch_add(1, Ordering::Relaxed);
    Some((u32::try_from(index).ok()?, operations.get(index)?))
}

/// One operation, whatever becomes of it.
fn one(index: u32, asked: &Asked, config: &Config, manner: Manner, stop: &Stop) -> Ended {
    let mut rendered = Rendered::default();
    let (report, limits) = match start(asked, config, manner, stop, &mut rendered) {
        Ok((mut report, effective)) => {
            let limits = effective.explain(&mut report);
            (report, limits)
        }
        Err(report) => (*report, Vec::new()),
    };
    Ended {
        index,
        report,
        limits,
        rendered: rendered.lines,
    }
}

fn start(
    asked: &Asked,
    config: &Config,
    manner: Manner,
    stop: &Stop,
    observer: &mut Rendered,
) -> Result<(Report, Effective), Box<Report>> {
    let module = &asked.operation.module;
    if stop.is_stopped() {
        return Err(Box::new(not_begun(module)));
    }
    let chosen = choose(config, module).map_err(|e| Box::new(refused(module, e.code(), chain(&e))))?;
    let effective = Effective::new(&asked.asked, &asked.capped, &chosen.limits);
    let session = Session::start_in(&chosen.candidate, &effective.limits, cgroups())
        .map_err(|e| Box::new(refused(module, "runner-not-started", chain(&e))))?;
    stop.watch(session.canceller());
    let job = Job {
        operation: Operation {
            limits: effective.limits.clone(),
            settings: chosen.settings.clone(),
            own_processes: manner.own.into_iter().collect(),
            ..Operation::default()
        },
        render: manner.render,
    };
    let params = asked.operation.params.to_string();
    Ok((session.run(&job, params.as_bytes(), observer), effective))
}

/// The group below which runners get groups of their own, where one is delegated to the agent; elsewhere the other
/// limits stand alone. Looked for once: it moves the agent's own processes.
fn cgroups() -> Option<&'static Cgroups> {
    static CGROUPS: OnceLock<Option<Cgroups>> = OnceLock::new();
    CGROUPS
        .get_or_init(|| Cgroups::find(Path::new(CGROUP_ROOT)).ok())
        .as_ref()
}

/// The report of an operation whose action was stopped before its turn.
fn not_begun(module: &str) -> Report {
    let mut report = refused(
        module,
        "cancelled",
        "the action was stopped before this operation began".to_owned(),
    );
    report.status = Status::Cancelled;
    report
}

/// How much text for humans is kept per operation; the findings themselves are in the report.
const MAX_RENDERED_BYTES: usize = 8 << 20;

/// Keeps what is rendered.
#[derive(Default)]
struct Rendered {
    lines: Vec<String>,
    bytes: usize,
}

impl Observer for Rendered {
    fn rendered(&mut self, text: &str) {
        let before = self.bytes;
        self.bytes = before.saturating_add(text.len() + 1);
        if self.bytes <= MAX_RENDERED_BYTES {
            self.lines.push(text.to_owned());
        } else if before <= MAX_RENDERED_BYTES {
            self.lines
                .push("… (more is in the report than is shown here)".to_owned());
        }
    }
}
