//! The courier against a real RabbitMQ node: the courier is a process, the test is its warden and its server.

mod carry;
mod faults;
mod permissions;
mod support;
mod trust;
