//! Values: borrowed from the variables and the expression where possible, cheap to copy always.

use std::cmp::Ordering;
use std::rc::Rc;

use serde_json::{Map, Value as Json};

use crate::EvaluateError;
use crate::evaluate::Steps;
use crate::node::Literal;
use crate::numbers::Number;

/// Bytes that are compared or searched for the price of one step.
pub const BYTES_PER_STEP: usize = 32;

/// A value during an evaluation.
#[derive(Debug, Clone)]
pub enum Value<'a> {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// An integer or a double.
    Number(Number),
    /// A text.
    Text(Text<'a>),
    /// A list.
    List(List<'a>),
    /// A map with text keys.
    Map(&'a Map<String, Json>),
}

/// A text of the variables or the expression, or one that was made on the way.
#[derive(Debug, Clone)]
pub enum Text<'a> {
    /// From the variables or the expression.
    Given(&'a str),
    /// The result of an operation.
    Made(Rc<str>),
}

/// A list of the variables or the expression, or one that was made on the way.
#[derive(Debug, Clone)]
pub enum List<'a> {
    /// From the variables.
    Given(&'a [Json]),
    /// From the expression.
    Written(&'a [Literal]),
    /// The result of an operation.
    Made(Rc<[Value<'a>]>),
}

/// Type of a value, for messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind(&'static str);

impl Kind {
    /// CEL's name of the type.
    pub const fn name(self) -> &'static str {
        self.0
    }
}

impl<'a> Value<'a> {
    /// A value of the variables. Numbers were checked by `Variables`.
    pub fn of_json(json: &'a Json) -> Self {
        match json {
            Json::Null => Self::Null,
            Json::Bool(truth) => Self::Bool(*truth),
            Json::Number(number) => Self::Number(Number::of_json(number)),
            Json::String(text) => Self::Text(Text::Given(text)),
            Json::Array(items) => Self::List(List::Given(items)),
            Json::Object(map) => Self::Map(map),
        }
    }

    /// A value of the expression.
    pub fn of_literal(literal: &'a Literal) -> Self {
        match literal {
            Literal::Null => Self::Null,
            Literal::Bool(truth) => Self::Bool(*truth),
            Literal::Int(number) => Self::Number(Number::Int(*number)),
            Literal::Uint(number) => Self::Number(Number::Uint(*number)),
            Literal::Double(number) => Self::Number(Number::Double(*number)),
            Literal::Text(text) => Self::Text(Text::Given(text)),
        }
    }

    /// A text that was made on the way.
    pub fn made_text(text: impl Into<Rc<str>>) -> Self {
        Self::Text(Text::Made(text.into()))
    }

    /// A list that was made on the way.
    pub fn made_list(items: Vec<Self>) -> Self {
        Self::List(List::Made(items.into()))
    }

    /// The type.
    pub const fn kind(&self) -> Kind {
        Kind(match self {
            Self::Null => "null_type",
            Self::Bool(_) => "bool",
            Self::Number(number) => number.kind_name(),
            Self::Text(_) => "string",
            Self::List(_) => "list",
            Self::Map(_) => "map",
        })
    }
}

impl Text<'_> {
    /// The text.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Given(text) => text,
            Self::Made(text) => text,
        }
    }
}

impl<'a> List<'a> {
    /// Number of elements.
    pub fn len(&self) -> usize {
        match self {
            Self::Given(items) => items.len(),
            Self::Written(items) => items.len(),
            Self::Made(items) => items.len(),
        }
    }

    /// One element.
    pub fn get(&self, index: usize) -> Option<Value<'a>> {
        match self {
            Self::Given(items) => items.get(index).map(Value::of_json),
            Self::Written(items) => items.get(index).map(Value::of_literal),
            Self::Made(items) => items.get(index).cloned(),
        }
    }

    /// All elements.
    pub fn iter(&self) -> impl Iterator<Item = Value<'a>> + '_ {
        (0..self.len()).filter_map(|index| self.get(index))
    }
}

/// CEL's equality: numbers by value whatever their types, other types only among themselves.
///
/// # Errors
///
/// [`EvaluateError::TooCostly`]. The depth is bounded by that of the variables and the expression.
pub fn equal(one: &Value<'_>, other: &Value<'_>, steps: &mut Steps) -> Result<bool, Box<EvaluateError>> {
    steps.take(1)?;
    match (one, other) {
        (Value::Null, Value::Null) => Ok(true),
        (Value::Bool(one), Value::Bool(other)) => Ok(one == other),
        (Value::Number(one), Value::Number(other)) => Ok(one.compare(*other) == Some(Ordering::Equal)),
        (Value::Text(one), Value::Text(other)) => {
            let (one, other) = (one.as_str(), other.as_str());
            steps.take_bytes(one.len().min(other.len()))?;
            Ok(one == other)
        }
        (Value::List(one), Value::List(other)) => equal_lists(one, other, steps),
        (Value::Map(one), Value::Map(other)) => equal_maps(one, other, steps),
        _ => Ok(false),
    }
}

fn equal_lists(one: &List<'_>, other: &List<'_>, steps: &mut Steps) -> Result<bool, Box<EvaluateError>> {
    if one.len() != other.len() {
        return Ok(false);
    }
    for (one, other) in one.iter().zip(other.iter()) {
        if !equal(&one, &other, steps)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn equal_maps(
    one: &Map<String, Json>,
    other: &Map<String, Json>,
    steps: &mut Steps,
) -> Result<bool, Box<EvaluateError>> {
    if one.len() != other.len() {
        return Ok(false);
    }
    for (key, value) in one {
        steps.take_bytes(key.len())?;
        let Some(counterpart) = other.get(key) else {
            return Ok(false);
        };
        if !equal(&Value::of_json(value), &Value::of_json(counterpart), steps)? {
            return Ok(false);
        }
    }
    Ok(true)
}
