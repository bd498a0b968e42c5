//! The module against real processes: victims that hold a known text in a known kind of memory.
#![cfg(target_os = "linux")]

mod anomalies;
mod coverage;
mod filters;
mod kinds;
mod life;
mod shared;
#[path = "../text.rs"]
mod text;
mod victim;
