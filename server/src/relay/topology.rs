//! What the server declares: exchanges, and the queues that schedulers and workers compete on.

use gumshoe_protocol::relay;
use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, ExchangeKind};

/// Events that wait for a worker: beyond them the oldest are dropped, so that a worker that is never started fills no disk.
const MAX_EVENTS: i64 = 100_000;

/// Declares every exchange, and the schedulers' queues; can be repeated.
///
/// # Errors
///
/// When the broker refuses, or has something else of that name.
pub async fn declare(channel: &Channel) -> lapin::Result<()> {
    for exchange in [relay::ACTIONS, relay::REPORTS, relay::EVENTS] {
        declare_exchange(channel, exchange).await?;
    }
    for (queue, key) in [
        (relay::REPORTS_QUEUE, "report.*"),
        (relay::HEARTBEATS_QUEUE, "heartbeat.*"),
    ] {
        declare_queue(channel, queue, FieldTable::default()).await?;
        bind(channel, queue, relay::REPORTS, key).await?;
    }
    Ok(())
}

/// Declares a worker's queue of all events.
///
/// # Errors
///
/// As [`declare`].
pub async fn declare_worker(channel: &Channel, queue: &str) -> lapin::Result<()> {
    let mut arguments = FieldTable::default();
    arguments.insert("x-max-length".into(), AMQPValue::LongLongInt(MAX_EVENTS));
    declare_queue(channel, queue, arguments).await?;
    bind(channel, queue, relay::EVENTS, "#").await
}

async fn declare_exchange(channel: &Channel, name: &str) -> lapin::Result<()> {
    let options = ExchangeDeclareOptions {
        durable: true,
        ..ExchangeDeclareOptions::default()
    };
    channel
        .exchange_declare(name.into(), ExchangeKind::Topic, options, FieldTable::default())
        .await
}

async fn declare_queue(channel: &Channel, name: &str, arguments: FieldTable) -> lapin::Result<()> {
    let options = QueueDeclareOptions {
        durable: true,
        ..QueueDeclareOptions::default()
    };
    channel
        .queue_declare(name.into(), options, arguments)
        .await
        .map(drop)
}

async fn bind(channel: &Channel, queue: &str, exchange: &str, key: &str) -> lapin::Result<()> {
    let options = QueueBindOptions::default();
    channel
        .queue_bind(
            queue.into(),
            exchange.into(),
            key.into(),
            options,
            FieldTable::default(),
        )
        .await
}
