//! The orders as a whole: that they are orders, and that they agree with the tools that define them.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests end at the first thing that is not as it should be"
)]

mod generate;
mod laws;
mod tools;
