//! Advisories in the formats in which vendors publish them: what becomes of them on a host.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests end at the first thing that is not as it should be"
)]

mod command;
mod formats;
mod host;
