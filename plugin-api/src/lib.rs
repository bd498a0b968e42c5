//! What the author of a Gumshoe module depends on.
//!
//! A module answers one kind of question about a host. It is a shared library (`cdylib`) that the
//! agent loads into a process of its own for every operation. An author writes
//!
//! * a type for the parameters ([`serde`] and [`schemars`] derives; doc comments are the help text),
//! * an implementation of [`Module`]: parameters are checked into a plan, the plan is run and emits
//!   findings through a [`Context`] as it goes,
//! * one [`export_module!`] line.
//!
//! No `unsafe` is needed. `docs/write-a-module.md` leads through a complete example, and
//! `plugin-api/template/` is one to copy. [`harness`] runs a module inside a test.
//!
//! The feature `host` adds [`host`]: reading a plugin's manifest without executing it, and loading
//! it. The feature `command` makes `clap` arguments of a module's flags. Agents and clients want these; modules do not.
//!
//! **Invariant:** depends on no other crate of Gumshoe but the ABI; modules depend on nothing but this.

#[cfg(feature = "command")]
pub mod command;
mod context;
mod description;
mod export;
mod flags;
pub mod harness;
#[cfg(feature = "host")]
pub mod host;
pub mod json;
mod limits;
pub mod manifest;
mod module;
mod problem;
mod reach;
mod report;
mod shape;
pub mod sink;
pub mod text;

pub use context::{Context, Flow, Level, Stop};
pub use description::{Description, Example, RESERVED as RESERVED_FLAGS};
pub use flags::{Flag, FlagKind, Occurrence};
pub use limits::{Limits, Operation};
pub use module::{Failure, Module};
pub use problem::{Kind, Problem, Problems, Rejection, nearest};
pub use reach::Reach;
pub use report::{Coverage, Refusal, Report, Skipped, Status};

/// What the export macro expands to; not for direct use.
#[doc(hidden)]
pub mod __private {
    pub use crate::export::{arguments, describe, render, run, schema, validate};
    pub use crate::manifest::{HEADER_BYTES, assert_json_text, frame};
    pub use gumshoe_plugin_abi as abi;
}

pub use schemars;
pub use serde;
pub use serde_json;
