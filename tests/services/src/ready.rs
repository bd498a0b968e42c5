//! When a server is ready, by what it prints.

use std::{
    collections::VecDeque,
    io::{BufRead as _, BufReader, Read},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

/// How many lines are kept for the error.
const KEPT_LINES: usize = 40;

/// Waits for a line with `sign`; a thread reads on for as long as the server lives.
///
/// # Errors
///
/// The last lines, when the server ends or `limit` is over without one.
pub(crate) fn wait(output: impl Read + Send + 'static, sign: &str, limit: Duration) -> Result<(), String> {
    let (lines, received) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            // Nobody listens once the server is ready.
            let _ = lines.send(line);
        }
    });
    let deadline = Instant::now() + limit;
    let mut last = VecDeque::new();
    while let Ok(line) = received.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
        if line.contains(sign) {
            return Ok(());
        }
        if last.len() == KEPT_LINES {
            last.pop_front();
        }
        last.push_back(line);
    }
    Err(Vec::from(last).join("\n"))
}
