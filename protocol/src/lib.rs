//! What agent, server and client agree on. No I/O, no clock, no randomness of its own: bytes and values in, values out.
//!
//! Everything that is signed travels in an [`Envelope`]; an investigator signs an [`Action`], an agent its [`HostReport`]s and
//! [`Heartbeat`]s. Whether an agent obeys is one pure function, [`decide`](decide()).

pub mod bounds;
pub mod ids;
pub mod units;

pub mod action;
pub mod envelope;
pub mod facts;
pub mod heartbeat;
pub mod relay;
pub mod report;
pub mod schema;
pub mod seal;

pub mod decide;
pub mod policy;
pub mod refusal;

pub use action::{Action, ActionError, Cancel, Operation, RequestedLimits};
pub use decide::{Accepted, Decision, Record, Seen, Signer, Verdict, decide};
pub use envelope::{Envelope, EnvelopeError, EnvelopeSignature};
pub use facts::Facts;
pub use heartbeat::{Heartbeat, ModuleState};
pub use ids::{ActionId, AgentId, ContentDigest};
pub use policy::{Policy, PolicyError};
pub use refusal::Refusal;
pub use report::{Body, HostReport};
pub use seal::{ReportKey, SealError};

/// Version of the protocol. Names on the relay and payload types carry it, so that an incompatible one can live beside it.
pub const PROTOCOL: u32 = 1;

/// A point in time, written as in RFC 3339.
pub type Timestamp = chrono::DateTime<chrono::Utc>;
