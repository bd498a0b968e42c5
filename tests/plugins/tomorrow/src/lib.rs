//! Tomorrow's ABI; see build.rs.
#![allow(missing_docs, unsafe_code)]

include!(concat!(env!("OUT_DIR"), "/tomorrow.rs"));
