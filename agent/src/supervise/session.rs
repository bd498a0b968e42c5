//! One runner process, from its start to its end.

use super::collect::{Collected, Observer};
use super::end::{Output, describe_end};
use crate::runner::frame::{self, Frame, ask, tell};
use crate::runner::{Job, SUBCOMMAND, Walls};
use gumshoe_plugin_api::host::Candidate;
use gumshoe_plugin_api::{Description, Limits, Occurrence, Rejection, Report};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags};
use std::fs::File;
use std::io::{self, BufReader, IoSlice};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long a module may take to end once it was told to, before it is killed.
const GRACE: Duration = Duration::from_secs(2);
/// How long a runner may take to load the plugin, and to answer a question that runs nothing.
const ANSWER_TIME: Duration = Duration::from_secs(10);
/// Bytes that are read from a runner at a time: many findings at once, where there are many.
const READ_BYTES: usize = 32 << 10;
/// How many messages of a runner may wait here before it has to wait.
const BACKLOG: usize = 64;

/// Why a runner could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The process, or the socket to it, could not be made.
    #[error("failed to start a runner process")]
    Spawn(#[source] io::Error),
    /// The plugin file could not be handed over.
    #[error("failed to hand the plugin to the runner")]
    HandOver(#[source] io::Error),
    /// The runner could not load the plugin.
    #[error("the plugin cannot be loaded: {0}")]
    Unloadable(String),
    /// The runner ended or went silent instead of loading the plugin.
    #[error("the plugin did not load: {0}")]
    Ended(String),
}

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

/// What reaches the parent while it waits.
enum Event {
    Frame(Frame),
    Broken(io::Error),
    Closed,
    Cancel,
}

/// Cancels the operation of a session, from any thread.
#[derive(Clone)]
pub struct Canceller(SyncSender<Event>);

impl Canceller {
    /// Asks the operation to end; what was found until then is kept.
    pub fn cancel(&self) {
        // A session that has ended needs no cancelling.
        let _ = self.0.send(Event::Cancel);
    }
}

/// A runner with its plugin loaded, waiting for questions. Dropping it kills the process.
pub struct Session {
    child: Child,
    socket: UnixStream,
    events: Receiver<Event>,
    sender: SyncSender<Event>,
    output: Option<JoinHandle<Output>>,
    version: String,
    name: String,
}

impl Session {
    /// Starts a runner and has it load the plugin.
    ///
    /// # Errors
    ///
    /// [`StartError`].
    pub fn start(candidate: &Candidate, limits: &Limits) -> Result<Self, StartError> {
        let (socket, theirs) = UnixStream::pair().map_err(StartError::Spawn)?;
        let (output, write_end) = io::pipe().map_err(StartError::Spawn)?;
        let child = spawn(theirs, write_end.into()).map_err(StartError::Spawn)?;
        let (sender, events) = sync_channel(BACKLOG);
        let mut session = Self {
            child,
            socket,
            events,
            sender,
            output: Some(std::thread::spawn(move || Output::drain(output))),
            version: candidate.manifest.version.clone(),
            name: candidate.manifest.name.clone(),
        };
        let walls = Walls {
            memory_bytes: limits.memory_bytes,
        };
        hand_over(&session.socket, &candidate.file, walls).map_err(StartError::HandOver)?;
        session.read_frames().map_err(StartError::Spawn)?;
        match session.answer(ANSWER_TIME) {
            Ok(Frame {
                kind: tell::LOADED, ..
            }) => Ok(session),
            Ok(Frame {
                kind: tell::UNLOADABLE,
                payload,
            }) => Err(StartError::Unloadable(
                String::from_utf8_lossy(&payload).into_owned(),
            )),
            Ok(_) => Err(StartError::Ended("it answered something unexpected".to_owned())),
            Err(why) => Err(StartError::Ended(why)),
        }
    }

    /// The runner's process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A handle that cancels this session's operation.
    #[must_use]
    pub fn canceller(&self) -> Canceller {
        Canceller(self.sender.clone())
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

    /// Runs one operation and reports, whatever becomes of the runner.
    pub fn run(mut self, job: &Job, params: &[u8], observer: &mut dyn Observer) -> Report {
        let mut job = job.clone();
        job.operation
            .own_processes
            .extend([std::process::id(), self.pid()]);
        let limits = job.operation.limits.clone();
        let start = Instant::now();
        let mut collected = Collected::new(&self.name, &self.version, limits.clone());
        let sent = serde_json::to_vec(&job)
            .map_err(io::Error::from)
            .and_then(|bytes| frame::write(&mut self.socket, ask::OPERATION, &[&bytes]))
            .and_then(|()| frame::write(&mut self.socket, ask::RUN, &[params]));
        if let Err(error) = sent {
            collected.fail(format!(
                "the operation could not be handed to the runner: {error}"
            ));
        }
        self.follow(
            &mut collected,
            start + Duration::from_millis(limits.timeout_ms),
            observer,
        );
        let killed = collected.wants_kill();
        let (status, output) = self.end(killed);
        collected.finish(start.elapsed(), |answered| {
            describe_end(status, &output, answered, &limits)
        })
    }

    /// Takes messages until the operation has ended, was killed for its time, or the runner is gone.
    fn follow(&mut self, collected: &mut Collected, deadline: Instant, observer: &mut dyn Observer) {
        let mut kill_at = deadline + GRACE;
        while !collected.is_over() {
            let left = kill_at.saturating_duration_since(Instant::now());
            match self.events.recv_timeout(left) {
                // A flood of messages must not keep the time from running out.
                Ok(Event::Frame(_)) if left.is_zero() => {
                    collected.time_is_over();
                    break;
                }
                Ok(Event::Frame(frame)) => collected.take(frame, observer),
                Ok(Event::Broken(error)) => {
                    collected.fail(format!("the runner's messages are not understood: {error}"))
                }
                Ok(Event::Closed) => break,
                Ok(Event::Cancel) => {
                    collected.cancel();
                    let _ = frame::write(&mut self.socket, ask::CANCEL, &[]); // gone already, if this fails
                    kill_at = kill_at.min(Instant::now() + GRACE);
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    collected.time_is_over();
                    break;
                }
            }
        }
    }

    /// Ends the process, at once if `now`, otherwise after it had its chance to end by itself.
    fn end(mut self, now: bool) -> (io::Result<ExitStatus>, Output) {
        let give_up = Instant::now() + if now { Duration::ZERO } else { GRACE };
        let _ = self.socket.shutdown(std::net::Shutdown::Write); // no further question: it may go
        loop {
            match self
                .events
                .recv_timeout(give_up.saturating_duration_since(Instant::now()))
            {
                Ok(Event::Frame(_) | Event::Cancel) => {}
                Ok(Event::Closed | Event::Broken(_)) if !now => break,
                _ => {
                    let _ = self.child.kill(); // it may be gone already
                    break;
                }
            }
        }
        let status = self.child.wait();
        let output = self
            .output
            .take()
            .and_then(|thread| thread.join().ok())
            .unwrap_or_default();
        (status, output)
    }

    fn ask(&mut self, question: u8, payload: &[u8], expected: u8) -> Result<Vec<u8>, AskError> {
        frame::write(&mut self.socket, question, &[payload]).map_err(|e| AskError::Broken(e.to_string()))?;
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
        match self.events.recv_timeout(patience) {
            Ok(Event::Frame(frame)) => Ok(frame),
            Ok(Event::Cancel) => Err("cancelled".to_owned()),
            Ok(Event::Broken(error)) => Err(error.to_string()),
            Ok(Event::Closed) => Err(self.post_mortem()),
            Err(_) => {
                let _ = self.child.kill(); // it may be gone already
                Err(format!(
                    "no answer within {} s; its process was killed",
                    patience.as_secs()
                ))
            }
        }
    }

    fn post_mortem(&mut self) -> String {
        let status = self.child.wait();
        let output = self
            .output
            .take()
            .and_then(|thread| thread.join().ok())
            .unwrap_or_default();
        describe_end(status, &output, false, &Limits::default())
            .unwrap_or_else(|| "its process ended".to_owned())
    }

    /// Starts the thread that turns the socket's bytes into events.
    fn read_frames(&mut self) -> io::Result<()> {
        let mut socket = BufReader::with_capacity(READ_BYTES, self.socket.try_clone()?);
        let sender = self.sender.clone();
        std::thread::spawn(move || {
            loop {
                let event = match frame::read(&mut socket) {
                    Ok(Some(frame)) => Event::Frame(frame),
                    Ok(None) => Event::Closed,
                    Err(error) if is_hang_up(&error) => Event::Closed,
                    Err(error) => Event::Broken(error),
                };
                let last = !matches!(event, Event::Frame(_));
                if sender.send(event).is_err() || last {
                    return;
                }
            }
        });
        Ok(())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // Reaps the child on every path; after `end` both calls find nothing left to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A process that died in the middle of a message, or with unread questions, hung up.
fn is_hang_up(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset
    )
}

/// Starts this program as a runner: own process group (the terminal's Ctrl-C is the parent's to
/// handle), empty environment, neutral folder, output to a pipe.
fn spawn(socket: UnixStream, output: OwnedFd) -> io::Result<Child> {
    // The running program itself, also when its file was replaced meanwhile (proc(5)).
    let program = if cfg!(target_os = "linux") {
        "/proc/self/exe".into()
    } else {
        std::env::current_exe()?
    };
    Command::new(program)
        .arg0("gumshoe-runner")
        .arg(SUBCOMMAND)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("LC_ALL", "C")
        .current_dir("/")
        .process_group(0)
        .stdin(Stdio::from(OwnedFd::from(socket)))
        .stdout(Stdio::from(output.try_clone()?))
        .stderr(Stdio::from(output))
        .spawn()
}

/// Sends the open plugin file and the walls as the first message.
fn hand_over(socket: &UnixStream, file: &File, walls: Walls) -> io::Result<()> {
    let bytes = serde_json::to_vec(&walls)?;
    let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let files = [file.as_fd()];
    if !control.push(SendAncillaryMessage::ScmRights(&files)) {
        return Err(io::Error::other("the control message does not fit"));
    }
    rustix::net::sendmsg(socket, &[IoSlice::new(&bytes)], &mut control, SendFlags::empty())?;
    Ok(())
}
