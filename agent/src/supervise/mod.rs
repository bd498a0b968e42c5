//! The parent's side of a runner: starts it, asks it, limits it, and reports for it when it cannot.

mod bounds;
mod collect;
mod end;
mod pace;
mod session;
mod start;
mod wire;

pub use collect::Observer;
pub use session::{AskError, Session};
pub use start::StartError;
pub use wire::Canceller;

use gumshoe_plugin_api::{Coverage, Refusal, Status};
use serde_json::json;
use serde_json::value::RawValue;

/// A report as the agent holds it: findings are checked, and passed on as the text that they came as.
pub type Report = gumshoe_plugin_api::Report<Box<RawValue>>;

/// The report of an operation that was not started.
#[must_use]
pub fn refused(module: &str, code: &str, message: String) -> Report {
    Report {
        module: module.to_owned(),
        module_version: None,
        status: Status::Refused,
        found: false,
        findings: Vec::new(),
        statistics: json!({ "duration_ms": 0 }),
        coverage: Coverage {
            complete: false,
            skipped: Vec::new(),
        },
        errors: vec![message.clone()],
        refusal: Some(Refusal {
            code: code.to_owned(),
            message,
        }),
    }
}
