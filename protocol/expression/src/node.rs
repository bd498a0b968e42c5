//! The checked tree of an expression: every name is resolved, every pattern compiled.

use crate::functions::Function;
use crate::pattern::Pattern;

/// One node; `Box<[Node]>` where the number of children varies.
#[derive(Debug)]
pub enum Node {
    /// A literal.
    Literal(Literal),
    /// A variable: its place among the expression's names.
    Variable(usize),
    /// A macro's variable: its place among those that are bound, outermost first.
    Local(usize),
    /// `[a, b]`
    List(Box<[Node]>),
    /// `[1, 2]`, literals only, which needs no work when it is evaluated
    Constants(Box<[Literal]>),
    /// `operand.field`
    Select { operand: Box<Node>, field: Box<str> },
    /// `has(operand.field)`
    Has { operand: Box<Node>, field: Box<str> },
    /// `operand[index]`
    Index { operand: Box<Node>, index: Box<Node> },
    /// `!operand`
    Not(Box<Node>),
    /// `-operand`
    Negate(Box<Node>),
    /// `left && right` or `left || right`
    Logical { absorbing: bool, sides: Box<[Node; 2]> },
    /// `condition ? yes : no`: the three in this order
    Conditional(Box<[Node; 3]>),
    /// Every other operator of two operands.
    Binary { operator: Binary, sides: Box<[Node; 2]> },
    /// A function; the receiver of `x.f(y)` is the first argument.
    Call {
        function: Function,
        arguments: Box<[Node]>,
    },
    /// `text.matches('…')`
    Matches { text: Box<Node>, pattern: Box<Pattern> },
    /// A macro over a list or the keys of a map.
    Loop(Box<Loop>),
}

/// A value written in the expression.
#[derive(Debug)]
pub enum Literal {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// `-1`
    Int(i64),
    /// `1u`
    Uint(u64),
    /// `1.5`
    Double(f64),
    /// `'text'`
    Text(Box<str>),
}

/// Operators of two operands that evaluate both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binary {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `%`
    Remainder,
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `in`
    In,
}

impl Binary {
    /// The operator as it is written.
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Remainder => "%",
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::In => "in",
        }
    }
}

/// `range.all(local, body)` and its siblings.
#[derive(Debug)]
pub struct Loop {
    /// Which macro.
    pub kind: LoopKind,
    /// What is gone through.
    pub range: Node,
    /// Evaluated per element.
    pub body: Node,
}

/// What a macro makes of its body's values.
#[derive(Debug)]
pub enum LoopKind {
    /// True unless the body is false for an element.
    All,
    /// True if the body is true for an element.
    Exists,
    /// True if the body is true for exactly one element.
    ExistsOne,
    /// The elements for which the body is true.
    Filter,
    /// The body's values.
    Map,
    /// `map(x, condition, value)`: the body is the condition.
    MapIf(Node),
}
