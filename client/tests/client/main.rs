//! The program `gumshoe`, with the real agent's program, real modules and a real `gpg`; servers are played.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops where something it needs is missing"
)]

mod asking;
mod fleet;
mod import;
mod played;
mod signing;
mod support;
