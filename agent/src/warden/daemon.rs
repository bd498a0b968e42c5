//! The daemon's main loop; what it does in each turn is below `daemon/`.

mod deliveries;
mod ending;
mod link;
mod operations;
mod outgoing;
mod settings;
mod telling;

use self::ending::Ending;
use self::settings::Settings;
use super::event::{Event, queue};
use super::inbox::Inbox;
use super::log::{Format, Log};
use super::mail::Mail;
use super::notify::Notify;
use super::pulse::Pulse;
use super::status::{self, Decisions};
use super::tender::Tender;
use super::work::Works;
use crate::config::Config;
use crate::exit::Exit;
use crate::obey::ledger::Opened;
use crate::obey::{Body, Ledger};
use crate::state::identity::Origin;
use crate::state::spool::{Bounds, Spool};
use crate::terminal::chain;
use anyhow::Context as _;
use chrono::Utc;
use gumshoe_link::{Phase, State as Link};
use gumshoe_protocol::Timestamp;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant};

/// How long the loop sleeps when nothing is due.
const LONG: Duration = Duration::from_secs(3600);

/// How the daemon was started.
#[derive(Debug, Clone)]
pub struct Options {
    /// Folder with `agent.toml` and the rest.
    pub config_dir: PathBuf,
    /// Folder with the agent's memory.
    pub state: PathBuf,
    /// Take what waits at the relay, answer it, and end.
    pub once: bool,
    /// How the log is written.
    pub format: Format,
}

/// Runs the daemon until it is told to stop.
///
/// # Errors
///
/// What keeps it from starting. Later trouble is logged, and tried again.
pub fn daemon(options: &Options) -> anyhow::Result<Exit> {
    let log = Log::new(options.format);
    let notify = Notify::from_environment();
    let (events, queue) = queue();
    hear_signals(events.clone())?;
    let mut warden = Warden::start(options, log, notify, events)?;
    warden.serve(&queue)
}

fn hear_signals(events: SyncSender<Event>) -> anyhow::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP]).context("failed to handle signals")?;
    let thread = std::thread::Builder::new()
        .name("signals".to_owned())
        .stack_size(128 << 10);
    let hear = move || {
        signals
            .forever()
            .all(|signal| events.send(Event::Signal(signal)).is_ok())
    };
    thread.spawn(hear).context("failed to handle signals")?;
    Ok(())
}

struct Warden {
    options: Options,
    log: Log,
    notify: Notify,
    events: SyncSender<Event>,
    settings: Settings,
    configuration_problem: Option<String>,
    ledger: Ledger,
    spool: Spool,
    tender: Tender,
    mail: Mail,
    works: Works,
    inbox: Inbox,
    pulse: Pulse,
    link: Link,
    /// What the cloud's metadata service said.
    metadata: BTreeMap<String, String>,
    decisions: Decisions,
    status: status::Writer,
    since: Timestamp,
    heartbeat_sent: Option<Timestamp>,
    watchdog: Option<Instant>,
    is_drained: bool,
    has_failed: bool,
    ending: Ending,
}

impl Warden {
    fn start(options: &Options, log: Log, notify: Notify, events: SyncSender<Event>) -> anyhow::Result<Self> {
        let settings = Settings::load(options)?;
        let (now, instant) = (Utc::now(), Instant::now());
        let hostname = settings.host.facts.hostname.clone();
        let (ledger, opened) = Ledger::open(&options.state, &settings.host.machine, hostname, now)?;
        let spool =
            Spool::open(ledger.folder(), bounds(&settings.config)).context("failed to open the spool")?;
        let agent = ledger.identity().agent;
        let mut warden = Self {
            mail: Mail::new(agent),
            settings,
            ledger,
            spool,
            log,
            events,
            configuration_problem: None,
            tender: Tender::new(instant),
            works: Works::default(),
            inbox: Inbox::default(),
            pulse: Pulse::new(instant),
            link: Link {
                phase: Phase::Disconnected,
                relay: None,
                since_unix_ms: u64::try_from(now.timestamp_millis()).unwrap_or(0),
                error: None,
            },
            metadata: BTreeMap::new(),
            decisions: Decisions::default(),
            status: status::Writer::new(instant),
            since: now,
            heartbeat_sent: None,
            watchdog: notify.watchdog.map(|time| instant + time),
            notify,
            is_drained: false,
            has_failed: false,
            ending: Ending::No,
            options: options.clone(),
        };
        warden.settings.host.facts.id = agent.to_string();
        warden.tell_start(&opened);
        warden.report_interrupted();
        warden.notify.ready();
        Ok(warden)
    }

