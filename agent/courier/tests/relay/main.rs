//! The courier against a real RabbitMQ node: the courier is a process, the test is its warden and its server.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod carry;
mod faults;
mod permissions;
mod support;
mod trust;
