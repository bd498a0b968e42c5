//! How findings are printed: for people, or for programs. Findings go to standard output; what is said about them to standard error.

mod columns;
mod csv;
mod json;
mod rendering;
mod summary;
mod text;

pub use columns::Columns;
pub use json::safe;
pub use summary::{Silent, summary};

use crate::api::{ActionDetails, ResultMessage};
use crate::cli::Output;
use crate::modules::AgentProgram;
use crate::terminal::Colours;
use gumshoe_plugin_api::Report;
use rendering::Rendering;
use std::io;

/// Prints what hosts say, as it comes.
pub trait Sink {
    /// A message of a host.
    ///
    /// # Errors
    ///
    /// Those of standard output.
    fn message(&mut self, message: &ResultMessage) -> io::Result<()>;

    /// Nothing more comes.
    ///
    /// # Errors
    ///
    /// Those of standard output.
    fn end(&mut self, details: &ActionDetails, silent: &Silent) -> io::Result<()>;
}

/// The sink that the user asked for, on standard output; `agent` writes findings for people.
///
/// # Errors
///
/// Those of standard output: tables begin with a heading.
pub fn sink(output: Output, agent: AgentProgram) -> io::Result<Box<dyn Sink>> {
    Ok(match output {
        Output { json: true, .. } => Box::new(json::Document::default()),
        Output { ndjson: true, .. } => Box::new(json::Lines),
        Output { csv: true, .. } => Box::new(csv::Table::begin(io::stdout())?),
        _ => Box::new(text::Text::new(Colours::of_stdout(), Rendering::new(agent))),
    })
}

/// The report in a host's message about an operation.
fn report(message: &ResultMessage) -> Option<Report> {
    let report = message.body.as_ref()?.get("report")?;
    serde_json::from_value(report.clone()).ok()
}
