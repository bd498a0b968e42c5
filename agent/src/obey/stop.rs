//! Stopping an action that runs: once for all of its runners, those to come among them.

use crate::supervise::Canceller;
use std::sync::{Arc, Mutex, PoisonError};

/// A handle that stops one action. Clones stop the same one.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    is_stopped: bool,
    running: Vec<Canceller>,
}

impl Stop {
    /// Stops the action: what was found until now is reported, what has not begun does not begin.
    pub fn stop(&self) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.is_stopped = true;
        state.running.drain(..).for_each(|runner| runner.cancel());
    }

    /// Whether it was stopped.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_stopped
    }

    /// Has a runner be cancelled together with the action: at once, if that was stopped already.
    pub fn watch(&self, runner: Canceller) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.is_stopped {
            runner.cancel();
        } else {
            state.running.push(runner);
        }
    }
}
