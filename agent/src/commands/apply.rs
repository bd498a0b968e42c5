//! `apply`: one signed action on this host, from the envelope to the reports.

use super::run::summarise;
use crate::cli::Apply;
use crate::config::Config;
use crate::exit::{Exit, Sum};
use crate::host::Host;
use crate::obey::ledger::Opened;
use crate::obey::run::Manner;
use crate::obey::{self, Body, Ended, HostReport, Ledger, Received, Stop, Work};
use crate::state::identity::Origin;
use crate::state::journal::Entry;
use crate::terminal::{line, printable};
use anyhow::Context as _;
use chrono::Utc;
use gumshoe_protocol::bounds::ENVELOPE_BYTES;
use gumshoe_protocol::decide::Decision;
use gumshoe_protocol::{ActionId, ContentDigest};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;
use std::sync::mpsc;

/// Applies one envelope.
pub fn apply(config: &Config, arguments: &Apply) -> anyhow::Result<Exit> {
    let policy_path = super::policy::path(config, arguments.policy.as_deref());
    let policy = obey::policy::load(&policy_path)?;
    let message = read_message(&arguments.envelope)?;
    let now = Utc::now();
    let host = Host::look(config);
    let hostname = host.facts.hostname.clone();
    let (ledger, opened) = Ledger::open(&arguments.state.folder, &host.machine, hostname, now)?;
    tell_start(&ledger, &opened);
    let facts = host.named(ledger.identity().agent).facts;
    let mut desk = Desk::new(ledger, arguments)?;
    let interrupted = desk.interrupted()?;
    let (received, decision) = desk.ledger.receive(&message, &policy, &facts, now);
    desk.tell_decision(&decision, &received);
    let exit = match received {
        Received::Run(work) => desk.run(&work, config)?,
        Received::Answer(body) => desk.answer(&decision, *body)?,
        // One message is never one too many.
        Received::Counted => Exit::Refused,
        Received::Repeated(entry) => desk.repeated(&entry, interrupted.contains(&entry.id))?,
        Received::Cancel {
            cancel,
            problem: None,
        } => {
            eprintln!("the action {} will not be run on this host", cancel.action);
            Exit::Found
        }
        Received::Cancel {
            cancel,
            problem: Some(problem),
        } => {
            eprintln!(
                "that {} was cancelled could not be recorded: {}",
                cancel.action, problem.message
            );
            Exit::Failed
        }
    };
    desk.ledger.close(Utc::now())?;
    Ok(exit)
}

fn read_message(path: &Path) -> anyhow::Result<Vec<u8>> {
    let source: Box<dyn Read> = if path == Path::new("-") {
        Box::new(std::io::stdin())
    } else {
        Box::new(File::open(path).with_context(|| format!("failed to open `{}`", path.display()))?)
    };
    let mut bytes = Vec::new();
    // One more than is accepted: what is longer is refused for that, with a code.
    let read = source.take(ENVELOPE_BYTES as u64 + 1).read_to_end(&mut bytes);
    read.with_context(|| format!("failed to read `{}`", path.display()))?;
    Ok(bytes)
}

fn tell_start(ledger: &Ledger, opened: &Opened) {
    let identity = ledger.identity();
    match (opened.origin, identity.previous) {
        (Origin::New, _) => eprintln!("this agent is new: its identifier is {}", identity.agent),
        (Origin::Copied, Some(previous)) => eprintln!(
            "this host is a copy of the one with the agent {previous}: its own identifier is {}",
            identity.agent
        ),
        _ => {}
    }
    if opened.torn > 0 {
        let torn = opened.torn;
        eprintln!(
            "{torn} bytes at the journal's end were not written to their end by an agent that crashed: they never counted"
        );
    }
}

/// Where reports come in and go out.
struct Desk {
    ledger: Ledger,
    json: bool,
    sealed: Option<File>,
}

impl Desk {
    fn new(ledger: Ledger, arguments: &Apply) -> anyhow::Result<Self> {
        let open = |path: &Path| {
            let opened = OpenOptions::new().append(true).create(true).open(path);
            opened.with_context(|| format!("failed to open `{}`", path.display()))
        };
        Ok(Self {
            ledger,
            json: arguments.json,
            sealed: arguments.sealed.as_deref().map(open).transpose()?,
        })
    }

    /// Hands a message to whoever reads.
    fn hand_out(&mut self, about: (Option<ActionId>, ContentDigest), body: Body) -> anyhow::Result<()> {
        let report: HostReport = self.ledger.message(about, Utc::now(), body)?;
        if let Some(file) = &mut self.sealed {
            let envelope = self.ledger.seal(&report).to_json() + "\n";
            file.write_all(envelope.as_bytes())
                .and_then(|()| file.sync_data())
                .context("failed to write the sealed report")?;
        }
        if self.json {
            line(&serde_json::to_string(&report)?).context("failed to print the report")?;
        }
        Ok(())
    }

    /// Reports the actions that a crash cut short; they are not run again.
    fn interrupted(&mut self) -> anyhow::Result<Vec<ActionId>> {
        let unfinished = self.ledger.unfinished();
        for entry in &unfinished {
            let missing = entry.missing();
            let reports = if missing.len() == 1 { "report" } else { "reports" };
            eprintln!(
                "the action {} was interrupted when the agent ended; {} {reports} of {} operations are missing, and it is not run again",
                entry.id,
                missing.len(),
                entry.operations
            );
            self.hand_out((Some(entry.id), entry.digest), Body::Interrupted { missing })?;
            self.ledger.finish_interrupted(entry, Utc::now())?;
        }
        Ok(unfinished.into_iter().map(|entry| entry.id).collect())
    }

