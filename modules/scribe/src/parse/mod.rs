//! Texts of the system to facts. Malformed lines are left out.

pub mod accounts;
pub mod kernel;
pub mod os_release;
pub mod ports;
pub mod unit;
