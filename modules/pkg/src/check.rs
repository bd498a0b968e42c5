//! Parameters to plan: every check that needs no look at the host. All problems are reported at once.

use std::path::{Component, Path, PathBuf};

use gumshoe_packages::Kind;
use gumshoe_plugin_api::Problems;
use gumshoe_scan::{Limits, Regex};

use crate::{
    params::Params,
    plan::{NameTest, Plan, VersionTest},
};

/// Regular expressions for names.
pub const MAX_NAMES: usize = 10_000;
/// Roots.
pub const MAX_ROOTS: usize = 1000;

impl TryFrom<Params> for Plan {
    type Error = Problems;

    fn try_from(params: Params) -> Result<Self, Problems> {
        let mut checker = Checker(Problems::new());
        checker.count("/pkgmatch/matches", params.pkgmatch.matches.len(), MAX_NAMES);
        checker.count("/roots", params.roots.len(), MAX_ROOTS);
        let plan = Plan {
            names: checker.names(&params.pkgmatch.matches),
            version: params.vermatch.as_deref().and_then(|text| checker.version(text)),
            kinds: kinds(&params.types),
            statuses: params.statuses.clone(),
            roots: checker.roots(&params.roots),
            containers: params.containers,
        };
        checker.0.or(plan)
    }
}

/// The kinds that are asked for, each once, in the order in which they are read.
fn kinds(asked: &[Kind]) -> Vec<Kind> {
    let is_asked = |kind: &Kind| asked.is_empty() || asked.contains(kind);
    Kind::ALL.into_iter().filter(is_asked).collect()
}

struct Checker(Problems);

impl Checker {
    fn count(&mut self, pointer: &str, count: usize, limit: usize) {
        if count > limit {
            self.0.add(
                pointer,
                format!("{count} values are more than the limit of {limit}"),
            );
        }
    }

    fn names(&mut self, texts: &[String]) -> Vec<NameTest> {
        let regexes = texts.iter().take(MAX_NAMES).enumerate();
        regexes
            .filter_map(|(index, text)| {
                let regex = self.regex(&format!("/pkgmatch/matches/{index}"), text)?;
                let qualified = text.contains(':');
                Some(NameTest { regex, qualified })
            })
            .collect()
    }

    fn version(&mut self, text: &str) -> Option<VersionTest> {
        // As an investigation that was written with empty fields has it.
        if text.is_empty() {
            return None;
        }
        let (pattern, matches) = text.strip_prefix('!').map_or((text, true), |rest| (rest, false));
        let regex = self.regex("/vermatch", pattern)?;
        Some(VersionTest { regex, matches })
    }

    fn regex(&mut self, pointer: &str, text: &str) -> Option<Regex> {
        Regex::new(text, &Limits::default())
            .map_err(|error| self.0.add(pointer, error.reason()))
            .ok()
    }

    fn roots(&mut self, texts: &[String]) -> Vec<PathBuf> {
        let mut roots = Vec::new();
        for (index, text) in texts.iter().take(MAX_ROOTS).enumerate() {
            let path = Path::new(text);
            let climbs = path.components().any(|part| part == Component::ParentDir);
            if path.is_absolute() && !climbs && !text.contains('\0') {
                roots.push(path.to_owned());
            } else {
                let message = format!("`{}` must be an absolute path without `..`", text.escape_debug());
                self.0.add(format!("/roots/{index}"), message);
            }
        }
        roots
    }
}
