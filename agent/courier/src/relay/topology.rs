//! The agent's queue and its bindings; the exchanges have to be there.

use gumshoe_link::{Configuration, QueueLimits};
use lapin::{
    Channel, Connection, ErrorKind, ExchangeKind,
    options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions},
    protocol::{AMQPErrorKind, AMQPSoftError},
    types::{AMQPValue, FieldTable},
};

/// Why queue, exchanges and bindings are not as they have to be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TopologyError {
    /// No channel could be opened.
    #[error("failed to open a channel")]
    Channel(#[source] lapin::Error),
    /// An exchange is missing, or not to be used.
    #[error("the exchange `{exchange}` cannot be used; gumshoe-server makes it when it starts")]
    Exchange {
        /// Its name.
        exchange: String,
        /// Cause.
        source: lapin::Error,
    },
    /// The agent's queue could not be declared.
    #[error("failed to declare the queue `{queue}`")]
    Queue {
        /// Its name.
        queue: String,
        /// Cause.
        source: lapin::Error,
    },
    /// The agent's queue could not be bound.
    #[error("failed to bind the queue `{queue}` to `{exchange}` with the key `{key}`")]
    Bind {
        /// The queue.
        queue: String,
        /// The exchange.
        exchange: String,
        /// The routing key.
        key: String,
        /// Cause.
        source: lapin::Error,
    },
}

/// Declares and binds the agent's queue, and sees that the exchanges are there.
///
/// Returns a channel that is left for probes, and what is not as configured though it works.
pub(super) async fn assert(
    connection: &Connection,
    configuration: &Configuration,
) -> Result<(Channel, Option<String>), TopologyError> {
    let topology = &configuration.topology;
    let channel = open(connection).await?;
    for exchange in [&topology.actions, &topology.reports] {
        check_exchange(&channel, exchange)
            .await
            .map_err(|source| TopologyError::Exchange {
                exchange: exchange.clone(),
                source,
            })?;
    }
    let (channel, remark) = declare_queue(connection, channel, configuration).await?;
    for key in &topology.bindings {
        bind(&channel, &topology.queue, &topology.actions, key).await?;
    }
    Ok((channel, remark))
}

async fn open(connection: &Connection) -> Result<Channel, TopologyError> {
    connection.create_channel().await.map_err(TopologyError::Channel)
}

/// A passive declaration: fails where there is no such exchange, makes none.
async fn check_exchange(channel: &Channel, exchange: &str) -> lapin::Result<()> {
    let options = ExchangeDeclareOptions {
        passive: true,
        durable: true,
        ..ExchangeDeclareOptions::default()
    };
    channel
        .exchange_declare(
            exchange.into(),
            ExchangeKind::Topic,
            options,
            FieldTable::default(),
        )
        .await
}

/// Declares the queue. One that is there with other limits is used as it is: making it anew would lose what waits in it.
async fn declare_queue(
    connection: &Connection,
    channel: Channel,
    configuration: &Configuration,
) -> Result<(Channel, Option<String>), TopologyError> {
    let queue = &configuration.topology.queue;
    let failed = |source| TopologyError::Queue {
        queue: queue.clone(),
        source,
    };
    let durable = QueueDeclareOptions {
        durable: true,
        ..QueueDeclareOptions::default()
    };
    match channel
        .queue_declare(queue.as_str().into(), durable, arguments(&configuration.queue))
        .await
    {
        Ok(_) => return Ok((channel, None)),
        Err(error) if !is_other_limits(&error) => return Err(failed(error)),
        Err(_) => {}
    }
    // The refusal has closed the channel.
    let channel = open(connection).await?;
    look_at_queue(&channel, queue).await.map_err(failed)?;
    let remark =
        format!("the queue `{queue}` exists with other limits, which stay in force until it is deleted");
    Ok((channel, Some(remark)))
}

/// Asks the queue itself, through connection, channel and broker; returns its consumers.
///
/// # Errors
///
/// As the library says; the channel is closed then.
pub async fn look_at_queue(channel: &Channel, queue: &str) -> lapin::Result<u32> {
    let passive = QueueDeclareOptions {
        passive: true,
        durable: true,
        ..QueueDeclareOptions::default()
    };
    let queue = channel
        .queue_declare(queue.into(), passive, FieldTable::default())
        .await?;
    Ok(queue.consumer_count())
}

/// Source: RabbitMQ, "Queue Length Limit" and "Time-To-Live and Expiration".
fn arguments(limits: &QueueLimits) -> FieldTable {
    let number = |number: u64| AMQPValue::LongLongInt(i64::try_from(number).unwrap_or(i64::MAX));
    let mut arguments = FieldTable::default();
    arguments.insert("x-max-length".into(), number(limits.messages.into()));
    arguments.insert("x-max-length-bytes".into(), number(limits.bytes));
    arguments.insert("x-message-ttl".into(), number(limits.message_ttl_ms));
    arguments.insert("x-expires".into(), number(limits.expires_ms));
    arguments.insert("x-overflow".into(), AMQPValue::LongString("drop-head".into()));
    arguments
}

/// Whether the relay has the queue, declared otherwise.
fn is_other_limits(error: &lapin::Error) -> bool {
    let ErrorKind::ProtocolError(error) = error.kind() else {
        return false;
    };
    matches!(
        error.kind(),
        AMQPErrorKind::Soft(AMQPSoftError::PRECONDITIONFAILED)
    )
}

async fn bind(channel: &Channel, queue: &str, exchange: &str, key: &str) -> Result<(), TopologyError> {
    let bound = channel.queue_bind(
        queue.into(),
        exchange.into(),
        key.into(),
        QueueBindOptions::default(),
        FieldTable::default(),
    );
    bound.await.map_err(|source| TopologyError::Bind {
        queue: queue.to_owned(),
        exchange: exchange.to_owned(),
        key: key.to_owned(),
        source,
    })
}
