//! Texts of the system as values: total, no I/O, no panic.

pub mod accounts;
pub mod cgroup;
pub mod escape;
pub mod stat;
