//! Work that waits for a thread.

use std::sync::{
    Condvar, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, AtomicIsize, Ordering},
};

/// Jobs that one thread gave away and another may take: each thread works on a stack of its own and
/// gives part of it away when somebody is [hungry](Pool::is_hungry), so the lock is rarely touched.
#[derive(Debug)]
pub(crate) struct Pool<J> {
    state: Mutex<State<J>>,
    changed: Condvar,
    /// Threads that wait for a job, less the jobs that wait for a thread.
    hunger: AtomicIsize,
    /// Jobs that are to lie ready although nobody waits for them.
    reserve: isize,
    stopped: AtomicBool,
}

#[derive(Debug)]
struct State<J> {
    jobs: Vec<J>,
    /// Threads that work, or could.
    threads: usize,
    waiting: usize,
}

impl<J> Pool<J> {
    /// A pool for a number of threads, each of which must [`join`](Pool::join).
    ///
    /// With a `reserve`, threads give work away before somebody asks for it: right where a thread may be busy for so
    /// long with one entry that nobody should have to wait until it looks up again.
    pub fn new(threads: usize, reserve: isize, jobs: Vec<J>) -> Self {
        Self {
            state: Mutex::new(State {
                jobs,
                threads,
                waiting: 0,
            }),
            changed: Condvar::new(),
            hunger: AtomicIsize::new(0),
            reserve,
            stopped: AtomicBool::new(false),
        }
    }

    /// Enters a thread. The value leaves the pool when it is dropped, and stops the others if that is in a panic.
    pub fn join(&self) -> Membership<'_, J> {
        Membership(self)
    }

    /// Whether a thread waits and nothing is there for it, or the reserve is used up.
    pub fn is_hungry(&self) -> bool {
        self.hunger.load(Ordering::Relaxed) + self.reserve > 0
    }

    /// Whether the walk is to end.
    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// Ends the walk: nobody gets another job.
    pub fn stop(&self) {
        let _state = self.lock();
        self.stopped.store(true, Ordering::Relaxed);
        self.changed.notify_all();
    }

    /// Gives jobs away.
    pub fn give(&self, jobs: impl IntoIterator<Item = J>) {
        let mut state = self.lock();
        state.jobs.extend(jobs);
        self.note_hunger(&state);
        if state.waiting > 0 {
            self.changed.notify_all();
        }
    }

    /// Waits for a job; `None` when the walk was stopped or no thread has work left.
    pub fn take(&self) -> Option<J> {
        let mut state = self.lock();
        loop {
            if self.is_stopped() {
                return None;
            }
            if let Some(job) = state.jobs.pop() {
                self.note_hunger(&state);
                return Some(job);
            }
            state.waiting += 1;
            self.note_hunger(&state);
            if state.waiting >= state.threads {
                drop(state);
                self.stop();
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.waiting -= 1;
        }
    }

    /// A thread that was counted did not come to be, or has left.
    pub fn leave(&self) {
        let mut state = self.lock();
        state.threads -= 1;
        if state.waiting >= state.threads {
            self.stopped.store(true, Ordering::Relaxed);
        }
        self.changed.notify_all();
    }

    fn note_hunger(&self, state: &State<J>) {
        let hunger =
            isize::try_from(state.waiting).unwrap_or(0) - isize::try_from(state.jobs.len()).unwrap_or(0);
        self.hunger.store(hunger, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, State<J>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Stops the pool when its thread panics, so that the others do not wait for it.
#[derive(Debug)]
pub(crate) struct Membership<'a, J>(&'a Pool<J>);

impl<J> Drop for Membership<'_, J> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.stop();
        }
    }
}
