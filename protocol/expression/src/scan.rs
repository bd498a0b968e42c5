//! Bounds on the text, before any recursive code sees it.
//!
//! The parser recurses per bracket, and the tree that it makes is as deep as the longest chain of
//! operators (`1+1+1…`, `a.b.c…`, `a?b:c?d:…`). Both are counted here in one pass without recursion.
//! What could be read differently here and by the parser (a malformed string, characters that no
//! token has) is refused, so that nothing hides from the count.

use crate::ExpressionError;

/// Longest text of an expression.
pub const MAX_LENGTH_BYTES: usize = 8 * 1024;
/// Most brackets within each other.
pub const MAX_NESTING: usize = 32;
/// Most operators, selections and calls in one chain, counted through all open brackets.
pub const MAX_CHAIN: usize = 128;

/// Checks length, nesting and chains.
///
/// # Errors
///
/// [`ExpressionError::TooLong`], [`ExpressionError::TooDeep`]; [`ExpressionError::Syntax`] for
/// malformed strings and characters; [`ExpressionError::Unsupported`] for triple quotes and bytes.
pub fn scan(text: &str) -> Result<(), ExpressionError> {
    if text.len() > MAX_LENGTH_BYTES {
        return Err(ExpressionError::TooLong {
            length_bytes: text.len(),
            limit_bytes: MAX_LENGTH_BYTES,
        });
    }
    let mut levels = Levels::default();
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        let offset = text.len() - rest.len();
        let length = token_length(rest).map_err(|refusal| refusal.at(text, offset))?;
        let (token, after) = rest.split_at(length.min(rest.len()));
        levels.see(token, offset)?;
        rest = after;
    }
    Ok(())
}

/// Why a token is refused.
enum Refusal {
    Malformed(&'static str),
    Unsupported(&'static str),
}

impl Refusal {
    fn at(self, text: &str, offset: usize) -> ExpressionError {
        match self {
            Self::Unsupported(what) => ExpressionError::Unsupported {
                what: what.to_owned(),
            },
            Self::Malformed(what) => {
                let before = text.get(..offset).unwrap_or_default();
                let line = before.rsplit('\n').next().unwrap_or_default();
                ExpressionError::Syntax {
                    line: before.matches('\n').count() + 1,
                    column: line.chars().count() + 1,
                    message: what.to_owned(),
                }
            }
        }
    }
}

/// Length of the string, comment, word or operator that `rest` starts with.
fn token_length(rest: &[u8]) -> Result<usize, Refusal> {
    match rest {
        [b'"', b'"', b'"', ..] | [b'\'', b'\'', b'\'', ..] => {
            Err(Refusal::Unsupported("a string in triple quotes"))
        }
        [b'r' | b'R', quote @ (b'"' | b'\''), text @ ..] => Ok(2 + string_length(text, *quote, false)?),
        [quote @ (b'"' | b'\''), text @ ..] => Ok(1 + string_length(text, *quote, true)?),
        [b'/', b'/', ..] => Ok(rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len())),
        [b'&', b'&', ..] | [b'|', b'|', ..] | [b'=' | b'!' | b'<' | b'>', b'=', ..] => Ok(2),
        [byte, ..] if is_word(*byte) => word_length(rest),
        [byte, ..]
            if byte.is_ascii_graphic() && !matches!(byte, b'`' | b'#' | b'$' | b'@' | b'\\' | b'~') =>
        {
            Ok(1)
        }
        [b' ' | b'\t' | b'\r' | b'\n', ..] => Ok(1),
        _ => Err(Refusal::Malformed(
            "a character that no expression has outside strings",
        )),
    }
}

/// Length of an identifier, keyword or number.
fn word_length(rest: &[u8]) -> Result<usize, Refusal> {
    let length = rest.iter().position(|byte| !is_word(*byte)).unwrap_or(rest.len());
    let (word, after) = rest.split_at(length);
    match (word, after.first()) {
        (b"b" | b"B" | b"br" | b"bR" | b"Br" | b"BR" | b"rb" | b"rB" | b"Rb" | b"RB", Some(b'\'' | b'"')) => {
            Err(Refusal::Unsupported("a bytes literal `b'…'`"))
        }
        (_, Some(b'\'' | b'"')) => Err(Refusal::Malformed("a string right behind a word")),
        _ => Ok(length),
    }
}

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Length of a string's content and closing quote.
fn string_length(text: &[u8], quote: u8, escapes: bool) -> Result<usize, Refusal> {
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        at += match byte {
            b'\n' | b'\r' => break,
            b'\\' if escapes => escape_length(text.get(at + 1..).unwrap_or_default())?,
            _ if byte == quote => return Ok(at + 1),
            _ => 1,
        };
    }
    Err(Refusal::Malformed("a string that does not end on its line"))
}

