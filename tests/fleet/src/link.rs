//! An agent's channel: its queue, and what it publishes.

use crate::confirms::Confirms;
use amqprs::channel::{
    BasicAckArguments, BasicConsumeArguments, BasicPublishArguments, BasicQosArguments, Channel,
    ConfirmSelectArguments, ConsumerMessage, QueueBindArguments, QueueDeclareArguments,
};
use amqprs::connection::Connection;
use amqprs::{BasicProperties, DELIVERY_MODE_PERSISTENT, FieldTable, FieldValue};
use anyhow::Context as _;
use gumshoe_link::QueueLimits;
use gumshoe_protocol::{AgentId, relay};
use std::time::Duration;
use tokio::sync::mpsc;

/// How long a broker may take to confirm; under the load that is measured that is long.
const CONFIRM_LIMIT: Duration = Duration::from_secs(300);
/// Actions that the broker hands out before the first is acknowledged.
const PREFETCH: u16 = 4;

/// A message to publish.
pub struct Outgoing {
    /// Its routing key.
    pub key: String,
    /// Its body.
    pub body: Vec<u8>,
}

/// A channel in confirm mode, and the agent's queue.
pub struct Link {
    channel: Channel,
    confirms: Confirms,
    incoming: mpsc::UnboundedReceiver<ConsumerMessage>,
}

/// A message from the queue.
pub struct Incoming {
    /// To acknowledge it by.
    pub tag: u64,
    /// Its body.
    pub body: Vec<u8>,
}

impl Link {
    /// Opens a channel, declares and binds the agent's queue as a real agent does, and consumes it.
    pub async fn open(connection: &Connection, agent: AgentId) -> anyhow::Result<Self> {
        let channel = connection
            .open_channel(None)
            .await
            .context("failed to open a channel")?;
        let confirms = Confirms::default();
        channel.register_callback(confirms.clone()).await?;
        channel.confirm_select(ConfirmSelectArguments::default()).await?;
        channel
            .basic_qos(BasicQosArguments::new(0, PREFETCH, false))
            .await?;
        let queue = relay::agent_queue(&agent);
        let mut declaration = QueueDeclareArguments::durable_client_named(&queue);
        declaration.arguments(limits(&QueueLimits::default())?);
        channel.queue_declare(declaration).await?;
        for key in [relay::ALL.to_owned(), relay::agent_key(&agent)] {
            channel
                .queue_bind(QueueBindArguments::new(&queue, relay::ACTIONS, &key))
                .await?;
        }
        let (_, incoming) = channel
            .basic_consume_rx(BasicConsumeArguments::new(&queue, ""))
            .await?;
        Ok(Self {
            channel,
            confirms,
            incoming,
        })
    }

    /// The next message; an error when the connection is lost.
    pub async fn receive(&mut self) -> anyhow::Result<Incoming> {
        let message = self.incoming.recv().await.context("the connection was lost")?;
        let delivery = message.deliver.context("a message without a tag")?;
        Ok(Incoming {
            tag: delivery.delivery_tag(),
            body: message.content.unwrap_or_default(),
        })
    }

    /// Publishes messages and waits until the broker has them all.
    pub async fn publish(&self, messages: &[Outgoing]) -> anyhow::Result<()> {
        for message in messages {
            self.confirms.sent();
            let properties = BasicProperties::default()
                .with_delivery_mode(DELIVERY_MODE_PERSISTENT)
                .finish();
            let to = BasicPublishArguments::new(relay::REPORTS, &message.key);
            self.channel
                .basic_publish(properties, message.body.clone(), to)
                .await
                .context("failed to publish")?;
        }
        tokio::time::timeout(CONFIRM_LIMIT, self.confirms.settled())
            .await
            .context("the broker does not confirm")?
    }

    /// Acknowledges a message.
    pub async fn acknowledge(&self, tag: u64) -> anyhow::Result<()> {
        self.channel
            .basic_ack(BasicAckArguments::new(tag, false))
            .await
            .context("failed to acknowledge")
    }
}

/// A queue's arguments: those of a real agent's, because some of them cost the broker something.
fn limits(limits: &QueueLimits) -> anyhow::Result<FieldTable> {
    let mut table = FieldTable::new();
    for (name, limit) in [
        ("x-max-length", limits.messages.into()),
        ("x-max-length-bytes", limits.bytes),
        ("x-message-ttl", limits.message_ttl_ms),
        ("x-expires", limits.expires_ms),
    ] {
        table.insert(name.try_into()?, FieldValue::l(limit.try_into()?));
    }
    let overflow = FieldValue::S("drop-head".try_into()?);
    table.insert("x-overflow".try_into()?, overflow);
    Ok(table)
}
