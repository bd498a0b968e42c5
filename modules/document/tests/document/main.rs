//! Documents against a made-up host.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests end at the first thing that is not as it should be"
)]

mod chains;
mod extensions;
mod host;
mod hostile;
mod language;
mod pages;
mod problems;