    fn tell_decision(&self, decision: &Decision, received: &Received) {
        let name = decision.name.as_deref().unwrap_or("(not readable)");
        let id = decision.action.map(|id| format!(" {id}")).unwrap_or_default();
        eprintln!("action{id}: {}", printable(name));
        if !decision.signers.is_empty() {
            let signers: Vec<_> = decision
                .signers
                .iter()
                .map(|signer| signer.name.as_str())
                .collect();
            eprintln!("signed by {}", signers.join(", "));
        }
        match received {
            Received::Run(work) => match work.operations.len() {
                1 => eprintln!("accepted: 1 operation"),
                count => eprintln!("accepted: {count} operations"),
            },
            Received::Cancel { cancel, .. } => eprintln!("cancels the action {}", cancel.action),
            Received::Repeated(_) | Received::Answer(_) | Received::Counted => {}
        }
    }

    fn answer(&mut self, decision: &Decision, body: Body) -> anyhow::Result<Exit> {
        let exit = match &body {
            Body::NotTarget { code: None, .. } => {
                eprintln!("not a target: the target is false for this host");
                Exit::NotTarget
            }
            Body::NotTarget { code, message } => {
                let (code, message) = (
                    code.as_deref().unwrap_or_default(),
                    message.as_deref().unwrap_or_default(),
                );
                eprintln!("not a target [{code}]: {}", printable(message));
                Exit::NotTarget
            }
            Body::Refused { code, message } => {
                eprintln!("refused [{code}]: {}", printable(message));
                Exit::Refused
            }
            _ => Exit::Failed,
        };
        self.hand_out((decision.action, decision.digest), body)?;
        Ok(exit)
    }

    fn repeated(&mut self, entry: &Entry, was_interrupted: bool) -> anyhow::Result<Exit> {
        let how = if was_interrupted {
            ", and was interrupted"
        } else {
            ""
        };
        let message = format!("it was accepted at {}{how}; an action runs once", entry.accepted);
        eprintln!("repeated: {message}");
        let body = Body::Refused {
            code: "repeated".to_owned(),
            message,
        };
        self.hand_out((Some(entry.id), entry.digest), body)?;
        Ok(Exit::Repeated)
    }

    /// Runs an accepted action. Everything is handed out before it is marked as done.
    fn run(&mut self, work: &Work, config: &Config) -> anyhow::Result<Exit> {
        let about = (Some(work.id), work.digest);
        let count = u32::try_from(work.operations.len()).unwrap_or(u32::MAX);
        let started = Body::Started {
            signers: work.signers.clone(),
            operations: count,
        };
        self.hand_out(about, started)?;
        let stop = Stop::default();
        let guard = StopOnSignals::new(&stop)?;
        let manner = Manner {
            parallel: config.actions.parallel,
            render: !self.json,
            own: None,
        };
        let (sender, receiver) = mpsc::channel();
        let sum = std::thread::scope(|scope| {
            let stop = &stop;
            scope.spawn(move || {
                obey::run(work, config, manner, stop, &|ended| {
                    let _ = sender.send(ended); // nobody listens once handing out has failed
                });
            });
            let taken = self.take_all(work, count, &receiver);
            if taken.is_err() {
                stop.stop();
            }
            taken
        })?;
        drop(guard);
        let finished = Body::Finished {
            started: work.accepted,
            finished: Utc::now(),
            operations: count,
            found: sum.found,
            complete: sum.complete,
        };
        self.hand_out(about, finished)?;
        self.ledger.finish(work.id, work.accepted, Utc::now())?;
        Ok(sum.exit())
    }

    fn take_all(&mut self, work: &Work, of: u32, ended: &mpsc::Receiver<Ended>) -> anyhow::Result<Sum> {
        let mut sum = Sum::default();
        for one in ended {
            sum.add(&one.report);
            self.ledger.log_operation(work.id, &one, Utc::now())?;
            self.print(&one, of)?;
            let index = one.index;
            let body = Body::Operation {
                index,
                of,
                report: Box::new(one.report),
            };
            self.hand_out((Some(work.id), work.digest), body)?;
            self.ledger.done(work.id, index)?;
        }
        Ok(sum)
    }

    fn print(&self, ended: &Ended, of: u32) -> anyhow::Result<()> {
        if self.json {
            return Ok(());
        }
        for text in &ended.rendered {
            line(&printable(&format!(
                "{} {}: {text}",
                ended.index, ended.report.module
            )))?;
        }
        eprint!("operation {} of {of}: ", ended.index + 1);
        summarise(&ended.report);
        Ok(())
    }
}

/// Has the signals by which people and init systems end programs stop an action, until it is dropped.
struct StopOnSignals {
    handle: signal_hook::iterator::Handle,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl StopOnSignals {
    fn new(stop: &Stop) -> anyhow::Result<Self> {
        let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).context("failed to handle signals")?;
        let handle = signals.handle();
        let stop = stop.clone();
        let thread = std::thread::spawn(move || signals.forever().for_each(|_| stop.stop()));
        Ok(Self {
            handle,
            thread: Some(thread),
        })
    }
}

impl Drop for StopOnSignals {
    fn drop(&mut self) {
        self.handle.close();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join(); // it does nothing that can fail
        }
    }
}
