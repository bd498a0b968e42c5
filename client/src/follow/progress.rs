//! Progress: a bar on a terminal, a line now and then elsewhere.

use crate::api::{Counters, Progress};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

/// Between lines, where there is no terminal.
const BETWEEN_LINES: Duration = Duration::from_secs(10);
/// How often the bar turns when nothing else happens.
const TICK: Duration = Duration::from_millis(120);

/// Shows progress on standard error.
pub struct Display {
    bar: Option<ProgressBar>,
    /// When the last line was written, or there would have been nothing to tell yet.
    last_line: Instant,
}

impl Display {
    /// A bar where standard error is a terminal.
    pub fn new() -> Self {
        Self {
            bar: std::io::stderr().is_terminal().then(bar),
            last_line: Instant::now(),
        }
    }

    /// Shows how far the action is.
    pub fn progress(&mut self, progress: &Progress) {
        let told = told(progress);
        match &self.bar {
            Some(bar) => {
                let counters = &progress.counters;
                bar.set_length(counters.targeted);
                bar.set_position(
                    counters
                        .targeted
                        .saturating_sub(counters.waiting + counters.running),
                );
                bar.set_message(told);
            }
            None if self.last_line.elapsed() >= BETWEEN_LINES => {
                eprintln!("{told}");
                self.last_line = Instant::now();
            }
            None => {}
        }
    }

    /// Prints something else, with the bar out of the way.
    pub fn aside<T>(&self, print: impl FnOnce() -> T) -> T {
        match &self.bar {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{spinner} [{elapsed}] {bar:30} {pos}/{len} hosts  {msg}")
    {
        bar.set_style(style);
    }
    bar.enable_steady_tick(TICK);
    bar
}

fn told(progress: &Progress) -> String {
    let Counters {
        answered,
        targeted,
        running,
        found,
        findings,
        ..
    } = progress.counters;
    let state = match progress.state.as_deref() {
        None | Some("running" | "done") => String::new(),
        Some(state) => format!("{}: ", crate::terminal::one_line(state)),
    };
    format!(
        "{state}{answered} of {targeted} answered, {running} running, {found} found something, {findings} findings"
    )
}
