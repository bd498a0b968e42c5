//! What all agents together have done, told line by line.

use gumshoe_protocol::ActionId;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Counts of all agents; they share one thread.
pub struct Tally {
    began: Instant,
    agents: u32,
    inner: RefCell<Inner>,
}

#[derive(Default)]
struct Inner {
    connected: u32,
    actions: HashMap<ActionId, Course>,
}

/// How one action went.
#[derive(Clone, Copy)]
struct Course {
    first: Instant,
    last_delivery: Instant,
    delivered: u32,
    answered: u32,
}

impl Tally {
    /// Nothing has been done by any of so many agents.
    pub fn new(agents: u32) -> Self {
        Self {
            began: Instant::now(),
            agents,
            inner: RefCell::default(),
        }
    }

    /// So many agents are connected, and the broker has what they had to say.
    pub fn connected(&self, agents: usize) {
        let mut inner = self.inner.borrow_mut();
        for _ in 0..agents {
            inner.connected += 1;
            if inner.connected == self.agents || inner.connected.is_multiple_of(1000) {
                let ready = inner.connected == self.agents;
                let event = if ready { "ready" } else { "connecting" };
                told(
                    &json!({"event": event, "agents": inner.connected, "ms": milliseconds(self.began.elapsed())}),
                );
            }
        }
    }

    /// So many agents have lost their connection.
    pub fn lost(&self, agents: usize) {
        let agents = u32::try_from(agents).unwrap_or(u32::MAX);
        let mut inner = self.inner.borrow_mut();
        inner.connected = inner.connected.saturating_sub(agents);
    }

    /// An action has arrived at an agent.
    pub fn delivered(&self, action: ActionId) {
        let now = Instant::now();
        let mut inner = self.inner.borrow_mut();
        let course = inner.actions.entry(action).or_insert(Course {
            first: now,
            last_delivery: now,
            delivered: 0,
            answered: 0,
        });
        course.delivered += 1;
        course.last_delivery = now;
    }

    /// The broker has all reports of an agent about an action.
    pub fn answered(&self, action: ActionId) {
        let mut inner = self.inner.borrow_mut();
        let Some(course) = inner.actions.get_mut(&action) else {
            return;
        };
        course.answered += 1;
        if course.answered == self.agents {
            told(&json!({
                "event": "answered", "action": action, "agents": course.answered,
                "last_delivery_ms": milliseconds(course.last_delivery - course.first),
                "last_confirm_ms": milliseconds(course.first.elapsed()),
            }));
        }
    }
}

/// Prints a line; standard output is flushed at its end.
pub fn told(line: &Value) {
    println!("{line}");
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
