//! `serve`: the parts of a server, from start to an orderly end.

use super::{Exit, open_store};
use crate::api::{self, App, Limiter};
use crate::audit::{Audit, AuditWriter};
use crate::cli::Role;
use crate::config::Config;
use crate::ingest::{Enrolment, Heartbeats, Reports};
use crate::metrics::Metrics;
use crate::relay::{Publisher, Relay, consume};
use crate::reload::{Current, Files};
use crate::scheduler::{Resting, Scheduler, Wake};
use crate::trouble::Trouble;
use crate::workers::{AgentWatch, Export, Webhook};
use anyhow::Context as _;
use gumshoe_protocol::policy::Policy;
use gumshoe_protocol::relay::{EXPORT_QUEUE, HEARTBEATS_QUEUE, REPORTS_QUEUE, WEBHOOK_QUEUE};
use gumshoe_store::Store;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long parts may take to come to their end.
const END_TIMEOUT: Duration = Duration::from_secs(25);
/// Requests from one address, where many clients share it, against those of one token.
const SHARED: u32 = 10;

/// How the server runs.
pub(super) struct How {
    pub(super) role: Role,
    pub(super) migrate: bool,
    pub(super) print_address: bool,
}

/// What the parts share.
struct Parts {
    config: Arc<Config>,
    store: Store,
    relay: Relay,
    publisher: Arc<Publisher>,
    policy: Current<Policy>,
    audit: Audit,
    metrics: Metrics,
    wake: Wake,
    holder: String,
    /// Ends everything.
    stop: CancellationToken,
    /// Ends what sends and takes; cancelled with `stop`, or alone when the database is damaged.
    work: CancellationToken,
    trouble: Trouble,
    /// Counts how often somebody wanted files to be read again.
    reload: watch::Sender<u64>,
    tasks: TaskTracker,
}

impl Parts {
    /// Keeps something in step with its files.
    fn follow<T: Send + Sync + 'static>(&self, current: Current<T>) {
        let following = current.follow(self.reload.subscribe(), self.stop.clone());
        self.tasks.spawn(following);
    }
}

pub(super) async fn serve(config: Config, how: How) -> anyhow::Result<Exit> {
    let (parts, writer) = prepare(config, how.migrate).await?;
    // The log of accesses is written to the last, after everything that may write to it.
    let writing = tokio::spawn(writer.run());
    if how.role.includes(Role::Scheduler) {
        start_scheduler(&parts)?;
    }
    if how.role.includes(Role::Worker) {
        start_workers(&parts)?;
    }
    if how.role.includes(Role::Api) {
        start_api(&parts, how.print_address).await?;
    }
    tracing::info!(role = ?how.role, "started");
    // A process with the API stays, and says that it is not ready.
    let api = how.role.includes(Role::Api);
    tokio::select! {
        signal = wait_for_signal(&parts.reload) => signal?,
        () = parts.work.cancelled(), if !api => {}
    }
    tracing::info!("stopping");
    let (stop, tasks, store) = (parts.stop.clone(), parts.tasks.clone(), parts.store.clone());
    let trouble = parts.trouble.clone();
    drop(parts);
    stop.cancel();
    tasks.close();
    let ended = tokio::time::timeout(END_TIMEOUT, async {
        tasks.wait().await;
        writing.await
    });
    if ended.await.is_err() {
        tracing::warn!("some parts did not end in time; what they had taken is delivered again");
    }
    store.close().await;
    tracing::info!("stopped");
    match trouble.why() {
        Some(why) => anyhow::bail!("the database is damaged or its disk fails: {why}"),
        None => Ok(Exit::Success),
    }
}

async fn prepare(config: Config, migrate: bool) -> anyhow::Result<(Parts, AuditWriter)> {
    let config = Arc::new(config);
    let policy = policy(&config)?;
    let relay = Relay::new(&config.relay)?;
    let store = open_store(&config).await?;
    if migrate {
        store.migrate().await.context("failed to migrate")?;
    }
    let stop = CancellationToken::new();
    let work = stop.child_token();
    let trouble = Trouble::new(work.clone());
    let (audit, writer) = Audit::new(store.clone(), trouble.clone());
    let id = crate::secret::random::<8>()?;
    let parts = Parts {
        publisher: Arc::new(Publisher::new(relay.clone(), "gumshoe-server publisher")),
        holder: format!("{}-{:016x}", std::process::id(), u64::from_be_bytes(id)),
        config,
        store,
        relay,
        policy,
        audit,
        metrics: Metrics::new(),
        wake: Wake::default(),
        stop,
        work,
        trouble,
        reload: watch::Sender::new(0),
        tasks: TaskTracker::new(),
    };
    Ok((parts, writer))
}

