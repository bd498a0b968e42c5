//! CEL expressions with bounds: the one evaluator that agent, server and client share.
//!
//! A *target* is an expression over the facts of a host, a *condition* one over the parameters of
//! an operation. Both decide whether something runs, so an expression is bounded before it is
//! parsed ([`Expression::parse`]), and every evaluation counts its steps
//! ([`Expression::evaluate`]): the same expression over the same facts always ends the same way, on
//! every machine, however slow.
//!
//! The text is parsed by the `cel` crate. It is evaluated here, because that crate's own evaluator
//! counts no steps, compiles a regular expression at each use, and copies what it compares. It
//! serves as the slow twin in this crate's property tests instead.
//!
//! The language, for investigators: `docs/targets.md`.

mod compile;
mod errors;
mod evaluate;
mod expression;
mod functions;
mod names;
mod node;
mod numbers;
mod pattern;
mod scan;
mod value;
mod variables;

pub use errors::{EvaluateError, ExpressionError};
pub use evaluate::MAX_STEPS;
pub use expression::Expression;
pub use functions::FUNCTIONS;
pub use scan::{MAX_CHAIN, MAX_LENGTH_BYTES, MAX_NESTING};
pub use variables::{MAX_DEPTH, Variables, VariablesError};
