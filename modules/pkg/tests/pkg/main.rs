//! The module on real databases: those of this host, those that package managers make for the test, recorded ones.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops where something it needs is missing"
)]

mod declaration;
mod dpkg;
mod golden;
mod hostile;
mod languages;
mod linux_only;
mod rpm;
mod support;
