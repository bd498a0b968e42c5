//! The conditions of MIG's targets: what stands behind `WHERE`, in PostgreSQL's SQL.

use std::iter::Peekable;
use std::str::Chars;

/// How long a target may be.
const MAX_BYTES: usize = 16 << 10;
/// How deep conditions may nest.
const MAX_DEPTH: usize = 32;

/// A condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// All of them.
    All(Vec<Condition>),
    /// Any of them.
    Any(Vec<Condition>),
    /// The opposite.
    Not(Box<Condition>),
    /// Always, or never.
    Constant(bool),
    /// About a column.
    Test(Column, Test),
}

/// A column, and the path into the JSON in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name, in lowercase.
    pub name: String,
    /// The keys.
    pub path: Vec<String>,
}

/// What is asked of a column's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Test {
    /// It is one of these.
    In(Vec<String>),
    /// It is like this, where `%` and `_` stand for anything.
    Like(String, Case),
    /// It has a part that matches.
    Regex(String, Case),
    /// There is none.
    Null,
}

/// Whether case matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Case {
    /// It does.
    Matters,
    /// It does not.
    Ignored,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(String),
    Text(String),
    Number(String),
    Symbol(&'static str),
}

/// What stands between the words; longer ones first.
const SYMBOLS: [&str; 17] = [
    "->>", "#>>", "->", "#>", "<>", "!=", "!~*", "!~", "~*", "<=", ">=", "=", "~", "(", ")", ",", "::",
];

