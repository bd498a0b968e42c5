//! Bytes of archive headers to values: total functions without I/O.

pub(crate) mod name;
pub(crate) mod pax;
pub(crate) mod sparse;
pub(crate) mod tar;
pub(crate) mod zip;
