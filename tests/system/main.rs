//! The whole system, from the outside: programs are started as users start them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod abi;
#[cfg(target_os = "linux")]
mod apply;
mod commands;
#[cfg(target_os = "linux")]
mod daemon;
mod fleet;
mod limits;
mod local_mode;
mod misbehaving;
mod modules;
mod refusals;
mod tutorial;
#[cfg(target_os = "linux")]
mod walls;
