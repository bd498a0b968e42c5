//! The evaluator: a walk over the checked tree that pays for every step.

use std::cmp::Ordering;

use serde_json::Value as Json;

use crate::EvaluateError;
use crate::functions;
use crate::node::{Binary, Loop, LoopKind, Node};
use crate::numbers::NumberError;
use crate::value::{BYTES_PER_STEP, List, Text, Value, equal};

/// Most steps of one evaluation: nodes, elements compared, blocks of bytes searched or copied.
/// Some 20 ms of one processor at most, and 32 MiB of values made on the way.
pub const MAX_STEPS: u64 = 1_000_000;

type Outcome<'a> = Result<Value<'a>, Box<EvaluateError>>;

/// The steps that are left.
#[derive(Debug)]
pub struct Steps {
    left: u64,
}

impl Steps {
    /// A full account.
    pub const fn new() -> Self {
        Self { left: MAX_STEPS }
    }

    /// Pays.
    ///
    /// # Errors
    ///
    /// [`EvaluateError::TooCostly`] once the account is empty.
    pub fn take(&mut self, steps: u64) -> Result<(), Box<EvaluateError>> {
        match self.left.checked_sub(steps) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => {
                self.left = 0;
                Err(Box::new(EvaluateError::TooCostly { limit: MAX_STEPS }))
            }
        }
    }

    /// Pays for comparing, searching or copying bytes.
    ///
    /// # Errors
    ///
    /// As [`Steps::take`].
    pub fn take_bytes(&mut self, bytes: usize) -> Result<(), Box<EvaluateError>> {
        self.take((bytes / BYTES_PER_STEP) as u64)
    }
}

/// One evaluation.
///
/// The stack is bounded by the depth of the tree, which `compile` has bounded.
pub struct Evaluation<'a> {
    names: &'a [String],
    variables: Vec<&'a Json>,
    locals: Vec<Value<'a>>,
    steps: Steps,
}

impl<'a> Evaluation<'a> {
    /// `variables` are the values of `names`, in their order.
    pub const fn new(names: &'a [String], variables: Vec<&'a Json>, steps: Steps) -> Self {
        Self {
            names,
            variables,
            locals: Vec::new(),
            steps,
        }
    }

    /// Evaluates a node.
    pub fn value(&mut self, node: &'a Node) -> Outcome<'a> {
        self.steps.take(1)?;
        match node {
            Node::Literal(literal) => Ok(Value::of_literal(literal)),
            Node::Variable(place) => found(self.variables.get(*place).map(|json| Value::of_json(json))),
            Node::Local(place) => found(self.locals.get(*place).cloned()),
            Node::List(items) => self.list(items),
            Node::Constants(items) => Ok(Value::List(List::Written(items))),
            Node::Select { operand, field } => self.select(node, operand, field),
            Node::Has { operand, field } => self.has(operand, field),
            Node::Index { operand, index } => self.index(node, operand, index),
            Node::Not(operand) => Ok(Value::Bool(!self.truth(operand, "!")?)),
            Node::Negate(operand) => self.negate(operand),
            Node::Logical { absorbing, sides } => self.logical(*absorbing, sides),
            Node::Conditional(parts) => self.conditional(parts),
            Node::Binary { operator, sides } => self.binary(*operator, sides),
            Node::Call { function, arguments } => self.call(*function, arguments),
            Node::Matches { text, pattern } => {
                let Value::Text(text) = self.value(text)? else {
                    return Err(EvaluateError::failed("`matches` exists for string only"));
                };
                self.steps.take(pattern.price(text.as_str().len()))?;
                Ok(Value::Bool(pattern.is_in(text.as_str())))
            }
            Node::Loop(of) => self.repeat(of),
        }
    }

    fn truth(&mut self, node: &'a Node, operation: &str) -> Result<bool, Box<EvaluateError>> {
        match self.value(node)? {
            Value::Bool(truth) => Ok(truth),
            other => Err(EvaluateError::types(operation, &[other.kind()])),
        }
    }

    fn list(&mut self, items: &'a [Node]) -> Outcome<'a> {
        let items = items
            .iter()
            .map(|item| self.value(item))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Value::made_list(items))
    }

    fn select(&mut self, node: &'a Node, operand: &'a Node, field: &str) -> Outcome<'a> {
        match self.value(operand)? {
            Value::Map(map) => map
                .get(field)
                .map(Value::of_json)
                .ok_or_else(|| self.missing(node)),
            other => Err(EvaluateError::types(&format!(".{field}"), &[other.kind()])),
        }
    }

