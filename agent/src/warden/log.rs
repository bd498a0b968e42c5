//! What the daemon says on standard error, for the journal or a file: text, or one JSON object per line.

use crate::terminal::printable;
use chrono::Utc;
use std::fmt::Display;
use std::io::Write;

/// How lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Something that should work does not.
    Error,
    /// Something that somebody should look at.
    Warning,
    /// What happens.
    Info,
}

impl Level {
    fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }

    /// Source: sd-daemon(3), which has the numbers of syslog(3).
    fn priority(self) -> u8 {
        match self {
            Self::Error => 3,
            Self::Warning => 4,
            Self::Info => 6,
        }
    }
}

/// A name and what it is.
pub type Field<'a> = (&'static str, &'a dyn Display);

/// The log.
#[derive(Debug, Clone, Copy)]
pub struct Log {
    format: Format,
    /// Lines go to systemd's journal, which takes the time itself and reads the priority.
    is_journal: bool,
}

impl Log {
    /// A log in this form.
    #[must_use]
    pub fn new(format: Format) -> Self {
        Self {
            format,
            is_journal: std::env::var_os("JOURNAL_STREAM").is_some(),
        }
    }

    /// Says that something should work and does not.
    pub fn error(&self, message: &str, fields: &[Field<'_>]) {
        self.tell(Level::Error, message, fields);
    }

    /// Says something that somebody should look at.
    pub fn warning(&self, message: &str, fields: &[Field<'_>]) {
        self.tell(Level::Warning, message, fields);
    }

    /// Says what happens.
    pub fn info(&self, message: &str, fields: &[Field<'_>]) {
        self.tell(Level::Info, message, fields);
    }

    fn tell(&self, level: Level, message: &str, fields: &[Field<'_>]) {
        let line = self.line(level, message, fields);
        // Whoever reads may be gone: the work goes on.
        let _ = std::io::stderr().lock().write_all(line.as_bytes());
    }

    fn line(&self, level: Level, message: &str, fields: &[Field<'_>]) -> String {
        let head = if self.is_journal {
            format!("<{}>", level.priority())
        } else {
            String::new()
        };
        let body = match self.format {
            Format::Text => self.text(level, message, fields),
            Format::Json => json(level, message, fields),
        };
        format!("{head}{body}\n")
    }

    fn text(&self, level: Level, message: &str, fields: &[Field<'_>]) -> String {
        let mut text = if self.is_journal {
            String::new()
        } else {
            format!(
                "{} {}: ",
                Utc::now().format("%Y-%m-%dT%H:%M:%S%.3fZ"),
                level.name()
            )
        };
        text.push_str(message);
        for (name, value) in fields {
            // Causes may have several lines, such as a piece of a configuration file.
            let value = value.to_string();
            let value = value.split_whitespace().collect::<Vec<_>>().join(" ");
            let is_plain = !value.is_empty() && !value.contains(|c: char| c.is_whitespace() || c == '"');
            text.push_str(&if is_plain {
                format!(" {name}={value}")
            } else {
                format!(" {name}={value:?}")
            });
        }
        printable(&text).replace('\n', " ")
    }
}

fn json(level: Level, message: &str, fields: &[Field<'_>]) -> String {
    let mut line = serde_json::Map::new();
    line.insert("time".to_owned(), Utc::now().to_rfc3339().into());
    line.insert("level".to_owned(), level.name().into());
    line.insert("message".to_owned(), message.into());
    for (name, value) in fields {
        line.insert((*name).to_owned(), value.to_string().into());
    }
    serde_json::Value::Object(line).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(format: Format, is_journal: bool) -> Log {
        Log { format, is_journal }
    }

    #[test]
    fn a_line_is_one_line_whatever_is_in_it() {
        let hostile: &dyn Display = &"a\nb\u{1b}[2J";
        for format in [Format::Text, Format::Json] {
            let line = log(format, true).line(Level::Warning, "something", &[("name", hostile), ("n", &1)]);
            assert_eq!(line.matches('\n').count(), 1, "{line}");
            assert!(line.starts_with("<4>") && !line.contains('\u{1b}'), "{line}");
        }
        let text = log(Format::Text, true).line(Level::Info, "x", &[("n", &1), ("name", &"a b")]);
        assert_eq!(text, "<6>x n=1 name=\"a b\"\n");
        let text = log(Format::Text, true).line(Level::Info, "x", &[("why", &"line 1\n   | key\n")]);
        assert_eq!(text, "<6>x why=\"line 1 | key\"\n");
    }
}
