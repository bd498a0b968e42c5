//! A document's text: JSON or YAML to one kind of value.

use serde_json::Value;

use crate::{Problems, limits::MAX_DOCUMENT_BYTES, yaml};

/// Fewest bytes of a document, blanks in front not counted.
const MIN_DOCUMENT_BYTES: usize = 10;

/// What a document is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// JSON: values have types.
    Json,
    /// YAML: every scalar is taken as its text, which the key that it belongs to gives a type.
    Yaml,
}

/// Why a text is no document.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TextError {
    /// There is hardly anything.
    #[error("the document is too small: {bytes} bytes")]
    TooSmall {
        /// Its size.
        bytes: usize,
    },
    /// It is larger than [`MAX_DOCUMENT_BYTES`].
    #[error("the document has {bytes} bytes; at most {MAX_DOCUMENT_BYTES} are read")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// It is not UTF-8.
    #[error("the document is not UTF-8 at byte {at}")]
    NotUtf8 {
        /// Where.
        at: usize,
    },
    /// It begins as JSON does and is none.
    #[error("not valid JSON: {0}")]
    Json(#[source] serde_json::Error),
    /// It is neither JSON nor YAML.
    #[error("not valid YAML: {message}")]
    Yaml {
        /// What the parser says.
        message: String,
        /// Line, from 1.
        line: usize,
    },
}

impl TextError {
    fn line(&self) -> Option<usize> {
        match self {
            Self::Json(error) => Some(error.line()),
            Self::Yaml { line, .. } => Some(*line),
            _ => None,
        }
    }
}

impl From<TextError> for Problems {
    fn from(error: TextError) -> Self {
        Self::whole(error.to_string(), error.line())
    }
}

/// What a text is written in: JSON when it begins with a bracket.
pub(crate) fn format_of(text: &str) -> Format {
    match text.trim_ascii_start().as_bytes().first() {
        Some(b'{' | b'[') => Format::Json,
        _ => Format::Yaml,
    }
}

/// Reads a document's text.
///
/// # Errors
///
/// [`TextError`] when it is neither JSON nor YAML, or goes beyond a limit.
pub(crate) fn parse(bytes: &[u8]) -> Result<(Value, Format), TextError> {
    if bytes.len() > MAX_DOCUMENT_BYTES {
        return Err(TextError::TooLarge { bytes: bytes.len() });
    }
    let text = std::str::from_utf8(bytes).map_err(|error| TextError::NotUtf8 {
        at: error.valid_up_to(),
    })?;
    let size = text.trim_ascii_start().len();
    if size < MIN_DOCUMENT_BYTES {
        return Err(TextError::TooSmall { bytes: size });
    }
    let format = format_of(text);
    let value = match format {
        Format::Json => serde_json::from_str(text).map_err(TextError::Json)?,
        Format::Yaml => yaml::parse(text)?,
    };
    Ok((value, format))
}

/// Fills in the lines of a YAML document's problems.
pub(crate) fn add_lines(problems: &mut Problems, text: &[u8]) {
    if let Ok(text) = std::str::from_utf8(text)
        && format_of(text) == Format::Yaml
    {
        yaml::add_lines(problems, text);
    }
}