    fn tell_start(&mut self, opened: &Opened) {
        let identity = self.ledger.identity();
        let agent = identity.agent;
        self.log.info(
            "started",
            &[("agent", &agent), ("version", &env!("CARGO_PKG_VERSION"))],
        );
        if let (Origin::Copied, Some(previous)) = (opened.origin, identity.previous) {
            self.log.warning(
                "this host is a copy of another: it has an identifier of its own now",
                &[("previous", &previous)],
            );
            // The original's reports are the original's to send.
            self.spool.clear();
        }
        if opened.torn > 0 {
            let why = "a record of the journal was not written to its end: it never counted, and was cut off";
            self.log.warning(why, &[("bytes", &opened.torn)]);
        }
        if !rustix::process::geteuid().is_root() {
            self.log
                .warning("not root: the agent sees what its user sees", &[]);
        }
    }

    /// Actions that an earlier agent did not bring to their end.
    fn report_interrupted(&mut self) {
        for entry in self.ledger.unfinished() {
            let missing = entry.missing();
            self.log.warning(
                "an action was interrupted, and is not run again",
                &[("action", &entry.id), ("missing", &missing.len())],
            );
            self.report((Some(entry.id), entry.digest), Body::Interrupted { missing });
            let finished = self.ledger.finish_interrupted(&entry, Utc::now());
            self.complain("an interruption could not be recorded", finished);
        }
    }

    fn serve(&mut self, queue: &Receiver<Event>) -> anyhow::Result<Exit> {
        while !self.is_over() {
            let now = Instant::now();
            self.turn(now);
            let due = self.due().saturating_duration_since(Instant::now());
            match queue.recv_timeout(due) {
                Ok(event) => self.take(event),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break, // cannot be: the warden holds a sender
            }
        }
        self.notify.stopping();
        self.tender.stop();
        self.link.phase = Phase::Disconnected;
        let _ = std::fs::remove_file(self.ledger.folder().join(status::FILE)); // it may never have been written
        let closed = self.ledger.close(Utc::now());
        self.complain("the agent's memory could not be put away", closed);
        self.log
            .info("stopped", &[("waiting_reports", &self.spool.len())]);
        Ok(if self.has_failed {
            Exit::Failed
        } else {
            Exit::Found
        })
    }

    /// Everything that may be due.
    fn turn(&mut self, now: Instant) {
        self.tend(now);
        self.decide_held();
        self.tell_counted(now);
        let own = self.tender.courier().map(super::courier::Courier::pid);
        if self.ending == Ending::No {
            let started = self.works.start(&self.settings.config, own, &self.events);
            self.complain("no thread could be made for an action", started);
        }
        self.beat(now);
        self.send(now);
        self.end(now);
        if self.watchdog.is_some_and(|at| now >= at) {
            self.notify.alive();
            self.watchdog = self.notify.watchdog.map(|time| now + time);
        }
        self.write_status(now);
    }

    /// When the next thing is due.
    fn due(&self) -> Instant {
        let beats = self.mail.is_connected() && self.ending == Ending::No;
        let beat = beats.then(|| self.pulse.due());
        let ending = match self.ending {
            Ending::No => None,
            Ending::Runners(at) | Ending::Mail(at) => Some(at),
        };
        let all = [
            self.tender.due(),
            self.mail.due().filter(|_| self.mail.is_connected()),
            beat,
            self.watchdog,
            self.status.due(),
            self.ledger.counted_due(),
            ending,
        ];
        all.into_iter()
            .flatten()
            .min()
            .unwrap_or_else(|| Instant::now() + LONG)
    }

    fn take(&mut self, event: Event) {
        self.status.touch();
        match event {
            Event::Courier { generation, message } if self.tender.is_current(generation) => {
                self.hear(generation, message);
            }
            Event::CourierEnded { generation, why } if self.tender.is_current(generation) => {
                self.replace_courier(&why);
            }
            Event::Courier { .. } | Event::CourierEnded { .. } => {}
            Event::Operation { action, ended } => self.operation(action, *ended),
            Event::ActionOver { action } => self.over(action),
            Event::Signal(SIGHUP) => self.reload(),
            Event::Signal(_) => self.stop(),
        }
    }

    /// Logs what could not be done and need not end the daemon.
    fn complain<E: std::error::Error + 'static>(&self, what: &str, outcome: Result<(), E>) {
        if let Err(error) = outcome {
            self.log.error(what, &[("why", &chain(&error))]);
        }
    }
}

fn bounds(config: &Config) -> Bounds {
    Bounds {
        bytes: config.spool.bytes.count(),
        reports: config.spool.reports,
    }
}
