//! From the parser's tree to ours: names resolved, functions known, patterns compiled.

use std::panic::catch_unwind;

use cel::common::ast::{CallExpr, Expr, IdedExpr, ListExpr, LiteralValue, SelectExpr, operators};

use crate::functions::{FUNCTIONS, Function};
use crate::node::{Binary, Literal, Loop, LoopKind, Node};
use crate::pattern::Pattern;
use crate::scan::{MAX_CHAIN, MAX_NESTING};
use crate::{ExpressionError, names};

/// Deepest tree: a chain in every bracket, and the balanced trees of `&&` and `||` between them.
const MAX_TREE_DEPTH: usize = 2 * MAX_CHAIN;
/// Most macros within each other: each multiplies the work.
const MAX_MACROS: usize = 2;

/// Parses a text that `scan` has accepted.
pub fn compile(text: &str) -> Result<(Node, Vec<String>), ExpressionError> {
    let tree = parse(text)?;
    let mut compiler = Compiler::default();
    let root = compiler.node(&tree)?;
    Ok((root, compiler.names))
}

/// The library's parser, without macros: those stay the calls as which they are written.
///
/// The parser has no known panic. Should one be found by a hostile expression, this is the last
/// wall before the process: the text is then refused as any other that cannot be parsed.
fn parse(text: &str) -> Result<IdedExpr, ExpressionError> {
    let depth = u16::try_from(MAX_NESTING).unwrap_or(u16::MAX);
    let parsed = catch_unwind(|| {
        cel::Env::default()
            .with_optional_support(false)
            .parser()
            .max_recursion_depth(depth)
            .parse(text)
    });
    match parsed {
        Ok(Ok(tree)) => Ok(tree),
        Ok(Err(errors)) => Err(first_error(&errors)),
        Err(_) => Err(syntax(1, 1, "the parser cannot read this")),
    }
}

fn first_error(errors: &cel::ParseErrors) -> ExpressionError {
    let Some(first) = errors.errors.first() else {
        return syntax(1, 1, "not an expression");
    };
    let (line, column) = first.pos;
    let message = first.msg.strip_prefix("Syntax error: ").unwrap_or(&first.msg);
    syntax(
        usize::try_from(line).unwrap_or(1),
        usize::try_from(column).unwrap_or(1),
        message,
    )
}

fn syntax(line: usize, column: usize, message: &str) -> ExpressionError {
    ExpressionError::Syntax {
        line: line.max(1),
        column: column.max(1),
        message: message.to_owned(),
    }
}

fn unsupported(what: impl Into<String>) -> ExpressionError {
    ExpressionError::Unsupported { what: what.into() }
}

#[derive(Default)]
struct Compiler {
    /// The variables, in order of appearance.
    names: Vec<String>,
    /// The macros' variables that are bound, outermost first.
    locals: Vec<String>,
    depth: usize,
}

impl Compiler {
    fn node(&mut self, tree: &IdedExpr) -> Result<Node, ExpressionError> {
        if self.depth >= MAX_TREE_DEPTH {
            return Err(ExpressionError::TooDeep {
                what: "the expression's tree",
                offset: 0,
                limit: MAX_TREE_DEPTH,
            });
        }
        self.depth += 1;
        let node = self.node_within(&tree.expr);
        self.depth -= 1;
        node
    }

    fn node_within(&mut self, tree: &Expr) -> Result<Node, ExpressionError> {
        match tree {
            Expr::Literal(literal) => literal_of(literal).map(Node::Literal),
            Expr::Ident(name) => self.name(name),
            Expr::Select(select) => self.select(select),
            Expr::List(list) => self.list(list),
            Expr::Call(call) => self.call(call),
            Expr::Map(_) => Err(unsupported("a map literal `{…}`")),
            Expr::Struct(_) => Err(unsupported("a message literal `Name{…}`")),
            Expr::Comprehension(_) | Expr::Unspecified => Err(unsupported("this form")),
        }
    }

    fn boxed(&mut self, tree: &IdedExpr) -> Result<Box<Node>, ExpressionError> {
        self.node(tree).map(Box::new)
    }

    fn nodes(&mut self, trees: &[IdedExpr]) -> Result<Box<[Node]>, ExpressionError> {
        trees.iter().map(|tree| self.node(tree)).collect()
    }

