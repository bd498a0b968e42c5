//! Policy and vulnerability documents: reads, checks and evaluates them.
//!
//! A document lists objects (packages, lines of files, settings of the system …) and tests of them. [`Plan::parse`]
//! turns its text into a [`Plan`], or says all that is wrong with it, each with its place; [`evaluate`] asks a
//! [`Sources`] for what the tests are about and hands over one [`TestResult`] per test. `docs/scribe.md` describes the
//! language.
//!
//! **Invariant:** no I/O: everything about the host comes through [`Sources`]. No content of the host goes out:
//! a result has identifiers (paths, names) and truth values only. Documents are hostile: time, memory and depth are
//! bounded by [`limits`], whatever a document says.

mod evaluate;
mod gather;
pub mod limits;
mod outcome;
mod pattern;
mod plan;
mod problem;
mod read;
mod sources;
mod text;
mod variables;
mod yaml;

pub use evaluate::{Flow, Summary, evaluate};
pub use gather::GatherError;
pub use gumshoe_versions::PackageType;
pub use outcome::{SubResult, Tag, TestResult};
pub use pattern::{Pattern, PatternError, Searcher};
pub use plan::Plan;
pub use problem::{Problem, Problems};
pub use sources::{Fact, FactKind, Location, Package, PathPattern, SourceError, Sources};
pub use text::{Format, TextError};
