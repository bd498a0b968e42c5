//! How a runner's process ended, in words.

use gumshoe_plugin_api::Limits;
use std::collections::VecDeque;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

/// How much of what a runner prints is kept: the end, where a crash leaves its message.
const KEPT_BYTES: usize = 2048;

/// What a runner printed to its standard streams. Modules have no business there, so it is only
/// shown when the process ended badly.
#[derive(Debug, Default)]
pub struct Output {
    tail: VecDeque<u8>,
}

impl Output {
    /// Takes what was printed next.
    pub fn keep(&mut self, bytes: &[u8]) {
        self.tail.extend(&bytes[bytes.len().saturating_sub(KEPT_BYTES)..]);
        let excess = self.tail.len().saturating_sub(KEPT_BYTES);
        self.tail.drain(..excess);
    }

    /// The last line that says something, if there is one.
    fn last_words(&self) -> Option<String> {
        let bytes: Vec<u8> = self.tail.iter().copied().collect();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let told = |line: &&str| !line.trim().is_empty() && !line.starts_with("note: run with");
        let line = text.lines().rev().find(told)?;
        Some(line.trim().chars().take(400).collect())
    }
}

/// What to say about a process that ended; `None` when it answered first and then ended well.
pub fn describe_end(
    status: io::Result<ExitStatus>,
    output: &Output,
    answered: bool,
    limits: &Limits,
) -> Option<String> {
    let status = match status {
        Ok(status) if answered && status.success() => return None,
        Ok(status) => status,
        Err(error) => return Some(format!("how the module's process ended is unknown: {error}")),
    };
    let mut text = match (status.signal(), status.code()) {
        (Some(signal), _) => killed_by(signal),
        (None, Some(code)) => format!("the module's process ended by itself with exit status {code}"),
        (None, None) => "the module's process ended".to_owned(),
    };
    let words = output.last_words();
    if words
        .as_deref()
        .is_some_and(|words| words.contains("memory allocation of"))
    {
        text.push_str(&format!("; its memory limit is {} bytes", limits.memory_bytes));
    }
    if let Some(words) = words {
        text.push_str(&format!("; its last words: {words}"));
    }
    Some(text)
}

fn killed_by(signal: i32) -> String {
    let why = match signal {
        libc::SIGSYS => {
            ": it made a system call that no module has any business with (see \"sandbox\" in the manual)"
        }
        libc::SIGXFSZ => ": it wrote to a file, and no module may",
        _ => "",
    };
    format!("the module's process was killed by {}{why}", signal_name(signal))
}

fn signal_name(number: i32) -> String {
    let name = signal_hook::low_level::signal_name(number);
    name.map_or_else(|| format!("signal {number}"), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_end_of_a_flood_is_kept() {
        let mut output = Output::default();
        for part in [&[b'x'; 10_000][..], &[b'x'; 7], b"\nthe ", b"end\n\n"] {
            output.keep(part);
        }
        assert!(output.tail.len() <= KEPT_BYTES);
        assert_eq!(output.last_words().as_deref(), Some("the end"));
    }
}
