//! Bytes of archive headers to values: total functions without I/O.

pub(crate) mod tar;
