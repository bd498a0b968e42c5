//! Strict JSON for hostile input: no duplicate keys, bounded depth, no number beyond 64 bits.
//!
//! Source: RFC 8259; what it leaves open (duplicate names, depth, number range) is refused here,
//! because two readers that resolve it differently would disagree about what was asked.

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt;

/// How deep arrays and objects may nest.
pub const MAX_DEPTH: usize = 64;

/// Why bytes are not acceptable JSON.
#[derive(Debug, thiserror::Error)]
#[error("not valid JSON: {source}")]
pub struct StrictError {
    /// What the parser says, with line and column.
    #[source]
    source: serde_json::Error,
}

impl StrictError {
    /// Line of the error, from 1; 0 when unknown.
    #[must_use]
    pub fn line(&self) -> usize {
        self.source.line()
    }
}

/// Parses JSON strictly.
///
/// # Errors
///
/// [`StrictError`] for anything that is not exactly one JSON value, for a key that stands twice in
/// an object, for nesting beyond [`MAX_DEPTH`] and for numbers beyond 64 bits.
pub fn parse(bytes: &[u8]) -> Result<Value, StrictError> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Strict { depth: 0 }
        .deserialize(&mut reader)
        .map_err(|source| StrictError { source })?;
    reader.end().map_err(|source| StrictError { source })?;
    Ok(value)
}

/// Whether valid JSON is nested at most [`MAX_DEPTH`] levels deep.
#[must_use]
pub fn is_shallow(bytes: &[u8]) -> bool {
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    for byte in bytes {
        match (byte, in_text, escaped) {
            (_, true, true) => escaped = false,
            (b'\\', true, false) => escaped = true,
            (b'"', ..) => in_text = !in_text,
            (b'{' | b'[', false, _) if depth == MAX_DEPTH => return false,
            (b'{' | b'[', false, _) => depth += 1,
            (b'}' | b']', false, _) => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    true
}

/// Deserializes one value at a known depth.
#[derive(Clone, Copy)]
struct Strict {
    depth: usize,
}

impl Strict {
    fn deeper<E: Error>(self) -> Result<Self, E> {
        if self.depth == MAX_DEPTH {
            return Err(E::custom(format_args!("nested deeper than {MAX_DEPTH} levels")));
        }
        Ok(Self {
            depth: self.depth + 1,
        })
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        // An integer of more than 64 bits arrives here, rounded: what was asked is not what is read.
        let exact = value.fract() != 0.0 || value.abs() <= 9_007_199_254_740_992.0;
        match Number::from_f64(value) {
            Some(number) if exact => Ok(Value::Number(number)),
            _ => Err(E::custom("a number that 64 bits do not hold exactly")),
        }
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if map.contains_key(&key) {
                return Err(A::Error::custom(format_args!(
                    "the key {key:?} stands twice in one object"
                )));
            }
            map.insert(key, entries.next_value_seed(inner)?);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_is_told_without_building_anything() {
        let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        assert!(is_shallow(nested(MAX_DEPTH).as_bytes()));
        assert!(!is_shallow(nested(MAX_DEPTH + 1).as_bytes()));
        let brackets_in_text = format!(r#"{{"a\"b{}": "\\"}}"#, "[".repeat(100));
        assert!(is_shallow(brackets_in_text.as_bytes()));
    }

    #[test]
    fn ordinary_json_reads_as_serde_json_reads_it() {
        let text = br#"{"a":[1,-2,3.5,true,null,"x\u00e4"],"b":{"c":18446744073709551615}}"#;
        assert_eq!(
            parse(text).unwrap(),
            serde_json::from_slice::<Value>(text).unwrap()
        );
    }

    #[test]
    fn what_readers_could_disagree_about_is_refused() {
        let deep = "[".repeat(65) + &"]".repeat(65);
        for (text, expected) in [
            (r#"{"a":1,"a":2}"#, "stands twice"),
            (r#"{"x":[{"b":1,"c":1,"b":1}]}"#, "stands twice"),
            (deep.as_str(), "deeper than 64"),
            ("18446744073709551616", "64 bits"),
            ("-9223372036854775809", "64 bits"),
            ("1e400", "number"),
            ("{} {}", "trailing"),
            ("", "EOF"),
        ] {
            let error = parse(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
        assert!(parse(b"\"\xff\"").is_err(), "invalid UTF-8");
        assert!(parse(("[".repeat(64) + &"]".repeat(64)).as_bytes()).is_ok());
    }
}
