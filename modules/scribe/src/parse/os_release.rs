//! `os-release(5)`.

use gumshoe_document::Fact;
use gumshoe_plugin_api::text::assignments;

/// One fact per assignment.
#[must_use]
pub fn parse(text: &str) -> Vec<Fact> {
    let fact = |(name, value): (&str, String)| Fact {
        identifier: name.to_owned(),
        values: vec![value],
    };
    assignments(text).map(fact).collect()
}