    fn has(&mut self, operand: &'a Node, field: &str) -> Outcome<'a> {
        match self.value(operand)? {
            Value::Map(map) => Ok(Value::Bool(map.contains_key(field))),
            other => Err(EvaluateError::types(&format!("has(.{field})"), &[other.kind()])),
        }
    }

    fn index(&mut self, node: &'a Node, operand: &'a Node, index: &'a Node) -> Outcome<'a> {
        match (self.value(operand)?, self.value(index)?) {
            (Value::Map(map), Value::Text(key)) => map
                .get(key.as_str())
                .map(Value::of_json)
                .ok_or_else(|| self.missing(node)),
            (Value::List(list), Value::Number(number)) => {
                let element = number.position().and_then(|position| list.get(position));
                element.ok_or_else(|| EvaluateError::failed("an index is beyond the end of its list"))
            }
            (operand, index) => Err(EvaluateError::types("[…]", &[operand.kind(), index.kind()])),
        }
    }

    fn missing(&self, node: &Node) -> Box<EvaluateError> {
        Box::new(EvaluateError::MissingKey {
            path: self.path(node),
        })
    }

    /// The node as an investigator would write it.
    fn path(&self, node: &Node) -> String {
        match node {
            Node::Variable(place) => self.names.get(*place).cloned().unwrap_or_default(),
            Node::Select { operand, field } => format!("{}.{field}", self.path(operand)),
            Node::Index { operand, index } => format!("{}[{}]", self.path(operand), self.path(index)),
            Node::Literal(crate::node::Literal::Text(text)) => format!("'{text}'"),
            _ => "…".to_owned(),
        }
    }

    fn negate(&mut self, operand: &'a Node) -> Outcome<'a> {
        let value = self.value(operand)?;
        let Value::Number(number) = value else {
            return Err(EvaluateError::types("-", &[value.kind()]));
        };
        match number.negate() {
            Ok(number) => Ok(Value::Number(number)),
            Err(NumberError::Types) => Err(EvaluateError::types("-", &[value.kind()])),
            Err(_) => Err(overflow("-")),
        }
    }

    /// `&&` and `||` as CEL defines them: the absorbing value on either side decides, even beside
    /// an error on the other.
    fn logical(&mut self, absorbing: bool, sides: &'a [Node; 2]) -> Outcome<'a> {
        let operation = if absorbing { "||" } else { "&&" };
        let [left, right] = sides;
        let left = match self.truth(left, operation) {
            Ok(truth) if truth == absorbing => return Ok(Value::Bool(truth)),
            Err(error) if !error.absorbable() => return Err(error),
            other => other,
        };
        let right = self.truth(right, operation);
        match (left, right) {
            (_, Ok(truth)) if truth == absorbing => Ok(Value::Bool(truth)),
            (_, Err(error)) if !error.absorbable() => Err(error),
            (Err(error), _) | (_, Err(error)) => Err(error),
            (Ok(_), Ok(truth)) => Ok(Value::Bool(truth)),
        }
    }

    fn conditional(&mut self, parts: &'a [Node; 3]) -> Outcome<'a> {
        let [condition, yes, no] = parts;
        if self.truth(condition, "? :")? {
            self.value(yes)
        } else {
            self.value(no)
        }
    }

    fn binary(&mut self, operator: Binary, sides: &'a [Node; 2]) -> Outcome<'a> {
        let [left, right] = sides;
        let (left, right) = (self.value(left)?, self.value(right)?);
        match operator {
            Binary::Equal => equal(&left, &right, &mut self.steps).map(Value::Bool),
            Binary::NotEqual => equal(&left, &right, &mut self.steps).map(|same| Value::Bool(!same)),
            Binary::In => self.contained(&left, &right),
            Binary::Less | Binary::LessOrEqual | Binary::Greater | Binary::GreaterOrEqual => {
                self.order(operator, &left, &right)
            }
            _ => self.calculate(operator, left, right),
        }
    }

    fn contained(&mut self, item: &Value<'a>, container: &Value<'a>) -> Outcome<'a> {
        match (item, container) {
            (item, Value::List(list)) => {
                for element in list.iter() {
                    if equal(item, &element, &mut self.steps)? {
                        return Ok(Value::Bool(true));
                    }
                }
                Ok(Value::Bool(false))
            }
            (Value::Text(key), Value::Map(map)) => Ok(Value::Bool(map.contains_key(key.as_str()))),
            // A key of another type that keys can have is not there; what can be no key is an error.
            (Value::Number(_) | Value::Bool(_), Value::Map(_)) => Ok(Value::Bool(false)),
            _ => Err(EvaluateError::types("in", &[item.kind(), container.kind()])),
        }
    }

    fn order(&mut self, operator: Binary, left: &Value<'a>, right: &Value<'a>) -> Outcome<'a> {
        let order = match (left, right) {
            (Value::Number(left), Value::Number(right)) => left.compare(*right),
            (Value::Bool(left), Value::Bool(right)) => Some(left.cmp(right)),
            (Value::Text(left), Value::Text(right)) => {
                let (left, right) = (left.as_str(), right.as_str());
                self.steps.take_bytes(left.len().min(right.len()))?;
                Some(left.cmp(right))
            }
            _ => {
                return Err(EvaluateError::types(
                    operator.symbol(),
                    &[left.kind(), right.kind()],
                ));
            }
        };
        Ok(Value::Bool(match operator {
            Binary::Less => order == Some(Ordering::Less),
            Binary::LessOrEqual => matches!(order, Some(Ordering::Less | Ordering::Equal)),
            Binary::Greater => order == Some(Ordering::Greater),
            _ => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
        }))
    }

    fn calculate(&mut self, operator: Binary, left: Value<'a>, right: Value<'a>) -> Outcome<'a> {
        match (operator, left, right) {
            (_, Value::Number(left), Value::Number(right)) => left
                .calculate(operator, right)
                .map(Value::Number)
                .map_err(|error| match error {
                    NumberError::Types => EvaluateError::failed(format!(
                        "`{}` does not exist for {}, {}; convert one with int(), uint() or double()",
                        operator.symbol(),
                        left.kind_name(),
                        right.kind_name()
                    )),
                    NumberError::Overflow => overflow(operator.symbol()),
                    NumberError::DivisionByZero => {
                        EvaluateError::failed(format!("`{}` by zero", operator.symbol()))
                    }
                }),
            (Binary::Add, Value::Text(left), Value::Text(right)) => self.join_texts(&left, &right),
            (Binary::Add, Value::List(left), Value::List(right)) => self.join_lists(&left, &right),
            (_, left, right) => Err(EvaluateError::types(
                operator.symbol(),
                &[left.kind(), right.kind()],
            )),
        }
    }

    fn join_texts(&mut self, left: &Text<'a>, right: &Text<'a>) -> Outcome<'a> {
        let (left, right) = (left.as_str(), right.as_str());
        self.steps.take_bytes(left.len() + right.len())?;
        Ok(Value::made_text([left, right].concat()))
    }

    fn join_lists(&mut self, left: &List<'a>, right: &List<'a>) -> Outcome<'a> {
        self.steps.take((left.len() + right.len()) as u64)?;
        Ok(Value::made_list(left.iter().chain(right.iter()).collect()))
    }

    fn call(&mut self, function: functions::Function, arguments: &'a [Node]) -> Outcome<'a> {
        match arguments {
            [only] => functions::one(function, &self.value(only)?, &mut self.steps),
            [first, second] => functions::two(
                function,
                &self.value(first)?,
                &self.value(second)?,
                &mut self.steps,
            ),
            _ => Err(EvaluateError::failed(
                "a function with a wrong number of arguments",
            )),
        }
    }

    fn repeat(&mut self, of: &'a Loop) -> Outcome<'a> {
        let elements = match self.value(&of.range)? {
            Value::List(list) => list,
            Value::Map(map) => {
                self.steps.take(map.len() as u64)?;
                List::Made(map.keys().map(|key| Value::Text(Text::Given(key))).collect())
            }
            other => return Err(EvaluateError::types("a macro", &[other.kind()])),
        };
        match &of.kind {
            LoopKind::All => self.fold(&elements, &of.body, false),
            LoopKind::Exists => self.fold(&elements, &of.body, true),
            LoopKind::ExistsOne => self.count_matches(&elements, &of.body),
            LoopKind::Filter => self.collect(&elements, Some(&of.body), None),
            LoopKind::Map => self.collect(&elements, None, Some(&of.body)),
            LoopKind::MapIf(value) => self.collect(&elements, Some(&of.body), Some(value)),
        }
    }

    /// Runs `body` with a macro's variable bound to `element`.
    fn bound<T>(&mut self, element: Value<'a>, body: impl FnOnce(&mut Self) -> T) -> T {
        self.locals.push(element);
        let result = body(self);
        self.locals.pop();
        result
    }

    /// `all` is `&&` over the elements, `exists` is `||`: errors count as they do there.
    fn fold(&mut self, elements: &List<'a>, body: &'a Node, absorbing: bool) -> Outcome<'a> {
        let operation = if absorbing { "exists" } else { "all" };
        let mut pending = None;
        for element in elements.iter() {
            match self.bound(element, |this| this.truth(body, operation)) {
                Ok(truth) if truth == absorbing => return Ok(Value::Bool(truth)),
                Ok(_) => {}
                Err(error) if !error.absorbable() => return Err(error),
                Err(error) => pending = pending.or(Some(error)),
            }
        }
        pending.map_or(Ok(Value::Bool(!absorbing)), Err)
    }

    fn count_matches(&mut self, elements: &List<'a>, body: &'a Node) -> Outcome<'a> {
        let mut matches = 0_usize;
        for element in elements.iter() {
            matches += usize::from(self.bound(element, |this| this.truth(body, "exists_one"))?);
        }
        Ok(Value::Bool(matches == 1))
    }

    fn collect(
        &mut self,
        elements: &List<'a>,
        condition: Option<&'a Node>,
        value: Option<&'a Node>,
    ) -> Outcome<'a> {
        let mut collected = Vec::new();
        for element in elements.iter() {
            let kept = element.clone();
            let outcome = self.bound(element, |this| {
                this.steps.take(1)?;
                let keep = condition.map_or(Ok(true), |condition| this.truth(condition, "filter"))?;
                if !keep {
                    return Ok(None);
                }
                value.map_or(Ok(kept), |value| this.value(value)).map(Some)
            })?;
            collected.extend(outcome);
        }
        Ok(Value::made_list(collected))
    }
}

/// Places are given out by `compile`; none is ever absent.
fn found(value: Option<Value<'_>>) -> Outcome<'_> {
    value.ok_or_else(|| EvaluateError::failed("a variable without a value"))
}

fn overflow(operation: &str) -> Box<EvaluateError> {
    EvaluateError::failed(format!("the result of `{operation}` does not fit into 64 bits"))
}
