//! From text and bytes to values: total, without I/O, without panics.

pub mod accounts;
pub mod age;
pub mod capability;
pub mod cgroup;
pub mod digest;
pub mod size;
