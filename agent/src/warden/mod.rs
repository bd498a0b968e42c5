//! The daemon: hears the courier, decides, records, runs, reports, and remembers what the relay does not have yet.
//!
//! One thread owns everything that is remembered and never waits for anybody: the courier is heard and told by two
//! threads, each action that runs has one of its own, signals have one. All of them fill one short queue (`event`).
//!
//! | file | what |
//! | --- | --- |
//! | [`courier`] | the courier's process; [`tender`] keeps one running |
//! | [`relay`] | what the courier is told about the relay |
//! | [`inbox`] | deliveries: decided about, recorded, acknowledged |
//! | [`work`] | actions that run, and those that wait for their turn |
//! | [`mail`] | reports on their way to the relay |
//! | [`pulse`] | heartbeats |
//! | [`status`] | what `gumshoe-agent status` shows |
//! | [`notify`], [`log`] | the service manager and the journal |
//!
//! **Invariant:** no network code, no decision of its own (that is `gumshoe_protocol::decide`), and no delivery is
//! acknowledged before what it asks for is on disk.

pub mod courier;
pub mod enrolment;
mod event;
pub mod inbox;
pub mod log;
pub mod mail;
pub mod notify;
pub mod pulse;
pub mod relay;
pub mod status;
pub mod tender;
pub mod work;

mod daemon;

pub use daemon::{Options, daemon};
