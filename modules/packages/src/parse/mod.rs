//! Bytes to values, one module per format. Total: any bytes give a value or an error, in time and memory that their
//! size bounds.

pub mod apk;
pub mod bdb;
pub mod brew;
pub mod cargo;
pub mod dpkg;
pub mod flatpak;
pub mod gem;
pub mod ndb;
pub mod npm;
pub mod os_release;
pub mod pacman;
pub mod plist;
pub mod python;
pub mod receipt;
pub mod rpm_header;
pub mod snap;
pub mod sqlite;

mod bytes;
pub use bytes::lossy;
