//! Agents on their connections: what is not confirmed when one is lost is sent again over the next one.

use crate::AgentsArguments;
use crate::agent::Agent;
use crate::link::{Incoming, Link, Outgoing};
use crate::tally::Tally;
use amqprs::callbacks::DefaultConnectionCallback;
use amqprs::connection::{Connection, OpenConnectionArguments};
use anyhow::Context as _;
use gumshoe_protocol::heartbeat::HeartbeatReason;
use gumshoe_protocol::{ActionId, relay};
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::{JoinSet, LocalSet};

/// How long a connection may take, from the first packet to the last consumed queue on it.
const CONNECT_LIMIT: Duration = Duration::from_secs(120);
/// How long an agent waits before it connects again.
const RECONNECT: Duration = Duration::from_millis(500);

/// What all connections share.
struct Fleet {
    arguments: AgentsArguments,
    broker: OpenConnectionArguments,
    dialling: Semaphore,
    tally: Tally,
}

/// Runs all agents; ends only when one of them cannot connect for the first time.
pub async fn run_all(arguments: AgentsArguments) -> anyhow::Result<()> {
    let (user, password) = arguments.user.split_once(':').context("`--user` has no colon")?;
    let fleet = Rc::new(Fleet {
        broker: OpenConnectionArguments::new("127.0.0.1", arguments.port, user, password),
        dialling: Semaphore::new(arguments.dialling),
        tally: Tally::new(arguments.count),
        arguments,
    });
    let (count, together) = (fleet.arguments.count, fleet.arguments.per_connection);
    let local = LocalSet::new();
    let mut connections = JoinSet::new();
    for first in (0..count).step_by(together as usize) {
        let numbers = first..first.saturating_add(together).min(count);
        let fleet = Rc::clone(&fleet);
        connections.spawn_local_on(async move { keep_connected(&fleet, numbers).await }, &local);
    }
    local
        .run_until(async {
            while let Some(ended) = connections.join_next().await {
                ended.context("an agent's task ended")??;
            }
            Ok(())
        })
        .await
}

/// Runs the agents of one connection, and of those that take its place.
async fn keep_connected(fleet: &Fleet, numbers: std::ops::Range<u32>) -> anyhow::Result<()> {
    let mut members: Vec<Member> = numbers
        .map(|number| Member::new(Agent::new(number, &fleet.arguments)))
        .collect();
    let mut connected_before = false;
    loop {
        let (connection, links) = match connect(fleet, &mut members).await {
            Ok(connected) => connected,
            Err(error) if !connected_before => return Err(error),
            Err(_) => {
                tokio::time::sleep(RECONNECT).await;
                continue;
            }
        };
        connected_before = true;
        fleet.tally.connected(members.len());
        let running = members
            .iter_mut()
            .zip(links)
            .map(|(member, link)| member.run(link, &fleet.arguments, &fleet.tally));
        // Either tells that the connection is gone; which one does, and how it puts it, makes no difference.
        tokio::select! {
            _ = futures_util::future::try_join_all(running) => {}
            _ = connection.listen_network_io_failure() => {}
        }
        fleet.tally.lost(members.len());
        tokio::time::sleep(RECONNECT).await;
    }
}

/// Connects, and sends what each agent still has to send; its first heartbeat is part of that.
async fn connect(fleet: &Fleet, members: &mut [Member]) -> anyhow::Result<(Connection, Vec<Link>)> {
    let _permit = fleet.dialling.acquire().await?;
    let connecting = async {
        let connection = Connection::open(&fleet.broker)
            .await
            .context("failed to connect")?;
        connection.register_callback(DefaultConnectionCallback).await?;
        let mut links = Vec::new();
        for member in members {
            let link = Link::open(&connection, member.agent.id()).await?;
            member.flush(&link, &fleet.tally).await?;
            links.push(link);
        }
        anyhow::Ok((connection, links))
    };
    tokio::time::timeout(CONNECT_LIMIT, connecting)
        .await
        .context("the broker does not answer")?
}

/// An agent, and what the broker has not confirmed of what it said.
struct Member {
    agent: Agent,
    spool: Vec<Outgoing>,
    answering: Option<ActionId>,
}

impl Member {
    /// An agent that has said nothing yet but that it starts.
    fn new(mut agent: Agent) -> Self {
        let start = Outgoing {
            key: relay::heartbeat_key(&agent.id()),
            body: agent.heartbeat(HeartbeatReason::Start),
        };
        Self {
            agent,
            spool: vec![start],
            answering: None,
        }
    }

    /// Answers what comes, and sends heartbeats; the first of these at a time of its own, so that not all come at once.
    async fn run(
        &mut self,
        mut link: Link,
        arguments: &AgentsArguments,
        tally: &Tally,
    ) -> anyhow::Result<()> {
        let period = Duration::from_secs(arguments.interval_s);
        let phase = f64::from(u32::from(self.agent.id().as_bytes()[0])) / 256.0;
        let work = Duration::from_millis(arguments.spread_ms).mul_f64(phase);
        let mut heartbeats =
            tokio::time::interval_at(tokio::time::Instant::now() + period.mul_f64(phase), period);
        loop {
            tokio::select! {
                message = link.receive() => self.take(&link, message?, work, tally).await?,
                _ = heartbeats.tick() => {
                    self.spool.push(Outgoing {
                        key: relay::heartbeat_key(&self.agent.id()),
                        body: self.agent.heartbeat(HeartbeatReason::Interval),
                    });
                    self.flush(&link, tally).await?;
                }
            }
        }
    }

    async fn take(
        &mut self,
        link: &Link,
        message: Incoming,
        work: Duration,
        tally: &Tally,
    ) -> anyhow::Result<()> {
        if !work.is_zero() {
            tokio::time::sleep(work).await;
        }
        // A cancellation has nothing to stop here, and what was answered before is not answered again.
        if let Ok(Some(answer)) = self.agent.answer(&message.body) {
            tally.delivered(answer.action);
            let key = relay::report_key(&self.agent.id());
            self.spool.extend(answer.reports.into_iter().map(|body| Outgoing {
                key: key.clone(),
                body,
            }));
            self.answering = Some(answer.action);
        }
        self.flush(link, tally).await?;
        link.acknowledge(message.tag).await
    }

    /// Publishes the spool; it is empty once the broker has confirmed it.
    async fn flush(&mut self, link: &Link, tally: &Tally) -> anyhow::Result<()> {
        if self.spool.is_empty() {
            return Ok(());
        }
        link.publish(&self.spool).await?;
        self.spool.clear();
        if let Some(action) = self.answering.take() {
            tally.answered(action);
        }
        Ok(())
    }
}
