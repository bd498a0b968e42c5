//! From text and bytes to values: total, without I/O, without panics.

pub mod age;
pub mod capability;
pub mod digest;
pub mod size;
