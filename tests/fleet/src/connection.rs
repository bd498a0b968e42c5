//! Agents on their connections.

use crate::AgentsArguments;
use crate::agent::Agent;
use crate::tally::Tally;
use amqprs::callbacks::{ChannelCallback, DefaultConnectionCallback};
use amqprs::channel::{
    BasicAckArguments, BasicConsumeArguments, BasicPublishArguments, BasicQosArguments, Channel,
    ConfirmSelectArguments, ConsumerMessage, QueueBindArguments, QueueDeclareArguments,
};
use amqprs::connection::{Connection, OpenConnectionArguments};
use amqprs::{Ack, BasicProperties, Cancel, CloseChannel, DELIVERY_MODE_PERSISTENT, Nack, Return};
use anyhow::Context as _;
use gumshoe_protocol::heartbeat::HeartbeatReason;
use gumshoe_protocol::relay;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio::task::{JoinSet, LocalSet};

/// How long a broker may take to confirm; under the load that is measured that is long.
const CONFIRM_LIMIT: Duration = Duration::from_secs(300);

/// Runs all agents; ends only with the first error.
pub async fn run_all(arguments: AgentsArguments) -> anyhow::Result<()> {
    let (user, password) = arguments.user.split_once(':').context("`--user` has no colon")?;
    let options = OpenConnectionArguments::new("127.0.0.1", arguments.port, user, password);
    let tally = Rc::new(Tally::new(arguments.count));
    let dialling = Rc::new(Semaphore::new(arguments.dialling));
    let local = LocalSet::new();
    let mut connections = JoinSet::new();
    for first in (0..arguments.count).step_by(arguments.per_connection as usize) {
        let last = first
            .saturating_add(arguments.per_connection)
            .min(arguments.count);
        let (arguments, options) = (arguments.clone(), options.clone());
        let (tally, dialling) = (Rc::clone(&tally), Rc::clone(&dialling));
        let connection =
            async move { run_connection(first..last, &arguments, &options, &tally, &dialling).await };
        connections.spawn_local_on(connection, &local);
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

/// Runs the agents of one connection.
async fn run_connection(
    numbers: std::ops::Range<u32>,
    arguments: &AgentsArguments,
    options: &OpenConnectionArguments,
    tally: &Tally,
    dialling: &Semaphore,
) -> anyhow::Result<()> {
    let permit = dialling.acquire().await?;
    let connection = Connection::open(options).await.context("failed to connect")?;
    connection.register_callback(DefaultConnectionCallback).await?;
    let mut agents = Vec::new();
    for number in numbers {
        let mut agent = Agent::new(number, arguments);
        let link = Link::open(&connection, &agent).await?;
        let heartbeat = agent.heartbeat(HeartbeatReason::Start);
        link.outgoing
            .publish(&relay::heartbeat_key(&agent.id()), heartbeat)
            .await?;
        link.outgoing.confirmed().await?;
        tally.ready();
        agents.push((agent, link));
    }
    drop(permit);
    let running = agents
        .into_iter()
        .map(|(agent, link)| link.run(agent, arguments.interval_s, tally));
    futures_util::future::try_join_all(running).await.map(drop)
}

/// An agent's channel: its queue and what it publishes.
struct Link {
    outgoing: Outgoing,
    incoming: mpsc::UnboundedReceiver<ConsumerMessage>,
}

impl Link {
    async fn open(connection: &Connection, agent: &Agent) -> anyhow::Result<Self> {
        let channel = connection
            .open_channel(None)
            .await
            .context("failed to open a channel")?;
        let confirms = Confirms::default();
        channel.register_callback(confirms.clone()).await?;
        channel.confirm_select(ConfirmSelectArguments::default()).await?;
        channel.basic_qos(BasicQosArguments::new(0, 4, false)).await?;
        let queue = relay::agent_queue(&agent.id());
        channel
            .queue_declare(QueueDeclareArguments::durable_client_named(&queue))
            .await?;
        for key in [relay::ALL.to_owned(), relay::agent_key(&agent.id())] {
            channel
                .queue_bind(QueueBindArguments::new(&queue, relay::ACTIONS, &key))
                .await?;
        }
        let (_, incoming) = channel
            .basic_consume_rx(BasicConsumeArguments::new(&queue, ""))
            .await?;
        Ok(Self {
            outgoing: Outgoing { channel, confirms },
            incoming,
        })
    }

    /// Answers what comes, and sends heartbeats; the first of these at a time of its own, so that not all come at once.
    async fn run(mut self, mut agent: Agent, interval_s: u64, tally: &Tally) -> anyhow::Result<()> {
        let period = Duration::from_secs(interval_s);
        let phase = f64::from(u32::from(agent.id().as_bytes()[0])) / 256.0;
        let mut heartbeats =
            tokio::time::interval_at(tokio::time::Instant::now() + period.mul_f64(phase), period);
        loop {
            tokio::select! {
                message = self.incoming.recv() => {
                    self.take(&mut agent, message.context("the broker closed the channel")?, tally).await?;
                }
                _ = heartbeats.tick() => {
                    let heartbeat = agent.heartbeat(HeartbeatReason::Interval);
                    self.outgoing.publish(&relay::heartbeat_key(&agent.id()), heartbeat).await?;
                    self.outgoing.confirmed().await?;
                }
            }
        }
    }

    async fn take(&self, agent: &mut Agent, message: ConsumerMessage, tally: &Tally) -> anyhow::Result<()> {
        let tag = message.deliver.context("a message without a tag")?.delivery_tag();
        let envelope = message.content.unwrap_or_default();
        // A cancellation has nothing to stop here.
        if let Ok(answer) = agent.answer(&envelope) {
            tally.delivered(answer.action);
            let reports = answer.reports.len();
            for report in answer.reports {
                self.outgoing
                    .publish(&relay::report_key(&agent.id()), report)
                    .await?;
            }
            self.outgoing.confirmed().await?;
            tally.answered(answer.action, reports);
        }
        self.outgoing
            .channel
            .basic_ack(BasicAckArguments::new(tag, false))
            .await?;
        Ok(())
    }
}

/// A channel in confirm mode.
struct Outgoing {
    channel: Channel,
    confirms: Confirms,
}

impl Outgoing {
    async fn publish(&self, key: &str, content: Vec<u8>) -> anyhow::Result<()> {
        self.confirms.sent();
        let properties = BasicProperties::default()
            .with_delivery_mode(DELIVERY_MODE_PERSISTENT)
            .finish();
        let to = BasicPublishArguments::new(relay::REPORTS, key);
        self.channel
            .basic_publish(properties, content, to)
            .await
            .context("failed to publish")
    }

    /// Waits until the broker has everything that was published.
    async fn confirmed(&self) -> anyhow::Result<()> {
        tokio::time::timeout(CONFIRM_LIMIT, self.confirms.settled())
            .await
            .context("the broker does not confirm")?
    }
}

/// Which messages the broker has not confirmed yet.
#[derive(Clone, Default)]
struct Confirms(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<Waiting>,
    changed: Notify,
}

#[derive(Default)]
struct Waiting {
    last: u64,
    open: BTreeSet<u64>,
    refused: bool,
}

impl Confirms {
    fn with<T>(&self, change: impl FnOnce(&mut Waiting) -> T) -> T {
        change(&mut self.0.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn sent(&self) {
        self.with(|waiting| {
            waiting.last += 1;
            waiting.open.insert(waiting.last);
        });
    }

    fn answered(&self, tag: u64, multiple: bool, refused: bool) {
        self.with(|waiting| {
            if multiple {
                waiting.open = waiting.open.split_off(&(tag + 1));
            } else {
                waiting.open.remove(&tag);
            }
            waiting.refused |= refused;
        });
        self.0.changed.notify_one();
    }

    async fn settled(&self) -> anyhow::Result<()> {
        loop {
            let (open, refused) = self.with(|waiting| (waiting.open.len(), waiting.refused));
            anyhow::ensure!(!refused, "the broker refused a message, or closed the channel");
            if open == 0 {
                return Ok(());
            }
            self.0.changed.notified().await;
        }
    }
}

#[async_trait::async_trait]
impl ChannelCallback for Confirms {
    async fn close(&mut self, _: &Channel, _: CloseChannel) -> Result<(), amqprs::error::Error> {
        self.answered(0, false, true);
        Ok(())
    }

    async fn cancel(&mut self, _: &Channel, _: Cancel) -> Result<(), amqprs::error::Error> {
        Ok(())
    }

    async fn flow(&mut self, _: &Channel, active: bool) -> Result<bool, amqprs::error::Error> {
        Ok(active)
    }

    async fn publish_ack(&mut self, _: &Channel, ack: Ack) {
        self.answered(ack.delivery_tag(), ack.mutiple(), false);
    }

    async fn publish_nack(&mut self, _: &Channel, nack: Nack) {
        self.answered(nack.delivery_tag(), nack.multiple(), true);
    }

    async fn publish_return(&mut self, _: &Channel, _: Return, _: BasicProperties, _: Vec<u8>) {}
}
