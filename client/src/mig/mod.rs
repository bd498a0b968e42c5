//! Reads actions of Mozilla InvestiGator (MIG), as far as they have a counterpart.
//!
//! Parameters of `file`, `pkg`, `netstat`, `memory` and `scribe` are those of MIG's documented JSON, which the modules here
//! accept as they are. The target is SQL there; see [`target`].
//! Source: MIG's `doc/concepts.rst` (actions) and `doc/module_*.rst` (parameters).

mod sql;
pub mod target;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;
use gumshoe_plugin_api::json;
use gumshoe_protocol::bounds::ENVELOPE_BYTES;
use gumshoe_protocol::{Operation, RequestedLimits};
use serde::Deserialize;
use serde_json::Value;
use std::io::Read as _;
use target::TargetError;

/// Modules whose parameters are the same here.
const KNOWN_MODULES: [&str; 5] = ["file", "memory", "netstat", "pkg", "scribe"];

/// An action of MIG's, in our words.
#[derive(Debug)]
pub struct Imported {
    /// Its name, where it has one that fits on a line.
    pub name: Option<String>,
    /// Author and threat, in words.
    pub purpose: String,
    /// Links.
    pub references: Vec<String>,
    /// What it asks.
    pub operations: Vec<Operation>,
    /// Which hosts, or what could not be translated.
    pub target: Result<String, TargetError>,
    /// What the user ought to know.
    pub notes: Vec<String>,
}

/// Why a file is no action of MIG's that could be imported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MigError {
    /// It is no JSON.
    #[error("not an action of MIG's")]
    Json(#[from] json::StrictError),
    /// It is other JSON.
    #[error("not an action of MIG's")]
    Form(#[from] serde_json::Error),
    /// An operation asks a module that there is not.
    #[error(
        "operation {index} asks the module `{module}`, which has no counterpart (there are {})",
        KNOWN_MODULES.join(", ")
    )]
    Module {
        /// Which operation, from 0.
        index: usize,
        /// The module.
        module: String,
    },
    /// Compressed parameters cannot be read.
    #[error(
        "the parameters of operation {index} are marked as compressed and are not gzip in base64, or too large"
    )]
    Compressed {
        /// Which operation, from 0.
        index: usize,
    },
    /// The decompressed parameters are no JSON.
    #[error("the parameters of operation {index} are not acceptable")]
    Params {
        /// Which operation, from 0.
        index: usize,
        /// Cause.
        source: json::StrictError,
    },
}

