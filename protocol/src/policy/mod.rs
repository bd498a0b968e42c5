//! The policy: everything that an agent needs to decide. One document, parsed once, immutable.
//!
//! Deny by default. Investigators are known by their OpenPGP keys and belong to groups; a permission gives modules to a group, when
//! the weights of the members that signed add up to its threshold and its condition holds.

mod assess;
mod document;
mod verify;

pub use assess::{Assessment, Outcome};
pub use document::{PolicyError, PolicyProblem};

use crate::action::RequestedLimits;
use chrono::TimeDelta;
use gumshoe_expression::Expression;
use gumshoe_openpgp::Certificate;

/// The module name that stands for every module.
pub const ANY_MODULE: &str = "*";

/// Who may ask what, and how far.
#[derive(Debug)]
pub struct Policy {
    investigators: Vec<Investigator>,
    permissions: Vec<Permission>,
    /// Nothing goes further than this, whatever an action asks for.
    pub caps: RequestedLimits,
    /// How long an action's window may be.
    pub longest_window: TimeDelta,
    /// How far clocks may differ.
    pub tolerance: TimeDelta,
}

/// Somebody whose signature counts.
#[derive(Debug)]
pub struct Investigator {
    /// What the policy calls them.
    pub name: String,
    /// Their key.
    pub certificate: Certificate,
    /// What their signature adds towards a threshold; 1 or more.
    pub weight: u32,
    /// The groups that they belong to.
    pub groups: Vec<String>,
}

/// What a group may do.
#[derive(Debug)]
pub struct Permission {
    /// What the policy calls it, or its place there: `permissions[2]`.
    pub name: String,
    /// Who has it.
    pub group: String,
    /// Names of modules, or [`ANY_MODULE`].
    pub modules: Vec<String>,
    /// What the weights of the members who signed have to reach; 1 or more.
    pub threshold: u32,
    /// What has to hold besides: an expression over `module`, `params` and `action`.
    pub condition: Option<Expression>,
}

impl Policy {
    /// The investigators, in the order of the document.
    #[must_use]
    pub fn investigators(&self) -> &[Investigator] {
        &self.investigators
    }

    /// The permissions, in the order of the document.
    #[must_use]
    pub fn permissions(&self) -> &[Permission] {
        &self.permissions
    }

    /// The investigator of this name.
    #[must_use]
    pub fn investigator(&self, name: &str) -> Option<&Investigator> {
        self.investigators.iter().find(|one| one.name == name)
    }

    /// What an operation may use at most: the smaller of what is asked for and what the policy caps.
    #[must_use]
    pub fn capped(&self, asked: &RequestedLimits) -> RequestedLimits {
        fn smaller<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
            match (one, other) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            }
        }
        RequestedLimits {
            timeout_ms: smaller(asked.timeout_ms, self.caps.timeout_ms),
            memory_bytes: smaller(asked.memory_bytes, self.caps.memory_bytes),
            cpu_percent: smaller(asked.cpu_percent, self.caps.cpu_percent),
            findings: smaller(asked.findings, self.caps.findings),
            report_bytes: smaller(asked.report_bytes, self.caps.report_bytes),
        }
    }
}

impl Permission {
    /// Whether it names this module itself, rather than by [`ANY_MODULE`].
    #[must_use]
    pub fn names(&self, module: &str) -> bool {
        self.modules.iter().any(|name| name == module)
    }

    /// Whether it covers every module.
    #[must_use]
    pub fn is_for_any(&self) -> bool {
        self.names(ANY_MODULE)
    }
}