fn start_scheduler(parts: &Parts) -> anyhow::Result<()> {
    let scheduler = Scheduler {
        store: parts.store.clone(),
        publisher: Arc::clone(&parts.publisher),
        audit: parts.audit.clone(),
        metrics: parts.metrics.clone(),
        config: parts.config.scheduler.clone(),
        retention: parts.config.retention,
        wake: parts.wake.clone(),
        holder: parts.holder.clone(),
        resting: Resting::default(),
        trouble: parts.trouble.clone(),
    };
    let enrolment = enrolment(&parts.config)?;
    parts.follow(enrolment.clone());
    let heartbeats = Heartbeats {
        store: parts.store.clone(),
        enrolment,
        audit: parts.audit.clone(),
        metrics: parts.metrics.clone(),
        trouble: parts.trouble.clone(),
    };
    let reports = Reports {
        store: parts.store.clone(),
        metrics: parts.metrics.clone(),
        trouble: parts.trouble.clone(),
    };
    let stop = parts.work.clone();
    parts.tasks.spawn(async move { scheduler.run(&stop).await });
    start_consumer(parts, HEARTBEATS_QUEUE, parts.config.relay.prefetch, heartbeats);
    start_consumer(parts, REPORTS_QUEUE, parts.config.relay.prefetch, reports);
    Ok(())
}

fn start_consumer(
    parts: &Parts,
    queue: &'static str,
    prefetch: u16,
    handler: impl crate::relay::Handler + 'static,
) {
    let (relay, stop) = (parts.relay.clone(), parts.work.clone());
    parts
        .tasks
        .spawn(async move { consume(&relay, queue, prefetch, &handler, &stop).await });
}

fn start_workers(parts: &Parts) -> anyhow::Result<()> {
    let config = &parts.config.workers;
    if let Some(webhook) = &config.webhook {
        // One by one: what was taken is not posted again because the next was not.
        start_consumer(
            parts,
            WEBHOOK_QUEUE,
            1,
            Webhook::new(webhook, parts.work.clone())?,
        );
    }
    if let Some(path) = &config.export {
        start_consumer(parts, EXPORT_QUEUE, 500, Export::new(path));
    }
    let watch = AgentWatch::new(parts.store.clone(), &parts.holder, config, parts.trouble.clone());
    let watch = watch.context("`workers.oldest_agent` is not a version")?;
    let stop = parts.work.clone();
    parts.tasks.spawn(async move { watch.run(&stop).await });
    Ok(())
}

async fn start_api(parts: &Parts, print_address: bool) -> anyhow::Result<()> {
    let config = &parts.config.api;
    let door = api::open_door(config).await;
    let door = door.with_context(|| format!("failed to listen on {}", config.listen))?;
    let address = door.address();
    tracing::info!(%address, tls = config.identity.is_some(), "the API listens");
    if print_address {
        writeln!(std::io::stdout(), "{address}")?;
    }
    let per_minute = config.requests_per_minute;
    let app = App {
        store: parts.store.clone(),
        trouble: parts.trouble.clone(),
        policy: parts.policy.clone(),
        audit: parts.audit.clone(),
        metrics: parts.metrics.clone(),
        relay: Arc::clone(&parts.publisher),
        wake: parts.wake.clone(),
        // Where the system chose the port, the address that was configured is nobody's.
        origin: config
            .origin
            .replace(&config.listen.to_string(), &address.to_string())
            .into(),
        admins: config.admins.clone().into(),
        session: config.session,
        limiter: Arc::new(Limiter::new(per_minute)),
        shared_limiter: Arc::new(Limiter::new(per_minute.saturating_mul(SHARED))),
        live: api::Live::default(),
        stop: parts.stop.clone(),
    };
    parts.follow(parts.policy.clone());
    parts.tasks.spawn(async move {
        if let Err(error) = api::serve(app, door).await {
            tracing::error!(%error, "the API has ended");
        }
    });
    Ok(())
}

/// Returns when the server is to end. SIGHUP has files read again.
async fn wait_for_signal(reload: &watch::Sender<u64>) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    loop {
        tokio::select! {
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
            _ = hangup.recv() => reload.send_modify(|times| *times += 1),
        }
    }
}

fn policy(config: &Arc<Config>) -> anyhow::Result<Current<Policy>> {
    let config = Arc::clone(config);
    Current::load("policy", move |files| Ok(config.policy(files)?)).map_err(anyhow::Error::from_boxed)
}

fn enrolment(config: &Arc<Config>) -> anyhow::Result<Current<Enrolment>> {
    let config = Arc::clone(config);
    let load = move |files: &Files| Ok(Enrolment::load(&config.enrolment, files)?);
    Current::load("enrolment tokens", load).map_err(anyhow::Error::from_boxed)
}
