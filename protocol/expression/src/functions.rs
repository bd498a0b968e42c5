//! The functions that exist.

use crate::EvaluateError;
use crate::evaluate::Steps;
use crate::numbers::Number;
use crate::value::Value;

/// All functions and macros, for messages and the documentation.
pub const FUNCTIONS: &[&str] = &[
    "all",
    "bool",
    "contains",
    "double",
    "endsWith",
    "exists",
    "exists_one",
    "filter",
    "has",
    "int",
    "map",
    "matches",
    "size",
    "startsWith",
    "string",
    "uint",
];

/// A function of one or two arguments. `matches` and the macros are nodes of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    /// Characters of a text, elements of a list, entries of a map.
    Size,
    /// To an integer.
    Int,
    /// To an unsigned integer.
    Uint,
    /// To a double.
    Double,
    /// To a text.
    String,
    /// To a boolean.
    Bool,
    /// Whether a text contains another.
    Contains,
    /// Whether a text starts with another.
    StartsWith,
    /// Whether a text ends with another.
    EndsWith,
}

impl Function {
    /// The function of this name, if it exists in this form: `x.f(y)` has a receiver, `f(x)` has
    /// none. `arguments` counts the receiver.
    pub fn find(name: &str, receiver: bool, arguments: usize) -> Option<Self> {
        let function = match (name, arguments) {
            ("size", 1) => return Some(Self::Size),
            ("int", 1) => Self::Int,
            ("uint", 1) => Self::Uint,
            ("double", 1) => Self::Double,
            ("string", 1) => Self::String,
            ("bool", 1) => Self::Bool,
            ("contains", 2) => Self::Contains,
            ("startsWith", 2) => Self::StartsWith,
            ("endsWith", 2) => Self::EndsWith,
            _ => return None,
        };
        (receiver == (arguments == 2)).then_some(function)
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Size => "size",
            Self::Int => "int",
            Self::Uint => "uint",
            Self::Double => "double",
            Self::String => "string",
            Self::Bool => "bool",
            Self::Contains => "contains",
            Self::StartsWith => "startsWith",
            Self::EndsWith => "endsWith",
        }
    }
}

/// Calls a function of one argument.
pub fn one<'a>(
    function: Function,
    value: &Value<'a>,
    steps: &mut Steps,
) -> Result<Value<'a>, Box<EvaluateError>> {
    if let Value::Text(text) = value {
        steps.take_bytes(text.as_str().len())?;
    }
    match function {
        Function::Size => size(value),
        Function::String => to_text(value),
        Function::Bool => to_bool(value),
        _ => to_number(function, value),
    }
}

fn size<'a>(value: &Value<'a>) -> Result<Value<'a>, Box<EvaluateError>> {
    let size = match value {
        Value::Text(text) => text.as_str().chars().count(),
        Value::List(list) => list.len(),
        Value::Map(map) => map.len(),
        other => return Err(EvaluateError::types("size", &[other.kind()])),
    };
    Ok(Value::Number(Number::Int(
        i64::try_from(size).unwrap_or(i64::MAX),
    )))
}

fn to_text<'a>(value: &Value<'a>) -> Result<Value<'a>, Box<EvaluateError>> {
    match value {
        Value::Text(_) => Ok(value.clone()),
        Value::Bool(truth) => Ok(Value::made_text(truth.to_string())),
        Value::Number(Number::Int(number)) => Ok(Value::made_text(number.to_string())),
        Value::Number(Number::Uint(number)) => Ok(Value::made_text(number.to_string())),
        other => Err(EvaluateError::types("string", &[other.kind()])),
    }
}

/// CEL accepts exactly these texts (`strconv.ParseBool` of its reference implementation).
fn to_bool<'a>(value: &Value<'a>) -> Result<Value<'a>, Box<EvaluateError>> {
    match value {
        Value::Bool(_) => Ok(value.clone()),
        Value::Text(text) => match text.as_str() {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(Value::Bool(true)),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(Value::Bool(false)),
            _ => Err(EvaluateError::failed(
                "`bool` of a string that is neither true nor false",
            )),
        },
        other => Err(EvaluateError::types("bool", &[other.kind()])),
    }
}

fn to_number<'a>(function: Function, value: &Value<'a>) -> Result<Value<'a>, Box<EvaluateError>> {
    let converted = match (function, value) {
        (Function::Int, Value::Number(number)) => number.to_int().map(Number::Int),
        (Function::Uint, Value::Number(number)) => number.to_uint().map(Number::Uint),
        (Function::Double, Value::Number(number)) => Some(Number::Double(number.to_double())),
        (Function::Int, Value::Text(text)) => text.as_str().parse().ok().map(Number::Int),
        (Function::Uint, Value::Text(text)) => text.as_str().parse().ok().map(Number::Uint),
        (Function::Double, Value::Text(text)) => text.as_str().parse().ok().map(Number::Double),
        _ => return Err(EvaluateError::types(function.name(), &[value.kind()])),
    };
    converted.map(Value::Number).ok_or_else(|| {
        EvaluateError::failed(format!(
            "`{}` of a {} that is none or does not fit",
            function.name(),
            value.kind().name()
        ))
    })
}

/// Calls a function of a text and an argument.
pub fn two<'a>(
    function: Function,
    receiver: &Value<'a>,
    argument: &Value<'a>,
    steps: &mut Steps,
) -> Result<Value<'a>, Box<EvaluateError>> {
    let (Value::Text(text), Value::Text(part)) = (receiver, argument) else {
        return Err(EvaluateError::types(
            function.name(),
            &[receiver.kind(), argument.kind()],
        ));
    };
    let (text, part) = (text.as_str(), part.as_str());
    steps.take_bytes(if function == Function::Contains {
        text.len() + part.len()
    } else {
        part.len()
    })?;
    match function {
        Function::Contains => Ok(Value::Bool(text.contains(part))),
        Function::StartsWith => Ok(Value::Bool(text.starts_with(part))),
        Function::EndsWith => Ok(Value::Bool(text.ends_with(part))),
        _ => Err(EvaluateError::types(
            function.name(),
            &[receiver.kind(), argument.kind()],
        )),
    }
}
