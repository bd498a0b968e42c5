//! The variables of an evaluation, checked once.

use serde_json::{Map, Value as Json};

/// Deepest nesting of lists and maps among the variables.
pub const MAX_DEPTH: usize = 64;

/// Beyond this magnitude (2^63) a number of a JSON text that is not an integer may be one that lost
/// digits while it was read.
const BEYOND_INTEGERS: f64 = 9_223_372_036_854_775_808.0;

/// Variables for any number of evaluations, of any number of expressions.
///
/// Shape: a JSON object; its keys are the names. `null`, booleans, strings, lists and objects are
/// CEL's. An integer is an `int` if it fits into 64 signed bits, else a `uint`; every other number
/// is a `double`.
/// Limits: [`MAX_DEPTH`]; no numbers beyond 64 bits.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Variables {
    values: Map<String, Json>,
}

/// Why values cannot be variables.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VariablesError {
    /// Lists and maps are nested too deeply.
    #[error("`{path}` is nested more than {limit} levels deep")]
    TooDeep {
        /// Name of the variable.
        path: String,
        /// The limit.
        limit: usize,
    },
    /// A number that neither `i64` nor `u64` can hold and that is no fraction.
    #[error("`{path}` holds the number {number}, which 64 bits cannot hold")]
    NumberOutOfRange {
        /// Name of the variable.
        path: String,
        /// The number as it was read.
        number: String,
    },
}

impl Variables {
    /// Checks values once.
    ///
    /// # Errors
    ///
    /// [`VariablesError`] if one of the values has no exact counterpart in CEL.
    pub fn new(values: Map<String, Json>) -> Result<Self, VariablesError> {
        for (name, value) in &values {
            check(name, value, MAX_DEPTH)?;
        }
        Ok(Self { values })
    }

    /// The value of a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Json> {
        self.values.get(name)
    }

    /// All names, in their order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str)
    }
}

impl TryFrom<Map<String, Json>> for Variables {
    type Error = VariablesError;

    fn try_from(values: Map<String, Json>) -> Result<Self, Self::Error> {
        Self::new(values)
    }
}

fn check(path: &str, value: &Json, levels_left: usize) -> Result<(), VariablesError> {
    let inner: Box<dyn Iterator<Item = &Json>> = match value {
        Json::Array(items) => Box::new(items.iter()),
        Json::Object(map) => Box::new(map.values()),
        Json::Number(number) => return check_number(path, number),
        Json::Null | Json::Bool(_) | Json::String(_) => return Ok(()),
    };
    let Some(levels_left) = levels_left.checked_sub(1) else {
        return Err(VariablesError::TooDeep {
            path: path.to_owned(),
            limit: MAX_DEPTH,
        });
    };
    for value in inner {
        check(path, value, levels_left)?;
    }
    Ok(())
}

fn check_number(path: &str, number: &serde_json::Number) -> Result<(), VariablesError> {
    if number.is_i64() || number.is_u64() {
        return Ok(());
    }
    match number.as_f64() {
        Some(double) if double.abs() < BEYOND_INTEGERS => Ok(()),
        _ => Err(VariablesError::NumberOutOfRange {
            path: path.to_owned(),
            number: number.to_string(),
        }),
    }
}
