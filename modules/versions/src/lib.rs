//! Package managers, and the order that each has for version numbers.
//!
//! [`Order::compare`] answers which of two versions is newer. Each order is a file of its own; `evr` is the generic
//! one, for versions of which nobody knows which manager wrote them.
//!
//! **Invariant:** no I/O, no panic, time linear in the length of both versions.

mod apk;
mod dpkg;
mod evr;
mod gem;
mod number;
mod order;
mod package_type;
mod pacman;
mod pep440;
mod semantic;
mod tokens;

pub use order::{Order, VersionError};
pub use package_type::PackageType;
