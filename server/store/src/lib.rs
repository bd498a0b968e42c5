//! The server's memory: agents, actions, who is to answer, what was answered, and the audit log, in SQLite or PostgreSQL.
//!
//! One interface, [`Store`], and one set of statements for both databases; which one it is, is known to three of them.
//! Everything that a function writes is written in one transaction: all of it, or nothing. What an error means for whoever
//! waits for an acknowledgement is [`StoreError::is_transient`].
//!
//! Two rules keep several schedulers from each other's way. Whoever writes targets or reports of an action locks the
//! action's row first; several actions are locked in the order of their identifiers. Changes of state name the states from
//! which they are made, so that one of several that try succeeds.

mod database;
mod error;
mod migrations;
mod page;
mod sql;

mod actions;
mod agents;
mod audit;
mod events;
mod investigators;
mod leases;
mod reports;
mod targets;
mod tokens;

mod retention;

pub use actions::{
    ActionAdded, ActionChange, ActionFilter, ActionState, EnvelopeKind, NewAction, Signer, StoredAction,
};
pub use agents::{
    Agent, AgentFacts, AgentFilter, AgentNotice, AgentState, Deleted, DuplicateMark, HeartbeatBefore,
    HeartbeatOutcome, NewHeartbeat, Told,
};
pub use audit::{AuditEntry, AuditFilter, AuditHead, AuditVerdict, NewAuditEntry};
pub use database::{Database, Store, StoreOptions};
pub use error::{Damage, StoreError, TransientCause};
pub use events::Event;
pub use investigators::Investigator;
pub use migrations::Schema;
pub use page::{Cursor, Page, PageRequest};
pub use reports::{NewReport, OperationContent, ReportContent, ReportFilter, ReportOutcome, StoredReport};
pub use retention::{Removed, Retention};
pub use sql::UnknownWord;
pub use targets::{Counters, Outcome, Swept, Target, TargetFilter, TargetState};
pub use tokens::{NewToken, Token, TokenId};
