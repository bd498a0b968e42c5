//! Where a running operation's findings go: through the socket, as frames, within the limits.

use super::Job;
use super::frame::{self, ask, tell};
use gumshoe_plugin_api::Operation;
use gumshoe_plugin_api::host::Loaded;
use gumshoe_plugin_api::sink::{Sink, event, stop};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Progress messages closer together than this are dropped.
const PROGRESS_INTERVAL_MS: u64 = 100;

/// The runner's [`Sink`].
pub struct Pipe<'a> {
    job: &'a Job,
    plugin: Loaded,
    writer: Mutex<UnixStream>,
    start: Instant,
    deadline: Instant,
    /// One of [`stop`]; set once.
    stopped: AtomicU32,
    findings: AtomicU64,
    bytes: AtomicU64,
    /// Milliseconds since `start` of the last progress message.
    progressed: AtomicU64,
}

impl<'a> Pipe<'a> {
    /// A pipe for one operation that starts now.
    pub fn new(job: &'a Job, plugin: Loaded, socket: UnixStream) -> Self {
        let start = Instant::now();
        Self {
            job,
            plugin,
            writer: Mutex::new(socket),
            start,
            deadline: start + Duration::from_millis(job.operation.limits.timeout_ms),
            stopped: AtomicU32::new(stop::NO),
            findings: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            progressed: AtomicU64::new(0),
        }
    }

    /// Why the operation was told to stop; [`stop::NO`] if it was not.
    pub fn stop_reason(&self) -> u32 {
        self.stopped.load(Ordering::Relaxed)
    }

    /// Reads requests until the operation ends: a cancellation, or the agent's end.
    pub fn watch(&self, mut socket: &UnixStream) {
        while let Ok(Some(request)) = frame::read(&mut socket) {
            if request.kind == ask::CANCEL {
                self.stop(stop::CANCELLED);
            }
        }
        // Hung up: either the operation is over, or nobody is left to report to.
        self.stop(stop::CANCELLED);
    }

    fn stop(&self, reason: u32) {
        let _ = self
            .stopped
            .compare_exchange(stop::NO, reason, Ordering::Relaxed, Ordering::Relaxed);
    }

    fn send(&self, kind: u8, parts: &[&[u8]]) {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if frame::write(&mut *writer, kind, parts).is_err() {
            self.stop(stop::CANCELLED); // nobody listens any more
        }
    }

    /// Counts one finding; false when it is beyond a limit.
    fn admit(&self, finding: &[u8]) -> bool {
        let limits = &self.job.operation.limits;
        let before = self.findings.fetch_add(1, Ordering::Relaxed);
        let bytes = self.bytes.fetch_add(finding.len() as u64, Ordering::Relaxed) + finding.len() as u64;
        match () {
            () if before >= limits.findings => self.stop(stop::FINDINGS),
            () if bytes > limits.report_bytes => self.stop(stop::BYTES),
            () => return true,
        }
        false
    }
}

impl Sink for Pipe<'_> {
    fn operation(&self) -> &Operation {
        &self.job.operation
    }

    fn emit(&self, finding: &[u8]) -> u32 {
        if self.admit(finding) {
            self.send(tell::FINDING, &[finding]);
            if self.job.render {
                let text = self
                    .plugin
                    .render(finding)
                    .unwrap_or_else(|error| format!("(cannot be shown: {error})"));
                self.send(tell::RENDERED, &[text.as_bytes()]);
            }
        }
        self.stopped()
    }

    fn event(&self, kind: u32, message: &[u8]) {
        if kind == event::PROGRESS {
            let now = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
            let last = self.progressed.load(Ordering::Relaxed);
            if now < last.saturating_add(PROGRESS_INTERVAL_MS) {
                return;
            }
            self.progressed.store(now, Ordering::Relaxed);
        }
        if let Ok(kind) = u8::try_from(kind) {
            self.send(tell::EVENT, &[&[kind], message]);
        }
    }

    fn stopped(&self) -> u32 {
        let reason = self.stop_reason();
        if reason == stop::NO && Instant::now() >= self.deadline {
            self.stop(stop::DEADLINE);
            return self.stop_reason();
        }
        reason
    }
}
