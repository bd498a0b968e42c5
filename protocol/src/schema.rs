//! JSON Schemas of everything that travels, made from the types themselves.
//!
//! They are published in `docs/protocol/`; a test compares, and `BLESS=1 cargo test -p gumshoe-protocol` writes them again.

use crate::envelope::Wire;
use crate::{Action, Cancel, Facts, Heartbeat, HostReport};
use schemars::{JsonSchema, Schema, generate::SchemaSettings};

/// Name and schema of every document, in the order of `docs/protocol/README.md`. JSON Schema draft 2020-12.
#[must_use]
pub fn all() -> Vec<(&'static str, Schema)> {
    vec![
        ("envelope", of::<Wire<'static>>()),
        ("action", of::<Action>()),
        ("cancel", of::<Cancel>()),
        ("report", of::<HostReport>()),
        ("heartbeat", of::<Heartbeat>()),
        ("facts", of::<Facts>()),
    ]
}

fn of<T: JsonSchema>() -> Schema {
    SchemaSettings::draft2020_12()
        .into_generator()
        .into_root_schema_for::<T>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn the_published_schemas_are_those_of_the_types() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/protocol");
        for (name, schema) in all() {
            let path = folder.join(format!("{name}.schema.json"));
            let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
            if std::env::var_os("BLESS").is_some() {
                std::fs::write(&path, &text).unwrap();
            }
            let published = std::fs::read_to_string(&path).unwrap_or_default();
            assert_eq!(
                published,
                text,
                "{}: run with BLESS=1 and read the diff",
                path.display()
            );
        }
    }
}
