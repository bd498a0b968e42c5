//! The module on made-up hosts.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests end at the first thing that is not as it should be"
)]

mod declaration;
#[cfg(target_os = "linux")]
mod facts;
mod files;
mod packages;
mod report;
mod support;
