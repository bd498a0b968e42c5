//! The scheduler: which hosts an action concerns, how it gets to them, when it is over.
//!
//! It keeps nothing in memory between two looks at the store: several schedulers share the actions by leases, and one that is
//! killed in the middle loses nothing but time.

mod accept;
mod cancel;
mod dispatch;
mod housekeeping;
mod options;
mod outbox;
mod run;
mod select;
mod step;

pub use accept::{AcceptError, Accepted, accept_action, accept_cancel};
pub use options::{OptionsError, Plan, SendOptions};
pub use run::{Resting, Scheduler, Wake};
pub use select::{SelectError, Selection, select};
