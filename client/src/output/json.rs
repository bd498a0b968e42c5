//! For programs: lines as they come, or one document at the end.

use super::{Silent, Sink};
use crate::api::{ActionDetails, ResultMessage};
use crate::terminal::{is_harmless, line};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io;

/// One JSON object per line: each operation of each host.
pub struct Lines;

/// One document: the action, its results, and who did not answer.
#[derive(Default)]
pub struct Document {
    results: Vec<Value>,
}

impl Sink for Lines {
    fn message(&mut self, message: &ResultMessage) -> io::Result<()> {
        match result(message) {
            Some(result) => line(&safe(&result.to_string())),
            None => Ok(()),
        }
    }

    fn end(&mut self, _: &ActionDetails, _: &Silent) -> io::Result<()> {
        Ok(())
    }
}

impl Sink for Document {
    fn message(&mut self, message: &ResultMessage) -> io::Result<()> {
        self.results.extend(result(message));
        Ok(())
    }

    fn end(&mut self, details: &ActionDetails, silent: &Silent) -> io::Result<()> {
        let document = json!({
            "action": details, "results": std::mem::take(&mut self.results), "not_answered": silent.hosts,
            "not_answered_more": silent.more,
        });
        line(&safe(&serde_json::to_string_pretty(&document)?))
    }
}

/// A message that says something about an operation, or why there is none.
fn result(message: &ResultMessage) -> Option<Value> {
    let mut result = json!({
        "hostname": message.hostname, "agent": message.agent, "received": message.received, "kind": message.kind,
    });
    let body = message.body.as_ref();
    let from_body = |name: &str| body.and_then(|body| body.get(name)).cloned().unwrap_or_default();
    match message.kind.as_str() {
        "operation" => {
            result["operation"] = message.operation.into();
            result["report"] = from_body("report");
        }
        "refused" => {
            result["code"] = from_body("code");
            result["message"] = from_body("message");
        }
        "interrupted" => result["missing"] = from_body("missing"),
        _ => return None,
    }
    Some(result)
}

/// JSON whose texts cannot steer a terminal: what its writers leave as it is and terminals obey is written as `\u…`.
pub fn safe(json: &str) -> String {
    let harmless = |c: char| c == '\n' || is_harmless(c);
    if json.chars().all(harmless) {
        return json.to_owned();
    }
    let mut out = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if harmless(c) {
            out.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_made_safe_means_the_same(text in "\\PC*|[\\x00-\\u{2069}]*") {
            let value = json!({ "a": text });
            let made = safe(&value.to_string());
            prop_assert!(!made.contains(char::is_control));
            prop_assert_eq!(serde_json::from_str::<Value>(&made).unwrap(), value);
        }
    }
}
