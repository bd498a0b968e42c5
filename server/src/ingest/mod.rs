//! What agents say: taken from the relay in batches, verified, stored, acknowledged.

mod enrolment;
mod heartbeats;
mod reports;

pub use enrolment::{Enrolment, EnrolmentError};
pub use heartbeats::Heartbeats;
pub use reports::Reports;

use crate::relay::Outcome;
use crate::trouble::Trouble;
use gumshoe_store::StoreError;

/// What becomes of a batch that the store did not take.
fn not_stored(kind: &'static str, error: &StoreError, trouble: &Trouble) -> Outcome {
    let told = crate::chain(error);
    trouble.note(error);
    if error.is_transient() {
        tracing::warn!(kind, error = told, "batch not stored; it will be delivered again");
    } else {
        tracing::error!(kind, error = told, "batch not stored; it stays in the queue");
    }
    // Also for what looks permanent: an operator can repair a database, nobody can repair a lost report.
    Outcome::Again
}
