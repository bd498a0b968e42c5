//! How long a real agent takes from the relay to a module's first look, beside a bare consumer of the same message.
//!
//! A folder is watched from outside (inotify), so that neither agent nor module has a part in the measurement but to do
//! their work: the module is asked about that folder, and the moment at which it opens it counts.

mod looks;

use crate::tally::told;
use amqprs::BasicProperties;
use amqprs::DELIVERY_MODE_PERSISTENT;
use amqprs::channel::{
    BasicAckArguments, BasicConsumeArguments, BasicPublishArguments, BasicQosArguments, Channel,
    ConsumerMessage, ExchangeDeclareArguments, ExchangeType, QueueBindArguments, QueueDeclareArguments,
};
use amqprs::connection::{Connection, OpenConnectionArguments};
use anyhow::Context as _;
use clap::Args;
use gumshoe_protocol::bounds::REPORT_ENVELOPE_BYTES;
use gumshoe_protocol::{AgentId, Envelope, relay};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::sync::mpsc::UnboundedReceiver;

/// The bare consumer's queue.
const BARE_QUEUE: &str = "bare";
/// As many deliveries at a time as the agent's courier takes.
const PREFETCH: u16 = 8;
/// How long an action may take before it counts as lost.
const LIMIT: Duration = Duration::from_secs(60);
/// What agent and broker have after an action to come to rest.
const REST: Duration = Duration::from_millis(50);

/// Who is asked, and where it looks.
#[derive(Args)]
pub struct TraceArguments {
    /// The broker on this machine: its port.
    #[arg(long)]
    port: u16,
    /// Its user and, after a colon, the password.
    #[arg(long, default_value = "guest:guest")]
    user: String,
    /// The agent.
    #[arg(long)]
    agent: AgentId,
    /// The folder that its module is asked about; nobody else may open it.
    #[arg(long)]
    folder: PathBuf,
}

/// Makes exchanges and queues, then asks what standard input says, one envelope per line, each when the one before has
/// been answered.
pub async fn run(arguments: TraceArguments) -> anyhow::Result<()> {
    let (user, password) = arguments.user.split_once(':').context("`--user` has no colon")?;
    let options = OpenConnectionArguments::new("127.0.0.1", arguments.port, user, password);
    let connection = Connection::open(&options).await.context("failed to connect")?;
    let channel = connection.open_channel(None).await?;
    let mut trace = Trace {
        key: relay::agent_key(&arguments.agent),
        looks: looks::watch(&arguments.folder)?,
        bare: consume(
            &channel,
            relay::ACTIONS,
            BARE_QUEUE,
            &relay::agent_key(&arguments.agent),
        )
        .await?,
        reports: consume(&channel, relay::REPORTS, relay::REPORTS_QUEUE, "#").await?,
        channel,
    };
    told(&json!({"event": "tracing"}));
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(envelope) = lines.next_line().await? {
        let traced = tokio::time::timeout(LIMIT, trace.one(envelope)).await;
        told(&traced.context("an action was not answered")??.to_json());
        tokio::time::sleep(REST).await;
    }
    connection.close().await?;
    Ok(())
}

/// Declares exchange and queue as server and agent do, and reads the queue.
async fn consume(
    channel: &Channel,
    exchange: &str,
    queue: &str,
    key: &str,
) -> anyhow::Result<UnboundedReceiver<ConsumerMessage>> {
    let durable = ExchangeDeclareArguments::of_type(exchange, ExchangeType::Topic)
        .durable(true)
        .finish();
    channel.exchange_declare(durable).await?;
    channel
        .queue_declare(QueueDeclareArguments::durable_client_named(queue))
        .await?;
    channel
        .queue_bind(QueueBindArguments::new(queue, exchange, key))
        .await?;
    channel
        .basic_qos(BasicQosArguments::new(0, PREFETCH, false))
        .await?;
    let (_, messages) = channel
        .basic_consume_rx(BasicConsumeArguments::new(queue, ""))
        .await?;
    Ok(messages)
}

struct Trace {
    channel: Channel,
    key: String,
    bare: UnboundedReceiver<ConsumerMessage>,
    reports: UnboundedReceiver<ConsumerMessage>,
    looks: UnboundedReceiver<Instant>,
}

/// When an action was where.
struct Course {
    published: Instant,
    consumed: Option<Instant>,
    looked: Option<Instant>,
    finished: Option<Instant>,
}

impl Course {
    fn is_over(&self) -> bool {
        self.consumed.is_some() && self.looked.is_some() && self.finished.is_some()
    }

    fn to_json(&self) -> Value {
        let after =
            |moment: Option<Instant>| moment.map(|moment| (moment - self.published).as_micros() as u64);
        json!({
            "event": "traced", "consumed_us": after(self.consumed), "looked_us": after(self.looked),
            "finished_us": after(self.finished),
        })
    }
}

impl Trace {
    /// Asks, and waits until everybody has answered.
    async fn one(&mut self, envelope: String) -> anyhow::Result<Course> {
        while self.looks.try_recv().is_ok() {}
        let persistent = BasicProperties::default()
            .with_delivery_mode(DELIVERY_MODE_PERSISTENT)
            .finish();
        let to = BasicPublishArguments::new(relay::ACTIONS, &self.key);
        let mut course = Course {
            published: Instant::now(),
            consumed: None,
            looked: None,
            finished: None,
        };
        self.channel
            .basic_publish(persistent, envelope.into_bytes(), to)
            .await?;
        while !course.is_over() {
            tokio::select! {
                biased;
                message = self.bare.recv() => {
                    course.consumed = Some(Instant::now());
                    self.acknowledge(&message.context("the bare queue is gone")?).await?;
                }
                looked = self.looks.recv() => {
                    course.looked = course.looked.or(Some(looked.context("nobody watches the folder")?));
                }
                message = self.reports.recv() => {
                    let now = Instant::now();
                    let message = message.context("the queue for reports is gone")?;
                    self.acknowledge(&message).await?;
                    if kind(&message)? == "finished" {
                        course.finished = Some(now);
                    }
                }
            }
        }
        Ok(course)
    }

    async fn acknowledge(&self, message: &ConsumerMessage) -> anyhow::Result<()> {
        let tag = message
            .deliver
            .as_ref()
            .context("a message without a tag")?
            .delivery_tag();
        self.channel.basic_ack(BasicAckArguments::new(tag, false)).await?;
        Ok(())
    }
}

/// What a report says; empty for a heartbeat.
fn kind(message: &ConsumerMessage) -> anyhow::Result<String> {
    let envelope = Envelope::parse(
        message.content.as_deref().unwrap_or_default(),
        REPORT_ENVELOPE_BYTES,
    );
    let payload: Value = serde_json::from_slice(&envelope.context("no envelope")?.payload)?;
    let body = &payload["body"];
    anyhow::ensure!(body["kind"] != "refused", "the agent refuses: {body}");
    Ok(body["kind"].as_str().unwrap_or_default().to_owned())
}
