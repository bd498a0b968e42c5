//! One runner process, from its start to its end.

use super::Report;
use super::collect::{Collected, Observer};
use super::end::describe_end;
use super::pace::Pace;
use super::start::{StartError, group, hand_over, readable_for_runners, spawn, walls};
use super::wire::{Canceller, Event, Wire};
use crate::runner::Job;
use crate::runner::frame::{Frame, ask, tell};
use gumshoe_plugin_api::host::Candidate;
use gumshoe_plugin_api::{Description, Limits, Occurrence, Rejection};
use gumshoe_walls::{Cgroup, Cgroups, Missing, Wall};
use std::io;
use std::os::unix::net::UnixStream;
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

/// How long the list of what a runner does not have may be.
const MAX_MISSING_BYTES: usize = 4096;
/// How long a module may take to end once it was told to, before it is killed.
const GRACE: Duration = Duration::from_secs(2);
/// How long a runner may take to load the plugin, and to answer a question that runs nothing.
const ANSWER_TIME: Duration = Duration::from_secs(10);
/// How long to wait before looking again whether a runner that hung up has ended; grows to
/// [`LAST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_micros(50);
const LAST_PAUSE: Duration = Duration::from_millis(5);

/// Why a runner did not answer a question.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AskError {
    /// The answer is an error of the module's.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The runner ended, went silent or answered something else.
    #[error("the module did not answer: {0}")]
    Broken(String),
}

/// A runner with its plugin loaded, waiting for questions. Dropping it kills the process.
pub struct Session {
    child: Child,
    wire: Wire,
    version: String,
    name: String,
    missing: Vec<Missing>,
    /// Keeps the limits, where the agent has a group to make one in; removed after the process has ended.
    cgroup: Option<Cgroup>,
}

impl Session {
    /// Starts a runner and has it load the plugin.
    ///
    /// # Errors
    ///
    /// [`StartError`].
    pub fn start(candidate: &Candidate, limits: &Limits) -> Result<Self, StartError> {
        Self::start_in(candidate, limits, None)
    }

    /// The same, in a control group below `cgroups` that keeps the limits as well.
    ///
    /// # Errors
    ///
    /// [`StartError`].
    pub fn start_in(
        candidate: &Candidate,
        limits: &Limits,
        cgroups: Option<&Cgroups>,
    ) -> Result<Self, StartError> {
        readable_for_runners(candidate)?;
        let (socket, theirs) = UnixStream::pair().map_err(StartError::Spawn)?;
        let (output, write_end) = io::pipe().map_err(StartError::Spawn)?;
        let child = spawn(theirs, write_end.into()).map_err(StartError::Spawn)?;
        let wire = match Wire::new(socket, output) {
            Ok(wire) => wire,
            Err(error) => {
                let mut child = child;
                discard(&mut child);
                return Err(StartError::Spawn(error));
            }
        };
        let mut session = Self {
            child,
            wire,
            version: candidate.manifest.version.clone(),
            name: candidate.manifest.name.clone(),
            missing: Vec::new(),
            cgroup: None,
        };
        if let Some(cgroups) = cgroups {
            session.cgroup = Some(group(cgroups, session.pid(), limits).map_err(StartError::Cgroup)?);
        }
        let walls = walls(candidate, limits, session.pid());
        hand_over(session.wire.socket(), &candidate.file, &walls).map_err(StartError::HandOver)?;
        session.loaded()
    }

    /// Waits for the plugin to be loaded.
    fn loaded(mut self) -> Result<Self, StartError> {
        match self.answer(ANSWER_TIME).map_err(StartError::Ended)? {
            Frame {
                kind: tell::LOADED,
                payload,
            } => {
                self.missing = read_missing(&payload).map_err(StartError::Ended)?;
                Ok(self)
            }
            Frame {
                kind: tell::UNLOADABLE,
                payload,
            } => Err(StartError::Unloadable(
                String::from_utf8_lossy(&payload).into_owned(),
            )),
            _ => Err(StartError::Ended("it answered something unexpected".to_owned())),
        }
    }