/// An action as MIG writes it. Fields that have no counterpart (times, counters, signatures) are passed over.
#[derive(Default, Deserialize)]
#[serde(default)]
struct MigAction {
    name: String,
    target: String,
    description: MigDescription,
    threat: MigThreat,
    operations: Vec<MigOperation>,
    /// Go writes an empty list as `null`.
    pgpsignatures: Option<Vec<Value>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct MigDescription {
    author: String,
    email: String,
    url: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct MigThreat {
    r#ref: String,
    level: String,
    family: String,
    r#type: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct MigOperation {
    module: String,
    parameters: Value,
    iscompressed: bool,
}

/// Reads an action of MIG's.
///
/// # Errors
///
/// [`MigError`]; that the target cannot be translated is part of the result.
pub fn read(bytes: &[u8]) -> Result<Imported, MigError> {
    let action: MigAction = serde_json::from_value(json::parse(bytes)?)?;
    let mut notes = Vec::new();
    if action.pgpsignatures.is_some_and(|list| !list.is_empty()) {
        notes.push("signatures on MIG's action do not count here: it has to be signed again".to_owned());
    }
    let operations = action.operations.into_iter().enumerate();
    let operations = operations
        .map(|(index, operation)| convert(index, operation))
        .collect::<Result<_, _>>()?;
    let target = target::translate(&action.target).map(|translated| {
        notes.extend(translated.notes);
        translated.cel
    });
    Ok(Imported {
        name: Some(action.name).filter(|name| !name.is_empty() && !name.contains(char::is_control)),
        purpose: purpose(&action.description, &action.threat),
        references: [action.description.url, action.threat.r#ref]
            .into_iter()
            .filter(|text| !text.is_empty() && !text.contains(char::is_control))
            .collect(),
        operations,
        target,
        notes,
    })
}

fn convert(index: usize, operation: MigOperation) -> Result<Operation, MigError> {
    let MigOperation {
        module,
        parameters,
        iscompressed,
    } = operation;
    if !KNOWN_MODULES.contains(&module.as_str()) {
        return Err(MigError::Module { index, module });
    }
    let params = match (iscompressed, parameters) {
        (true, Value::String(text)) => decompress(index, &text)?,
        (true, _) => return Err(MigError::Compressed { index }),
        (false, Value::Null) => Value::Object(serde_json::Map::new()),
        (false, params) => params,
    };
    Ok(Operation {
        module,
        params,
        limits: RequestedLimits::default(),
    })
}

/// Gzip in base64, of at most [`ENVELOPE_BYTES`] bytes.
fn decompress(index: usize, text: &str) -> Result<Value, MigError> {
    let broken = || MigError::Compressed { index };
    let bytes = STANDARD.decode(text).map_err(|_| broken())?;
    let mut params = Vec::new();
    GzDecoder::new(bytes.as_slice())
        .take(ENVELOPE_BYTES as u64 + 1)
        .read_to_end(&mut params)
        .map_err(|_| broken())?;
    if params.len() > ENVELOPE_BYTES {
        return Err(broken());
    }
    json::parse(&params).map_err(|source| MigError::Params { index, source })
}

fn purpose(description: &MigDescription, threat: &MigThreat) -> String {
    let author = [description.author.as_str(), description.email.as_str()];
    let author = author.into_iter().filter(|text| !text.is_empty());
    let threat = [&threat.level, &threat.family, &threat.r#type];
    let threat = threat.into_iter().filter(|text| !text.is_empty());
    let author = author.collect::<Vec<_>>().join(", ");
    let threat = threat.map(String::as_str).collect::<Vec<_>>().join(", ");
    let mut lines = vec!["imported from MIG".to_owned()];
    lines.extend((!author.is_empty()).then(|| format!("author: {author}")));
    lines.extend((!threat.is_empty()).then(|| format!("threat: {threat}")));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use serde_json::json;
    use std::io::Write as _;

    fn compressed(bytes: &[u8]) -> String {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        STANDARD.encode(encoder.finish().unwrap())
    }

    fn imported(operations: Value) -> Result<Imported, MigError> {
        let action = json!({
            "name": "shadow", "target": "environment->>'os'='linux'", "description": {"author": "Ada", "url": "https://x"},
            "threat": {"level": "info", "ref": "T-1"}, "operations": operations, "validfrom": "2014-05-14T00:00:00Z",
            "pgpsignatures": ["x"], "syntaxversion": 2,
        });
        read(action.to_string().as_bytes())
    }

    #[test]
    fn operations_and_words_are_taken_over() {
        let params = json!({"searches": {"s": {"paths": ["/etc"]}}});
        let action = imported(json!([
            {"module": "file", "parameters": params},
            {"module": "pkg", "parameters": compressed(params.to_string().as_bytes()), "iscompressed": true},
            {"module": "memory"},
        ]))
        .unwrap();
        assert_eq!(action.operations[0].params, params);
        assert_eq!(action.operations[1].params, params);
        assert_eq!(action.operations[2].params, json!({}));
        assert_eq!(action.target.unwrap(), "os == 'linux'");
        assert_eq!(action.references, ["https://x", "T-1"]);
        assert_eq!(action.purpose, "imported from MIG\nauthor: Ada\nthreat: info");
        assert!(action.notes[0].contains("signed again"));
    }

    #[test]
    fn what_has_no_counterpart_is_named() {
        for (operations, expected) in [
            (
                json!([{"module": "file"}, {"module": "timedrift"}]),
                "operation 1 asks the module `timedrift`",
            ),
            (
                json!([{"module": "file", "parameters": "x", "iscompressed": true}]),
                "not gzip",
            ),
            (
                json!([{"module": "file", "parameters": compressed(b"{"), "iscompressed": true}]),
                "operation 0",
            ),
        ] {
            let error = imported(operations).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        let bomb = compressed(&vec![b' '; ENVELOPE_BYTES + 1]);
        let error = imported(json!([{"module": "file", "parameters": bomb, "iscompressed": true}]));
        assert!(matches!(error, Err(MigError::Compressed { index: 0 })));
    }
}
