//! An expression: parsed once, evaluated often.

use crate::compile::compile;
use crate::evaluate::{Evaluation, Steps};
use crate::node::Node;
use crate::value::Value;
use crate::{EvaluateError, ExpressionError, Variables, names, scan};

/// A checked expression.
///
/// Cheap to keep and to share between threads; evaluating it changes nothing in it.
#[derive(Debug)]
pub struct Expression {
    text: String,
    root: Node,
    names: Vec<String>,
}

impl Expression {
    /// Parses and checks an expression: syntax, functions, regular expressions, bounds.
    ///
    /// Limits: [`MAX_LENGTH_BYTES`](crate::MAX_LENGTH_BYTES), [`MAX_NESTING`](crate::MAX_NESTING),
    /// [`MAX_CHAIN`](crate::MAX_CHAIN), two macros within each other, and the size of regular
    /// expressions, which must be literals. Time and stack are bounded by these.
    ///
    /// # Errors
    ///
    /// [`ExpressionError`]; its [`code`](ExpressionError::code) never changes.
    pub fn parse(text: &str) -> Result<Self, ExpressionError> {
        scan::scan(text)?;
        let (root, names) = compile(text)?;
        Ok(Self {
            text: text.to_owned(),
            root,
            names,
        })
    }

    /// The text as it was given.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The variables that it asks for, in order of appearance.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// Answers the question.
    ///
    /// Limits: [`MAX_STEPS`](crate::MAX_STEPS), counted, not timed.
    ///
    /// # Errors
    ///
    /// [`EvaluateError`]; its [`code`](EvaluateError::code) never changes. Every variable has to
    /// exist, also one that would not have been looked at: a misspelt name is never an answer.
    pub fn evaluate(&self, variables: &Variables) -> Result<bool, EvaluateError> {
        self.run(variables).map_err(|error| *error)
    }

    fn run(&self, variables: &Variables) -> Result<bool, Box<EvaluateError>> {
        let values = self
            .names
            .iter()
            .map(|name| variables.get(name).ok_or_else(|| unknown(name, variables)))
            .collect::<Result<Vec<_>, _>>()?;
        let mut evaluation = Evaluation::new(&self.names, values, Steps::new());
        match evaluation.value(&self.root)? {
            Value::Bool(answer) => Ok(answer),
            other => Err(Box::new(EvaluateError::NotABoolean {
                kind: other.kind().name(),
            })),
        }
    }
}

fn unknown(name: &str, variables: &Variables) -> Box<EvaluateError> {
    Box::new(EvaluateError::UnknownName {
        name: name.to_owned(),
        suggestion: names::nearest(name, variables.names()),
        known: variables.names().map(str::to_owned).collect(),
    })
}
