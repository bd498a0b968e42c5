//! Typed access to values: what has the wrong type is a problem with its place.

use std::fmt;

use serde_json::{Map, Value};

use crate::{Format, Problems};

/// Where a value stands, as a chain up to the whole document. Shown as a JSON pointer.
#[derive(Debug, Clone, Copy)]
pub(crate) enum At<'p> {
    Top,
    Key(&'p At<'p>, &'p str),
    Index(&'p At<'p>, usize),
}

impl At<'static> {
    /// The whole document.
    pub const TOP: Self = Self::Top;
}

impl<'p> At<'p> {
    /// The place of an entry.
    pub fn key(&'p self, key: &'p str) -> Self {
        Self::Key(self, key)
    }

    /// The place of an item.
    pub fn index(&'p self, index: usize) -> Self {
        Self::Index(self, index)
    }
}

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Top => Ok(()),
            Self::Key(parent, key) => write!(f, "{parent}/{}", key.replace('~', "~0").replace('/', "~1")),
            Self::Index(parent, index) => write!(f, "{parent}/{index}"),
        }
    }
}

/// An object of JSON, or mapping of YAML, and where it stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Keys<'v, 'p> {
    pub map: &'v Map<String, Value>,
    pub at: &'p At<'p>,
}

/// Collects what is wrong and what is odd.
#[derive(Debug)]
pub(crate) struct Reader {
    format: Format,
    pub problems: Problems,
    pub warnings: Problems,
}

impl Reader {
    pub fn new(format: Format) -> Self {
        Self {
            format,
            problems: Problems::default(),
            warnings: Problems::default(),
        }
    }

    /// The entries of a value that has to be an object.
    pub fn keys<'v, 'p>(&mut self, value: &'v Value, at: &'p At<'p>) -> Option<Keys<'v, 'p>> {
        let map = value.as_object();
        if map.is_none() {
            self.wrong_type(at, "an object", value);
        }
        map.map(|map| Keys { map, at })
    }

    /// The entries of an entry: nothing when it is absent, null or empty.
    pub fn inner<'v, 'p>(&mut self, value: Option<&'v Value>, at: &'p At<'p>) -> Option<Keys<'v, 'p>> {
        let keys = self.keys(value?, at)?;
        (!keys.map.is_empty()).then_some(keys)
    }

    /// Warns of keys that mean nothing.
    pub fn known(&mut self, keys: &Keys<'_, '_>, known: &[&str]) {
        for key in keys.map.keys().filter(|key| !known.contains(&key.as_str())) {
            self.warnings.add(keys.at.key(key), "unknown key; it is ignored");
        }
    }

    /// A text; empty when it is absent or null.
    pub fn text<'v>(&mut self, keys: &Keys<'v, '_>, key: &str) -> &'v str {
        match keys.map.get(key) {
            None | Some(Value::Null) => "",
            Some(Value::String(text)) => text,
            Some(other) => {
                self.wrong_type(&keys.at.key(key), "a text", other);
                ""
            }
        }
    }

    /// A truth value; false when it is absent or null.
    pub fn flag(&mut self, keys: &Keys<'_, '_>, key: &str) -> bool {
        match keys.map.get(key) {
            None | Some(Value::Null) => return false,
            Some(Value::Bool(flag)) => return *flag,
            Some(Value::String(text)) if self.format == Format::Yaml => {
                match text.to_ascii_lowercase().as_str() {
                    "true" | "yes" | "on" | "y" => return true,
                    "false" | "no" | "off" | "n" => return false,
                    _ => {}
                }
            }
            Some(_) => {}
        }
        self.problems.add(keys.at.key(key), "expected true or false");
        false
    }

    /// A whole number from 0; none when it is absent or null.
    pub fn number(&mut self, keys: &Keys<'_, '_>, key: &str) -> Option<u64> {
        let value = keys.map.get(key).filter(|value| !value.is_null())?;
        let number = match value {
            Value::String(text) if self.format == Format::Yaml => text.parse().ok(),
            other => other.as_u64(),
        };
        if number.is_none() {
            self.problems
                .add(keys.at.key(key), "expected a whole number from 0");
        }
        number
    }

    /// A list; empty when it is absent or null. One that is too long is a problem and empty.
    pub fn list<'v>(&mut self, keys: &Keys<'v, '_>, key: &str, max: usize) -> &'v [Value] {
        match keys.map.get(key) {
            None | Some(Value::Null) => &[],
            Some(Value::Array(items)) if items.len() <= max => items,
            Some(Value::Array(items)) => {
                let message = format!(
                    "limit reached: {} entries; at most {max} are allowed",
                    items.len()
                );
                self.problems.add(keys.at.key(key), message);
                &[]
            }
            Some(other) => {
                self.wrong_type(&keys.at.key(key), "a list", other);
                &[]
            }
        }
    }

    /// A list of texts.
    pub fn texts<'v>(&mut self, keys: &Keys<'v, '_>, key: &str, max: usize) -> Vec<&'v str> {
        let items = self.list(keys, key, max);
        let at = keys.at.key(key);
        let mut texts = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            match item {
                Value::String(text) => texts.push(text.as_str()),
                other => self.wrong_type(&at.index(index), "a text", other),
            }
        }
        texts
    }

    fn wrong_type(&mut self, at: &At<'_>, expected: &str, value: &Value) {
        let found = match value {
            Value::Null => "nothing",
            Value::Bool(_) => "true or false",
            Value::Number(_) => "a number",
            Value::String(_) => "a text",
            Value::Array(_) => "a list",
            Value::Object(_) => "an object",
        };
        self.problems
            .add(at, format!("expected {expected}, found {found}"));
    }
}
