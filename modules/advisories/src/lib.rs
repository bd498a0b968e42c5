//! Turns security advisories into documents for the scribe module.
//!
//! [`oval`], [`osv`] and [`csaf`] read what vendors publish and give [`Statement`]s: which versions of which package
//! are affected, on which releases of a distribution. [`document`](document()) makes one document of them. What cannot
//! be expressed is counted in [`Skipped`], never left out silently.
//!
//! **Invariant:** runs where documents are written, never on the hosts that evaluate them; opens no connection.

pub mod csaf;
mod document;
pub mod osv;
pub mod oval;
mod purl;
mod release;
mod statement;
mod xml;

pub use document::document;
pub use release::Release;
pub use statement::{Affected, End, Package, Skipped, Statement, Tag};