    fn name(&mut self, name: &str) -> Result<Node, ExpressionError> {
        if name.starts_with('.') {
            return Err(unsupported(format!("the leading dot of `{name}`")));
        }
        if let Some(place) = self.locals.iter().rposition(|local| local == name) {
            return Ok(Node::Local(place));
        }
        if let Some(place) = self.names.iter().position(|known| known == name) {
            return Ok(Node::Variable(place));
        }
        self.names.push(name.to_owned());
        Ok(Node::Variable(self.names.len() - 1))
    }

    fn select(&mut self, select: &SelectExpr) -> Result<Node, ExpressionError> {
        if select.test {
            return Err(unsupported("this form of has()"));
        }
        let operand = self.boxed(&select.operand)?;
        Ok(Node::Select {
            operand,
            field: select.field.as_str().into(),
        })
    }

    fn list(&mut self, list: &ListExpr) -> Result<Node, ExpressionError> {
        if !list.optional_indices.is_empty() {
            return Err(unsupported("an optional element"));
        }
        let is_literal = |element: &IdedExpr| matches!(element.expr, Expr::Literal(_));
        if !list.elements.iter().all(is_literal) {
            return self.nodes(&list.elements).map(Node::List);
        }
        let literals = list.elements.iter().filter_map(|element| match &element.expr {
            Expr::Literal(literal) => Some(literal_of(literal)),
            _ => None,
        });
        literals.collect::<Result<_, _>>().map(Node::Constants)
    }

    fn call(&mut self, call: &CallExpr) -> Result<Node, ExpressionError> {
        let name = call.func_name.as_str();
        if let ([left, right], Some(operator)) = (call.args.as_slice(), binary(name)) {
            let sides = Box::new([self.node(left)?, self.node(right)?]);
            return Ok(Node::Binary { operator, sides });
        }
        match (call.target.as_deref(), call.args.as_slice()) {
            (None, [only]) if name == operators::LOGICAL_NOT => self.boxed(only).map(Node::Not),
            (None, [only]) if name == operators::NEGATE => self.boxed(only).map(Node::Negate),
            (None, [only]) if name == operators::HAS => self.has(only),
            (None, [left, right]) if name == operators::LOGICAL_AND => self.logical(false, left, right),
            (None, [left, right]) if name == operators::LOGICAL_OR => self.logical(true, left, right),
            (None, [operand, index]) if name == operators::INDEX => Ok(Node::Index {
                operand: self.boxed(operand)?,
                index: self.boxed(index)?,
            }),
            (None, [condition, yes, no]) if name == operators::CONDITIONAL => {
                Ok(Node::Conditional(Box::new([
                    self.node(condition)?,
                    self.node(yes)?,
                    self.node(no)?,
                ])))
            }
            (Some(range), [local, body @ ..]) if is_macro(name, body.len()) => {
                self.repeat(name, range, local, body)
            }
            (Some(text), [pattern]) | (None, [text, pattern]) if name == "matches" => {
                self.matches(text, pattern)
            }
            (target, arguments) => self.function(name, target, arguments),
        }
    }

    fn has(&mut self, argument: &IdedExpr) -> Result<Node, ExpressionError> {
        let Expr::Select(select) = &argument.expr else {
            return Err(unsupported("has() of something other than `map.key`"));
        };
        let operand = self.boxed(&select.operand)?;
        Ok(Node::Has {
            operand,
            field: select.field.as_str().into(),
        })
    }

    fn logical(
        &mut self,
        absorbing: bool,
        left: &IdedExpr,
        right: &IdedExpr,
    ) -> Result<Node, ExpressionError> {
        let sides = Box::new([self.node(left)?, self.node(right)?]);
        Ok(Node::Logical { absorbing, sides })
    }

    fn matches(&mut self, text: &IdedExpr, pattern: &IdedExpr) -> Result<Node, ExpressionError> {
        let Expr::Literal(LiteralValue::String(pattern)) = &pattern.expr else {
            return Err(unsupported("a regular expression that is not a string literal"));
        };
        let pattern = Box::new(Pattern::compile(pattern.inner())?);
        Ok(Node::Matches {
            text: self.boxed(text)?,
            pattern,
        })
    }