/// Length of an escape sequence with its backslash (CEL specification, "String and Bytes Values").
fn escape_length(behind: &[u8]) -> Result<usize, Refusal> {
    let (digits, length, valid): (usize, usize, fn(&u8) -> bool) = match behind.first() {
        Some(b'a' | b'b' | b'f' | b'n' | b'r' | b't' | b'v' | b'\\' | b'\'' | b'"' | b'`' | b'?') => {
            return Ok(2);
        }
        Some(b'x' | b'X') => (1, 2, u8::is_ascii_hexdigit),
        Some(b'u') => (1, 4, u8::is_ascii_hexdigit),
        Some(b'U') => (1, 8, u8::is_ascii_hexdigit),
        Some(b'0'..=b'3') => (0, 3, |byte| (b'0'..=b'7').contains(byte)),
        _ => return Err(Refusal::Malformed("a string with an unknown escape sequence")),
    };
    match behind.get(digits..digits + length) {
        Some(code) if code.iter().all(valid) => Ok(1 + digits + length),
        _ => Err(Refusal::Malformed("a string with a malformed escape sequence")),
    }
}

/// What nests within one bracket.
#[derive(Default)]
struct Level {
    /// Operators since the last comma, `&&` or `||` (those two the parser balances).
    chain: usize,
    /// `? :` since the last comma.
    conditionals: usize,
}

/// The levels that are open.
#[derive(Default)]
struct Levels {
    open: Vec<Level>,
    innermost: Level,
    /// Sum over all levels.
    total: usize,
}

impl Levels {
    fn see(&mut self, token: &[u8], offset: usize) -> Result<(), ExpressionError> {
        match token {
            b"(" | b"[" | b"{" => self.enter(offset),
            b")" | b"]" | b"}" => {
                self.leave();
                Ok(())
            }
            b"," => {
                self.total -= std::mem::take(&mut self.innermost.conditionals);
                self.restart();
                Ok(())
            }
            b"&&" | b"||" => {
                self.restart();
                Ok(())
            }
            b"?" => {
                self.innermost.conditionals += 1;
                self.count(offset)
            }
            b"in" | b"+" | b"-" | b"*" | b"/" | b"%" | b"." | b"!" | b"<" | b">" | b"==" | b"!=" | b"<="
            | b">=" => {
                self.innermost.chain += 1;
                self.count(offset)
            }
            _ => Ok(()),
        }
    }

    fn enter(&mut self, offset: usize) -> Result<(), ExpressionError> {
        if self.open.len() >= MAX_NESTING {
            return Err(ExpressionError::TooDeep {
                what: "brackets",
                offset,
                limit: MAX_NESTING,
            });
        }
        self.innermost.chain += 1;
        self.open.push(std::mem::take(&mut self.innermost));
        self.count(offset)
    }

    fn leave(&mut self) {
        if let Some(outer) = self.open.pop() {
            let closed = std::mem::replace(&mut self.innermost, outer);
            self.total -= closed.chain + closed.conditionals;
        }
    }

    fn restart(&mut self) {
        self.total -= std::mem::take(&mut self.innermost.chain);
    }

    fn count(&mut self, offset: usize) -> Result<(), ExpressionError> {
        self.total += 1;
        if self.total > MAX_CHAIN {
            return Err(ExpressionError::TooDeep {
                what: "a chain of operators",
                offset,
                limit: MAX_CHAIN,
            });
        }
        Ok(())
    }
}
