//! What people see: errors with their causes, hostile text made harmless, progress on one line.

pub use gumshoe_plugin_api::text::{chain, count, printable};
use std::io::{IsTerminal, Write};

/// Prints an error with its causes to standard error, unless it is that nobody reads any more.
pub fn print_error(error: &anyhow::Error) {
    let is_pipe = |cause: &std::io::Error| cause.kind() == std::io::ErrorKind::BrokenPipe;
    if error
        .chain()
        .any(|cause| cause.downcast_ref().is_some_and(is_pipe))
    {
        return;
    }
    eprintln!("gumshoe-agent: {}", printable(&chain(error.as_ref())));
}

/// A line at the bottom of the terminal that is written over and over; silent elsewhere.
#[derive(Debug)]
pub struct StatusLine {
    enabled: bool,
    shown: bool,
}

impl StatusLine {
    /// A status line on standard error, if that is a terminal and `wanted`.
    #[must_use]
    pub fn new(wanted: bool) -> Self {
        Self {
            enabled: wanted && std::io::stderr().is_terminal(),
            shown: false,
        }
    }

    /// Shows `text` instead of what was there.
    pub fn show(&mut self, text: &str) {
        if self.enabled {
            let width =
                rustix::termios::tcgetwinsize(std::io::stderr()).map_or(80, |size| usize::from(size.ws_col));
            let text: String = printable(text).chars().take(width.saturating_sub(1)).collect();
            eprint!("\r\x1b[K{text}");
            let _ = std::io::stderr().flush(); // a terminal that is gone shows nothing
            self.shown = true;
        }
    }

    /// Takes the line away, before something else is printed.
    pub fn clear(&mut self) {
        if self.shown {
            eprint!("\r\x1b[K");
            self.shown = false;
        }
    }
}

/// Prints one line to standard output.
///
/// # Errors
///
/// The stream's error: a closed pipe is one, and no reason to panic.
pub fn line(text: &str) -> std::io::Result<()> {
    writeln!(std::io::stdout().lock(), "{text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_names_cannot_steer_the_terminal() {
        assert_eq!(
            printable("/tmp/\x1b[2Jx\u{202e}y\u{9b}z"),
            r"/tmp/\u{1b}[2Jx\u{202e}y\u{9b}z"
        );
        assert_eq!(printable("ä\tb\n"), "ä\tb\n");
    }
}