    /// The runner's process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The walls that the runner does not have, and the rights that its module asked for and does not have.
    #[must_use]
    pub fn missing(&self) -> &[Missing] {
        &self.missing
    }

    /// A handle that cancels this session's operation.
    #[must_use]
    pub fn canceller(&self) -> Canceller {
        self.wire.canceller()
    }

    /// What the module says about itself.
    ///
    /// # Errors
    ///
    /// [`AskError`].
    pub fn describe(&mut self) -> Result<Description, AskError> {
        let bytes = self.ask(ask::DESCRIBE, &[], tell::DESCRIPTION)?;
        serde_json::from_slice(&bytes).map_err(|e| AskError::Broken(e.to_string()))
    }

    /// JSON Schema of the parameters.
    ///
    /// # Errors
    ///
    /// [`AskError`].
    pub fn schema(&mut self) -> Result<serde_json::Value, AskError> {
        let bytes = self.ask(ask::SCHEMA, &[], tell::SCHEMA)?;
        serde_json::from_slice(&bytes).map_err(|e| AskError::Broken(e.to_string()))
    }

    /// Turns flags into parameters (JSON).
    ///
    /// # Errors
    ///
    /// [`AskError`].
    pub fn arguments(&mut self, occurrences: &[Occurrence]) -> Result<Vec<u8>, AskError> {
        let given = serde_json::to_vec(occurrences).map_err(|e| AskError::Broken(e.to_string()))?;
        self.ask(ask::ARGUMENTS, &given, tell::PARAMS)
    }

    /// Checks parameters without running anything.
    ///
    /// # Errors
    ///
    /// [`AskError`]; every problem is in the rejection.
    pub fn validate(&mut self, params: &[u8]) -> Result<(), AskError> {
        self.ask(ask::VALIDATE, params, tell::VALID).map(|_| ())
    }