/// Reads a condition.
///
/// # Errors
///
/// What is not understood, for people.
pub fn parse(text: &str) -> Result<Condition, String> {
    if text.len() > MAX_BYTES {
        return Err(format!("it has more than {MAX_BYTES} bytes"));
    }
    let mut parser = Parser {
        tokens: tokens(text)?.into_iter().peekable(),
    };
    let condition = parser.any(0)?;
    match parser.tokens.next() {
        None => Ok(condition),
        Some(token) => Err(format!("{} is not expected", shown(&token))),
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, length) = match first {
            '\'' => quoted(rest)?,
            'a'..='z' | 'A'..='Z' | '_' | '"' => word(rest)?,
            '0'..='9' => {
                let length = rest.len()
                    - rest
                        .trim_start_matches(|c: char| c.is_ascii_digit() || c == '.')
                        .len();
                (Token::Number(rest[..length].to_owned()), length)
            }
            // Longest first, whatever their order in the table.
            _ => match SYMBOLS
                .iter()
                .filter(|symbol| rest.starts_with(**symbol))
                .max_by_key(|symbol| symbol.len())
            {
                Some(symbol) => (Token::Symbol(symbol), symbol.len()),
                None => return Err(format!("{first:?} is not understood")),
            },
        };
        tokens.push(token);
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

/// `'text'`, where `''` is a quote.
fn quoted(rest: &str) -> Result<(Token, usize), String> {
    let mut text = String::new();
    let mut chars: Peekable<Chars<'_>> = rest.chars().peekable();
    chars.next();
    let mut length = 1;
    while let Some(c) = chars.next() {
        length += c.len_utf8();
        if c != '\'' {
            text.push(c);
        } else if chars.peek() == Some(&'\'') {
            chars.next();
            length += 1;
            text.push('\'');
        } else {
            return Ok((Token::Text(text), length));
        }
    }
    Err("a quote is not closed".to_owned())
}

/// A name, perhaps in double quotes.
fn word(rest: &str) -> Result<(Token, usize), String> {
    if let Some(inner) = rest.strip_prefix('"') {
        let end = inner.find('"').ok_or("a quote is not closed")?;
        return Ok((Token::Word(inner[..end].to_owned()), end + 2));
    }
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    let length = rest.len() - rest.trim_start_matches(is_part).len();
    Ok((Token::Word(rest[..length].to_lowercase()), length))
}

struct Parser {
    tokens: Peekable<std::vec::IntoIter<Token>>,
}

impl Parser {
    fn any(&mut self, depth: usize) -> Result<Condition, String> {
        if depth > MAX_DEPTH {
            return Err(format!("it nests deeper than {MAX_DEPTH}"));
        }
        let mut parts = vec![self.all(depth)?];
        while self.takes("or") {
            parts.push(self.all(depth)?);
        }
        Ok(one_or(parts, Condition::Any))
    }

    fn all(&mut self, depth: usize) -> Result<Condition, String> {
        let mut parts = vec![self.single(depth)?];
        while self.takes("and") {
            parts.push(self.single(depth)?);
        }
        Ok(one_or(parts, Condition::All))
    }

    fn single(&mut self, depth: usize) -> Result<Condition, String> {
        if depth > MAX_DEPTH {
            return Err(format!("it nests deeper than {MAX_DEPTH}"));
        }
        if self.takes("not") {
            return Ok(Condition::Not(Box::new(self.single(depth + 1)?)));
        }
        if self.takes_symbol("(") {
            let inner = self.any(depth + 1)?;
            self.needs(")")?;
            return Ok(inner);
        }
        match self.tokens.next() {
            Some(Token::Word(word)) if word == "true" || word == "false" => {
                Ok(Condition::Constant(word == "true"))
            }
            Some(Token::Word(name)) => self.test(name),
            Some(Token::Number(left)) => {
                self.needs("=")?;
                Ok(Condition::Constant(self.value()? == left))
            }
            Some(token) => Err(format!("{} is not expected", shown(&token))),
            None => Err("something is missing at its end".to_owned()),
        }
    }

    /// Column, operator, value.
    fn test(&mut self, name: String) -> Result<Condition, String> {
        let mut column = Column {
            name,
            path: Vec::new(),
        };
        while let Some(path) = self.path_step()? {
            column.path.extend(path);
        }
        if self.takes("is") {
            let not = self.takes("not");
            if !self.takes("null") {
                return Err("NULL is expected behind IS".to_owned());
            }
            return Ok(maybe_not(Condition::Test(column, Test::Null), not));
        }
        let not = self.takes("not");
        let (test, negated) = self.comparison()?;
        Ok(maybe_not(Condition::Test(column, test), not != negated))
    }

    fn comparison(&mut self) -> Result<(Test, bool), String> {
        if self.takes("in") {
            return Ok((Test::In(self.list()?), false));
        }
        let operator = match self.tokens.next() {
            Some(Token::Word(word)) => word,
            Some(Token::Symbol(symbol)) => symbol.to_owned(),
            Some(token) => return Err(format!("{} is not expected", shown(&token))),
            None => return Err("a comparison is missing at its end".to_owned()),
        };
        if !["=", "!=", "<>", "like", "ilike", "~", "~*", "!~", "!~*"].contains(&operator.as_str()) {
            return Err(format!("the comparison `{operator}` has no counterpart"));
        }
        let value = self.value()?;
        let negated = operator.starts_with('!') || operator == "<>";
        let test = match operator.as_str() {
            "=" | "!=" | "<>" => Test::In(vec![value]),
            "like" => Test::Like(value, Case::Matters),
            "ilike" => Test::Like(value, Case::Ignored),
            "~" | "!~" => Test::Regex(value, Case::Matters),
            _ => Test::Regex(value, Case::Ignored),
        };
        Ok((test, negated))
    }

    /// `->>'key'`, `->'key'`, `#>>'{key,key}'`.
    fn path_step(&mut self) -> Result<Option<Vec<String>>, String> {
        if self.takes_symbol("->>") || self.takes_symbol("->") {
            return Ok(Some(vec![self.value()?]));
        }
        if self.takes_symbol("#>>") || self.takes_symbol("#>") {
            let text = self.value()?;
            let inner = text.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
            let inner = inner.ok_or_else(|| format!("{text:?} is not a path"))?;
            return Ok(Some(inner.split(',').map(|key| key.trim().to_owned()).collect()));
        }
        Ok(None)
    }

    fn list(&mut self) -> Result<Vec<String>, String> {
        self.needs("(")?;
        let mut values = vec![self.value()?];
        while self.takes_symbol(",") {
            values.push(self.value()?);
        }
        self.needs(")")?;
        Ok(values)
    }

    fn value(&mut self) -> Result<String, String> {
        let value = match self.tokens.next() {
            Some(Token::Text(text) | Token::Number(text)) => text,
            Some(token) => return Err(format!("{} is not expected where a value is", shown(&token))),
            None => return Err("a value is missing at its end".to_owned()),
        };
        if self.takes_symbol("::") {
            self.tokens.next();
        }
        Ok(value)
    }

    fn takes(&mut self, word: &str) -> bool {
        let is_it = |token: &Token| matches!(token, Token::Word(found) if found == word);
        self.tokens.next_if(is_it).is_some()
    }

    fn takes_symbol(&mut self, symbol: &str) -> bool {
        let is_it = |token: &Token| matches!(token, Token::Symbol(found) if *found == symbol);
        self.tokens.next_if(is_it).is_some()
    }

    fn needs(&mut self, symbol: &str) -> Result<(), String> {
        if self.takes_symbol(symbol) {
            return Ok(());
        }
        Err(match self.tokens.peek() {
            Some(token) => format!("`{symbol}` is expected, not {}", shown(token)),
            None => format!("`{symbol}` is missing at its end"),
        })
    }
}

fn one_or(mut parts: Vec<Condition>, several: fn(Vec<Condition>) -> Condition) -> Condition {
    if parts.len() == 1
        && let Some(only) = parts.pop()
    {
        return only;
    }
    several(parts)
}

fn maybe_not(condition: Condition, not: bool) -> Condition {
    if not {
        Condition::Not(Box::new(condition))
    } else {
        condition
    }
}

fn shown(token: &Token) -> String {
    match token {
        Token::Word(text) | Token::Number(text) => format!("`{text}`"),
        Token::Text(text) => format!("{text:?}"),
        Token::Symbol(symbol) => format!("`{symbol}`"),
    }
}
