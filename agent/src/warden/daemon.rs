//! The daemon's main loop.

use super::event::{Event, queue};
use super::inbox::{Delivery, Inbox};
use super::log::{Format, Log};
use super::mail::Mail;
use super::notify::Notify;
use super::pulse::{Moment, Profile, Pulse, heartbeat};
use super::relay::configuration;
use super::status::{self, Decided, Decisions, Status};
use super::tender::Tender;
use super::work::Works;
use crate::config::Config;
use crate::exit::Exit;
use crate::host::Host;
use crate::obey::ledger::Opened;
use crate::obey::{self, Body, Ended, Ledger, Received};
use crate::state::identity::Origin;
use crate::state::spool::{Bounds, Spool};
use crate::terminal::chain;
use anyhow::Context as _;
use chrono::Utc;
use gumshoe_link::{Phase, State as Link, ToCourier, ToWarden};
use gumshoe_protocol::decide::Decision;
use gumshoe_protocol::envelope::HEARTBEAT_TYPE;
use gumshoe_protocol::heartbeat::{HeartbeatReason, QueueState, SpoolState};
use gumshoe_protocol::policy::Policy;
use gumshoe_protocol::{ActionId, ContentDigest, Timestamp};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant};

/// How long runners may take to end when the daemon stops, and then the relay to confirm what is on its way.
const STOP_TIME: Duration = Duration::from_secs(10);
/// How long the loop sleeps when nothing is due.
const LONG: Duration = Duration::from_secs(3600);
/// How often what a host says about itself is looked at anew for decisions.
const HOST_AGE: Duration = Duration::from_secs(60);

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

/// What the host's owner wrote, and what the host is.
struct Settings {
    config: Arc<Config>,
    policy: Policy,
    host: Host,
    looked: Instant,
}

impl Settings {
    fn load(options: &Options) -> anyhow::Result<Self> {
        let config = Config::load(&options.config_dir).context("the configuration is refused")?;
        anyhow::ensure!(config.relay.is_some(), super::relay::SettingsError::None);
        let policy = obey::policy::load(&config.dir.join(obey::policy::FILE))?;
        Ok(Self {
            host: Host::look(&config),
            config: Arc::new(config),
            policy,
            looked: Instant::now(),
        })
    }
}