    /// A macro. Its variable is bound in the bodies only; its own range does not count as within it.
    fn repeat(
        &mut self,
        name: &str,
        range: &IdedExpr,
        local: &IdedExpr,
        bodies: &[IdedExpr],
    ) -> Result<Node, ExpressionError> {
        let Expr::Ident(local) = &local.expr else {
            return Err(unsupported(format!("`{name}` without a name for its elements")));
        };
        let range = self.node(range)?;
        if self.locals.len() >= MAX_MACROS {
            return Err(ExpressionError::TooDeep {
                what: "macros",
                offset: 0,
                limit: MAX_MACROS,
            });
        }
        self.locals.push(local.clone());
        let bodies = self.nodes(bodies);
        self.locals.pop();
        let mut bodies = bodies?.into_vec().into_iter();
        let Some(body) = bodies.next() else {
            return Err(unsupported(format!("`{name}` without a body")));
        };
        let kind = match (name, bodies.next()) {
            ("all", _) => LoopKind::All,
            ("exists", _) => LoopKind::Exists,
            ("exists_one", _) => LoopKind::ExistsOne,
            ("filter", _) => LoopKind::Filter,
            (_, Some(value)) => LoopKind::MapIf(value),
            (_, None) => LoopKind::Map,
        };
        Ok(Node::Loop(Box::new(Loop { kind, range, body })))
    }

    fn function(
        &mut self,
        name: &str,
        target: Option<&IdedExpr>,
        arguments: &[IdedExpr],
    ) -> Result<Node, ExpressionError> {
        let count = arguments.len() + usize::from(target.is_some());
        let Some(function) = Function::find(name, target.is_some(), count) else {
            return Err(unknown_function(name, target.is_some(), arguments.len()));
        };
        let all = target.into_iter().chain(arguments);
        let arguments = all.map(|tree| self.node(tree)).collect::<Result<_, _>>()?;
        Ok(Node::Call { function, arguments })
    }
}

fn unknown_function(name: &str, receiver: bool, arguments: usize) -> ExpressionError {
    let known: Vec<String> = FUNCTIONS.iter().map(|&name| name.to_owned()).collect();
    if FUNCTIONS.contains(&name) {
        let receiver = if receiver { "x." } else { "" };
        let places = vec!["_"; arguments].join(", ");
        let name = format!("{receiver}{name}({places})");
        return ExpressionError::UnknownFunction {
            name,
            suggestion: None,
            known,
        };
    }
    let suggestion = names::nearest(name, FUNCTIONS.iter().copied());
    ExpressionError::UnknownFunction {
        name: name.to_owned(),
        suggestion,
        known,
    }
}

fn is_macro(name: &str, bodies: usize) -> bool {
    match name {
        "all" | "exists" | "exists_one" | "filter" => bodies == 1,
        "map" => bodies == 1 || bodies == 2,
        _ => false,
    }
}

fn binary(name: &str) -> Option<Binary> {
    Some(match name {
        operators::ADD => Binary::Add,
        operators::SUBSTRACT => Binary::Subtract,
        operators::MULTIPLY => Binary::Multiply,
        operators::DIVIDE => Binary::Divide,
        operators::MODULO => Binary::Remainder,
        operators::EQUALS => Binary::Equal,
        operators::NOT_EQUALS => Binary::NotEqual,
        operators::LESS => Binary::Less,
        operators::LESS_EQUALS => Binary::LessOrEqual,
        operators::GREATER => Binary::Greater,
        operators::GREATER_EQUALS => Binary::GreaterOrEqual,
        operators::IN => Binary::In,
        _ => return None,
    })
}

fn literal_of(literal: &LiteralValue) -> Result<Literal, ExpressionError> {
    Ok(match literal {
        LiteralValue::Null => Literal::Null,
        LiteralValue::Boolean(truth) => Literal::Bool(*truth.inner()),
        LiteralValue::Int(number) => Literal::Int(*number.inner()),
        LiteralValue::UInt(number) => Literal::Uint(*number.inner()),
        LiteralValue::Double(number) => Literal::Double(*number.inner()),
        LiteralValue::String(text) => Literal::Text(text.inner().into()),
        LiteralValue::Bytes(_) => return Err(unsupported("a bytes literal `b'…'`")),
    })
}
