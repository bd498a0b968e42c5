//! From a message to reports: decide, log, record, run, report.
//!
//! The [`Ledger`] owns everything that is remembered and belongs to one thread. [`run()`] starts the runners of an
//! action, several at a time, and gives each report to that thread as it comes. The order for one action:
//!
//! 1. the decision is written to the host log (on disk), so that nothing runs that the owner cannot read about;
//! 2. the action is recorded in the journal (on disk); from here on it never runs again;
//! 3. the operations run; each report goes to safe hands and is then marked in the journal;
//! 4. the action's end is recorded.
//!
//! After a crash between 2 and 4 the next start reports the action as interrupted, with the operations whose reports
//! are missing.

pub mod flood;
pub mod ledger;
pub mod limits;
pub mod policy;
pub mod run;
pub mod stop;

pub use ledger::{Ledger, Received, Work};
pub use run::{Ended, run};
pub use stop::Stop;

/// A message about an action, with findings as the text that they came as.
pub type HostReport = gumshoe_protocol::HostReport<Box<serde_json::value::RawValue>>;
/// What such a message says.
pub type Body = gumshoe_protocol::Body<Box<serde_json::value::RawValue>>;