/// When something ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// It does not.
    No,
    /// Runners are ending; at the latest then.
    Runners(Instant),
    /// What is on its way is waited for; at the latest until then.
    Mail(Instant),
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
        let closed = self.ledger.close();
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

    // The courier.

    fn tend(&mut self, now: Instant) {
        let due = self.tender.due().is_some_and(|due| now >= due);
        let Some(relay) = self.settings.config.relay.clone().filter(|_| due) else {
            return;
        };
        let agent = self.ledger.identity().agent;
        let told = match configuration(&relay, &agent, self.options.once) {
            Ok(told) => told,
            Err(error) => {
                self.log.error(
                    "the courier cannot be told where the relay is",
                    &[("why", &chain(&error))],
                );
                self.tender.replace(now);
                return;
            }
        };
        match self.tender.start(now, &relay, told, &self.events) {
            Ok(true) => {
                let pid = self.tender.courier().map_or(0, super::courier::Courier::pid);
                self.log.info("the courier was started", &[("pid", &pid)]);
            }
            Ok(false) => {}
            Err(error) => {
                self.log.error("no courier", &[("why", &chain(&error))]);
                self.give_up_once(&chain(&error));
            }
        }
    }

    fn replace_courier(&mut self, why: &str) {
        let end = self.tender.replace(Instant::now());
        self.log.error(
            "the courier is gone; another will be started",
            &[("why", &why), ("end", &end)],
        );
        self.mail.connected(false);
        self.inbox.forget();
        self.link = Link {
            phase: Phase::Disconnected,
            relay: None,
            since_unix_ms: u64::try_from(Utc::now().timestamp_millis()).unwrap_or(0),
            error: Some(format!("the courier is gone: {why}")),
        };
    }

    fn hear(&mut self, generation: u64, message: ToWarden) {
        match message {
            ToWarden::Delivered { tag, bytes } => {
                let delivery = Delivery {
                    generation,
                    tag,
                    bytes,
                };
                if !self.inbox.hold(delivery) {
                    self.replace_courier("it brings more than it was asked for");
                }
            }
            ToWarden::Confirmed { id } => self.mail.confirmed(id, &mut self.spool),
            ToWarden::Failed { id, why } => {
                if self.mail.failed(id, &mut self.spool, Instant::now()) {
                    self.log.error(
                        "the relay does not take a report: it is given up",
                        &[("number", &id), ("why", &why)],
                    );
                } else {
                    self.log.warning(
                        "the relay did not take a message",
                        &[("number", &id), ("why", &why)],
                    );
                }
            }
            ToWarden::State(state) => self.relay_is(state),
            ToWarden::Discarded { bytes, why } => {
                self.log.warning(
                    "a message in the agent's queue was dropped",
                    &[("bytes", &bytes), ("why", &why)],
                );
            }
            ToWarden::Drained => self.is_drained = true,
            ToWarden::Pong => {}
            other => self.log.info(
                "the courier said something that is not needed",
                &[("kind", &format!("{other:.40?}"))],
            ),
        }
    }

    fn relay_is(&mut self, state: Link) {
        let is_connected = state.phase == Phase::Connected;
        let (relay, error) = (
            state.relay.clone().unwrap_or_default(),
            state.error.clone().unwrap_or_default(),
        );
        match state.phase {
            Phase::Connected => self.log.info("connected", &[("relay", &relay)]),
            Phase::Connecting => {}
            Phase::Disconnected => self
                .log
                .warning("disconnected", &[("relay", &relay), ("why", &error)]),
        }
        if is_connected != self.mail.is_connected() {
            self.mail.connected(is_connected);
        }
        if !is_connected {
            // What was not acknowledged is delivered again.
            self.inbox.forget();
        }
        self.notify.status(if is_connected {
            "connected"
        } else {
            "not connected"
        });
        self.link = state;
        if self.link.phase == Phase::Disconnected {
            self.give_up_once(&error);
        }
    }

    /// In check-in mode a relay that cannot be reached ends the visit.
    fn give_up_once(&mut self, why: &str) {
        if self.options.once && self.ending == Ending::No {
            self.log.error("the check-in failed", &[("why", &why)]);
            self.has_failed = true;
            self.stop();
        }
    }

    fn tell(&mut self, message: ToCourier) {
        if self
            .tender
            .courier()
            .is_some_and(|courier| courier.tell(message).is_err())
        {
            self.replace_courier("it does not read what it is told");
        }
    }

    // Deliveries.

    /// Decides about what has arrived, as long as there is room for more work.
    fn decide_held(&mut self) {
        while self.ending == Ending::No && self.works.has_room() {
            let Some(delivery) = self.inbox.take() else {
                return;
            };
            self.decide(&delivery);
            if self.tender.is_current(delivery.generation) {
                self.tell(ToCourier::Acknowledge { tag: delivery.tag });
            }
        }
    }

    fn decide(&mut self, delivery: &Delivery) {
        let digest = ContentDigest::of(&delivery.bytes);
        if self.inbox.was_refused(&digest) {
            return;
        }
        self.look_again();
        let now = Utc::now();
        let (received, decision) = self.ledger.receive(
            &delivery.bytes,
            &self.settings.policy,
            &self.settings.host.facts,
            now,
        );
        self.tell_decision(&decision, &received, now);
        match received {
            Received::Run(work) => {
                let started = Body::Started {
                    signers: work.signers.clone(),
                    operations: u32::try_from(work.operations.len()).unwrap_or(u32::MAX),
                };
                let about = (Some(work.id), work.digest);
                self.works.add(work, delivery.bytes.len());
                // Before the report is written: that takes the disk's time.
                let own = self.tender.courier().map(super::courier::Courier::pid);
                let begun = self.works.start(&self.settings.config, own, &self.events);
                self.complain("no thread could be made for an action", begun);
                self.report(about, started);
            }
            Received::Cancel { cancel, problem } => {
                let is_here = self.works.stop(&cancel.action);
                self.log
                    .info("cancelled", &[("action", &cancel.action), ("was_here", &is_here)]);
                if let Some(problem) = problem {
                    self.log.error(
                        "a cancellation could not be recorded",
                        &[("why", &problem.message)],
                    );
                }
            }
            Received::Repeated(_) => {}
            Received::Answer(body) => {
                if decision.signers.is_empty() {
                    self.inbox.remember(digest);
                }
                self.report((decision.action, decision.digest), *body);
            }
        }
    }

    fn tell_decision(&mut self, decision: &Decision, received: &Received, now: Timestamp) {
        let verdict = match received {
            Received::Run(_) => "run".to_owned(),
            Received::Cancel { .. } => "cancel".to_owned(),
            Received::Repeated(_) => "repeated".to_owned(),
            Received::Answer(body) => match body.as_ref() {
                Body::Refused { code, .. } => format!("refused [{code}]"),
                other => other.kind().to_owned(),
            },
        };
        let signers: Vec<String> = decision
            .signers
            .iter()
            .map(|signer| signer.name.clone())
            .collect();
        let action = decision
            .action
            .map_or_else(|| "-".to_owned(), |id| id.to_string());
        let fields: [super::log::Field<'_>; 3] = [
            ("action", &action),
            ("signers", &signers.join(",")),
            ("verdict", &verdict),
        ];
        self.log.info("decided", &fields);
        self.decisions.add(Decided {
            time: now,
            action: decision.action,
            name: decision.name.clone(),
            signers,
            verdict,
        });
    }

    /// A host's addresses change, and what `tags.d` says.
    fn look_again(&mut self) {
        if self.settings.looked.elapsed() < HOST_AGE {
            return;
        }
        self.settings.host = Host::look(&self.settings.config).named(self.ledger.identity().agent);
        self.settings.looked = Instant::now();
    }

    // Operations.

    fn operation(&mut self, action: ActionId, ended: Ended) {
        let Some(running) = self.works.running_mut(&action) else {
            return;
        };
        running.done += 1;
        running.sum.add(&ended.report);
        let (digest, of, index) = (running.digest, running.operations, ended.index);
        let logged = self.ledger.log_operation(action, &ended, Utc::now());
        self.complain("an operation could not be written to the host log", logged);
        let body = Body::Operation {
            index,
            of,
            report: Box::new(ended.report),
        };
        if self.report((Some(action), digest), body) {
            let done = self.ledger.done(action, index);
            self.complain("that a report is safe could not be recorded", done);
        }
    }

    fn over(&mut self, action: ActionId) {
        let Some(running) = self.works.take(&action) else {
            return;
        };
        let now = Utc::now();
        let finished = Body::Finished {
            started: running.accepted,
            finished: now,
            operations: running.operations,
            found: running.sum.found,
            complete: running.sum.complete,
        };
        self.report((Some(action), running.digest), finished);
        let ended = self.ledger.finish(action, running.accepted, now);
        self.complain("the end of an action could not be recorded", ended);
        self.log
            .info("finished", &[("action", &action), ("found", &running.sum.found)]);
    }

    /// Puts a report into the spool; says whether it is on disk.
    fn report(&mut self, about: (Option<ActionId>, ContentDigest), body: Body) -> bool {
        let report = match self.ledger.message(about, Utc::now(), body) {
            Ok(report) => report,
            Err(error) => {
                self.log.error("a report was lost", &[("why", &chain(&error))]);
                return false;
            }
        };
        let envelope = self.ledger.seal(&report).to_json();
        let lost = self.spool.lost();
        let is_safe = self.spool.put(report.sequence, envelope.as_bytes());
        if !is_safe {
            self.log.error(
                "a report could not be written to disk: it waits in memory",
                &[("number", &report.sequence)],
            );
        }
        if self.spool.lost() > lost {
            self.log.error(
                "the spool is full: its oldest reports were dropped",
                &[("lost", &self.spool.lost())],
            );
        }
        is_safe
    }

    // What goes out.

    fn send(&mut self, now: Instant) {
        let stuck = self
            .tender
            .courier()
            .is_some_and(|courier| self.mail.send(&mut self.spool, courier, now).is_err());
        if stuck {
            self.replace_courier("it does not read what it is told");
        }
    }

    fn beat(&mut self, now: Instant) {
        if !self.mail.is_connected() || self.ending != Ending::No {
            return;
        }
        if let Some(reason) = self.pulse.wanted(now) {
            self.send_heartbeat(reason, now);
        }
    }

    fn send_heartbeat(&mut self, reason: HeartbeatReason, now: Instant) {
        let agent = self.ledger.identity().agent;
        self.settings.host = Host::look(&self.settings.config).named(agent);
        self.settings.looked = now;
        let mut profile = Profile::of(self.settings.host.clone(), &self.settings.config);
        profile.blind_spots.extend(self.configuration_problem.clone());
        let interval = Duration::from_millis(self.settings.config.heartbeat.interval.milliseconds());
        let sequence = match self.ledger.number() {
            Ok(sequence) => sequence,
            Err(error) => {
                self.log
                    .error("a heartbeat could not be numbered", &[("why", &chain(&error))]);
                self.pulse.sent(profile, now, interval);
                return;
            }
        };
        let (running, waiting) = self.works.operations();
        let moment = Moment {
            sequence,
            sent: Utc::now(),
            reason,
            queue: QueueState { running, waiting },
            spool: self.spool_state(),
            interval,
        };
        let beat = heartbeat(self.ledger.identity(), profile.clone(), moment);
        let envelope = self
            .ledger
            .identity()
            .key
            .seal(HEARTBEAT_TYPE, beat.to_payload())
            .to_json();
        let sent = self
            .tender
            .courier()
            .map(|courier| self.mail.heartbeat(courier, sequence, envelope.into_bytes()));
        match sent {
            Some(Ok(true)) => {
                self.heartbeat_sent = Some(moment.sent);
                self.pulse.sent(profile, now, interval);
            }
            Some(Ok(false)) | None => {}
            Some(Err(_)) => self.replace_courier("it does not read what it is told"),
        }
    }

    fn spool_state(&self) -> SpoolState {
        SpoolState {
            reports: self.spool.len() as u64,
            bytes: self.spool.bytes(),
            lost: self.spool.lost(),
        }
    }

    // Beginning anew, and ending.

    fn reload(&mut self) {
        self.notify.reloading();
        match Settings::load(&self.options) {
            Ok(mut settings) => {
                settings.host = settings.host.named(self.ledger.identity().agent);
                let has_moved = settings.config.relay != self.settings.config.relay;
                self.settings = settings;
                self.configuration_problem = None;
                self.spool.limit(bounds(&self.settings.config));
                self.log.info("the configuration was read anew", &[]);
                if has_moved {
                    self.move_courier();
                }
                let profile = Profile::of(self.settings.host.clone(), &self.settings.config);
                self.pulse.consider(&profile);
            }
            Err(error) => {
                let why = chain(error.as_ref());
                self.log.error(
                    "the new configuration is refused; the old one stays in force",
                    &[("why", &why)],
                );
                self.configuration_problem = Some(format!("the configuration on disk is refused: {why}"));
            }
        }
        self.notify.ready();
    }

    /// The relay is another one, or is reached in another way.
    fn move_courier(&mut self) {
        let agent = self.ledger.identity().agent;
        let Some(relay) = self.settings.config.relay.clone() else {
            return;
        };
        match configuration(&relay, &agent, self.options.once) {
            Ok(told) => self.tell(ToCourier::Configure(Box::new(told))),
            Err(error) => self.log.error(
                "the courier cannot be told where the relay is",
                &[("why", &chain(&error))],
            ),
        }
    }

    fn stop(&mut self) {
        if self.ending != Ending::No {
            return;
        }
        self.log
            .info("stopping", &[("waiting_actions", &self.works.waiting())]);
        self.notify.stopping();
        self.works.stop_all();
        self.inbox.forget();
        self.ending = Ending::Runners(Instant::now() + STOP_TIME);
    }

    /// One step towards the end, if there is to be one.
    fn end(&mut self, now: Instant) {
        let is_done_once = self.options.once
            && self.ending == Ending::No
            && self.is_drained
            && self.inbox.is_empty()
            && self.works.is_idle()
            && self.spool.is_empty();
        if is_done_once {
            self.stop();
        }
        if let Ending::Runners(at) = self.ending
            && (self.works.is_still() || now >= at)
        {
            if self.mail.is_connected() {
                self.send_heartbeat(HeartbeatReason::Stop, now);
            }
            self.send(now);
            self.ending = Ending::Mail(now + STOP_TIME);
        }
    }

    fn is_over(&self) -> bool {
        let Ending::Mail(at) = self.ending else {
            return false;
        };
        let is_sent = self.mail.is_idle() && self.spool.is_empty();
        !self.mail.is_connected() || is_sent || Instant::now() >= at
    }

    fn write_status(&mut self, now: Instant) {
        let mut writer = std::mem::replace(&mut self.status, status::Writer::new(now));
        let written = writer.write(self.ledger.folder(), now, || self.describe());
        self.status = writer;
        self.complain("the status could not be written", written);
    }

    fn describe(&self) -> Status {
        Status {
            pid: std::process::id(),
            since: self.since,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            agent: self.ledger.identity().agent,
            relay: self.link.clone(),
            courier: self.tender.courier().map(super::courier::Courier::pid),
            courier_restarts: self.tender.restarts(),
            running: (self.works.running())
                .map(|(id, running)| status::Action {
                    action: *id,
                    name: running.name.clone(),
                    signers: running.signers.clone(),
                    operations: running.operations,
                    done: running.done,
                    accepted: running.accepted,
                })
                .collect(),
            waiting: self.works.waiting() as u64,
            spool: self.spool_state(),
            heartbeat: self.heartbeat_sent,
            decisions: self.decisions.all().clone(),
            blind_spots: self.settings.host.problems.clone(),
            configuration_problem: self.configuration_problem.clone(),
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
