//! Targets and conditions: any text is refused or ends, whatever the variables are.
#![no_main]

use gumshoe_expression::{Expression, Variables};
use libfuzzer_sys::fuzz_target;

const FACTS: &str = r#"{"a": 1, "b": "text", "l": [1, "x", [2.5]], "m": {"k": "v", "n": null}, "t": true}"#;

fuzz_target!(|input: &[u8]| {
    let mut parts = input.splitn(2, |byte| *byte == 0);
    let text = String::from_utf8_lossy(parts.next().unwrap_or_default());
    let facts = parts.next().unwrap_or(FACTS.as_bytes());
    let Ok(expression) = Expression::parse(&text) else {
        return;
    };
    let Ok(facts) = serde_json::from_slice(facts) else {
        return;
    };
    let Ok(variables) = Variables::new(facts) else {
        return;
    };
    let first = expression.evaluate(&variables);
    assert_eq!(
        first,
        expression.evaluate(&variables),
        "the answer depends on more than the facts"
    );
});
