//! `gumshoe-server`: takes signed actions from investigators, sends them to the agents that they concern, keeps what comes back.
//!
//! The server is not trusted by agents: it cannot make, widen or change an action, only deliver it or not. One program has the
//! parts: [`api`] (HTTP), [`scheduler`] (sends), [`ingest`] (takes heartbeats and reports), [`workers`] (what follows from events).
//! They share nothing but the database and the broker, so that each can run in several processes.

pub mod cli;
pub mod commands;
pub mod config;
pub mod logging;
pub mod metrics;
pub mod secret;
pub mod tls;

pub mod relay;

pub mod audit;
pub mod policy;

pub mod api;
pub mod ingest;
pub mod scheduler;
pub mod workers;

pub use gumshoe_plugin_api::text::chain;