    /// A finding (JSON) as text for humans.
    ///
    /// # Errors
    ///
    /// [`AskError`]; a rejection when the module does not know such findings.
    pub fn render(&mut self, finding: &[u8]) -> Result<String, AskError> {
        let text = self.ask(ask::RENDER, finding, tell::RENDERED)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    /// Runs one operation and reports, whatever becomes of the runner.
    pub fn run(mut self, job: &Job, params: &[u8], observer: &mut dyn Observer) -> Report {
        let mut job = job.clone();
        job.operation
            .own_processes
            .extend([std::process::id(), self.pid()]);
        let limits = job.operation.limits.clone();
        let start = Instant::now();
        let mut collected = Collected::new(&self.name, &self.version, limits.clone());
        collected.tell_missing(&self.missing);
        let sent = serde_json::to_vec(&job)
            .map_err(io::Error::from)
            .and_then(|bytes| self.wire.send(ask::OPERATION, &[&bytes], start + ANSWER_TIME))
            .and_then(|()| self.wire.send(ask::RUN, &[params], start + ANSWER_TIME));
        if let Err(error) = sent {
            collected.fail(format!(
                "the operation could not be handed to the runner: {error}"
            ));
        }
        let mut pace = self.pace(limits.cpu_percent, &mut collected);
        self.follow(
            &mut collected,
            start + Duration::from_millis(limits.timeout_ms),
            &mut pace,
            observer,
        );
        drop(pace);
        let killed = collected.wants_kill();
        let status = self.end(killed);
        let printed = self.wire.printed();
        collected.finish(start.elapsed(), |answered| {
            describe_end(status, printed, answered, &limits)
        })
    }

    /// Takes messages until the operation has ended, was killed for its time, or the runner is gone.
    fn follow(
        &mut self,
        collected: &mut Collected,
        deadline: Instant,
        pace: &mut Option<Pace>,
        observer: &mut dyn Observer,
    ) {
        let mut kill_at = deadline + GRACE;
        while !collected.is_over() {
            let next_look = pace.as_mut().map_or(kill_at, Pace::keep);
            match self.wire.next(next_look.min(kill_at)) {
                // A flood of messages must not keep the time from running out.
                Event::Frame(_) if Instant::now() >= kill_at => collected.time_is_over(),
                Event::Frame(frame) => collected.take(frame, observer),
                Event::Broken(error) => {
                    collected.fail(format!("the runner's messages are not understood: {error}"))
                }
                Event::Closed => break,
                Event::Cancel => {
                    collected.cancel();
                    kill_at = kill_at.min(Instant::now() + GRACE);
                    let _ = self.wire.send(ask::CANCEL, &[], kill_at); // gone already, if this fails
                }
                Event::Time if Instant::now() < kill_at => {} // to look at the pace
                Event::Time => collected.time_is_over(),
            }
        }
    }

    /// What keeps the share of processor time, unless the control group does.
    fn pace(&self, percent: u32, collected: &mut Collected) -> Option<Pace> {
        if percent == 0 || self.cgroup.is_some() {
            return None;
        }
        let pace = Pace::of(self.pid(), percent);
        if pace.is_none() {
            let why = "this system does not tell how much a process uses";
            collected.tell_missing(&[Missing::new(Wall::ProcessorTime, why)]);
        }
        pace
    }

    /// Ends the process, at once if `now`, otherwise after it had its chance to end by itself.
    fn end(&mut self, now: bool) -> io::Result<ExitStatus> {
        self.wire.hang_up(); // no further question: it may go
        let give_up = Instant::now() + if now { Duration::ZERO } else { GRACE };
        if !now {
            while let Event::Frame(_) | Event::Cancel = self.wire.next(give_up) {
                if Instant::now() >= give_up {
                    break;
                }
            }
        }
        self.reap(give_up)
    }

    /// Waits for the process to end until `give_up`, and kills it then.
    fn reap(&mut self, give_up: Instant) -> io::Result<ExitStatus> {
        let mut pause = FIRST_PAUSE;
        while Instant::now() < give_up {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            self.wire.take_in(pause);
            pause = (pause * 2).min(LAST_PAUSE);
        }
        let _ = self.child.kill(); // it may be gone already
        self.child.wait()
    }

    fn ask(&mut self, question: u8, payload: &[u8], expected: u8) -> Result<Vec<u8>, AskError> {
        self.wire
            .send(question, &[payload], Instant::now() + ANSWER_TIME)
            .map_err(|e| AskError::Broken(e.to_string()))?;
        match self.answer(ANSWER_TIME).map_err(AskError::Broken)? {
            Frame { kind, payload } if kind == expected => Ok(payload),
            Frame {
                kind: tell::REJECTED,
                payload,
            } => Err(AskError::Rejected(
                serde_json::from_slice(&payload).map_err(|e| AskError::Broken(e.to_string()))?,
            )),
            Frame { kind, .. } => Err(AskError::Broken(format!("unexpected message {kind}"))),
        }
    }

    fn answer(&mut self, patience: Duration) -> Result<Frame, String> {
        match self.wire.next(Instant::now() + patience) {
            Event::Frame(frame) => Ok(frame),
            Event::Cancel => Err("cancelled".to_owned()),
            Event::Broken(error) => Err(error.to_string()),
            Event::Closed => Err(self.post_mortem()),
            Event::Time => {
                let _ = self.child.kill(); // it may be gone already
                Err(format!(
                    "no answer within {} s; its process was killed",
                    patience.as_secs()
                ))
            }
        }
    }

    fn post_mortem(&mut self) -> String {
        let status = self.reap(Instant::now() + GRACE);
        let printed = self.wire.printed();
        describe_end(status, printed, false, &Limits::default())
            .unwrap_or_else(|| "its process ended".to_owned())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        discard(&mut self.child); // on every path; after `end` there is nothing left to do
    }
}

/// What a runner says that it does not have. The plugin's initialisers have run in that process.
fn read_missing(payload: &[u8]) -> Result<Vec<Missing>, String> {
    if payload.len() > MAX_MISSING_BYTES {
        return Err("it says that more is missing than there is".to_owned());
    }
    serde_json::from_slice(payload).map_err(|error| format!("its answer is not understood: {error}"))
}

/// Kills and reaps a runner.
fn discard(child: &mut Child) {
    let _ = child.kill(); // it may be gone already
    let _ = child.wait();
}
