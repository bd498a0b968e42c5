//! The module against real processes: victims that hold a known text in a known kind of memory.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail the test")]

mod anomalies;
mod coverage;
mod filters;
mod kinds;
mod life;
mod shared;
#[path = "../text.rs"]
mod text;
mod victim;
