//! Consuming in batches: nothing is acknowledged before its handler has stored it.

use super::connect::{Relay, RelayError};
use super::topology;
use futures_util::{FutureExt as _, StreamExt as _};
use gumshoe_protocol::relay as names;
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicNackOptions, BasicQosOptions,
};
use lapin::types::FieldTable;
use lapin::{Channel, Connection, Consumer};
use std::future::Future;
use std::time::Duration;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// Bytes of the messages that are handled in one go.
const BATCH_BYTES: usize = 64 << 20;
/// How long a batch waits for more messages once it has one.
const LINGER: Duration = Duration::from_millis(5);
/// How long a consumer waits before it tries again, at first and at most.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(15));

/// A message, as it came.
#[derive(Debug)]
pub struct Message {
    /// Its routing key.
    pub key: String,
    /// Its body.
    pub body: Vec<u8>,
}

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Everything is stored, or will never be; acknowledge.
    Done,
    /// It could not be stored now; deliver it again.
    Again,
}

/// Who takes messages out of a queue.
pub trait Handler: Send + Sync {
    /// Takes a batch, in the queue's order, and says what became of it.
    fn handle(&self, batch: Vec<Message>) -> impl Future<Output = Outcome> + Send;
}

/// Why consuming ended for now.
#[derive(Debug, thiserror::Error)]
enum ConsumeError {
    #[error(transparent)]
    Relay(#[from] RelayError),
    #[error("the connection to the relay was lost")]
    Lost(#[from] lapin::Error),
    #[error("the relay ended the consumer")]
    Ended,
}

/// Takes messages out of `queue` until `stop`; connects again for as long as it has to.
///
/// Limits: at most `prefetch` messages are held; a batch ends at 64 MiB. What is not acknowledged when this ends goes back to
/// the queue.
pub async fn consume(
    relay: &Relay,
    queue: &str,
    prefetch: u16,
    handler: &impl Handler,
    stop: &CancellationToken,
) {
    let mut wait = BACKOFF.0;
    while !stop.is_cancelled() {
        match session(relay, queue, prefetch, handler, stop, &mut wait).await {
            Ok(()) => return,
            Err(error) => {
                let error = crate::chain(&error);
                tracing::warn!(queue, error, retry_ms = wait.as_millis(), "consumer interrupted");
            }
        }
        tokio::select! {
            () = sleep(wait) => wait = (wait * 2).min(BACKOFF.1),
            () = stop.cancelled() => return,
        }
    }
}

/// One connection's time. Ends without an error only when it was stopped.
async fn session(
    relay: &Relay,
    queue: &str,
    prefetch: u16,
    handler: &impl Handler,
    stop: &CancellationToken,
    wait: &mut Duration,
) -> Result<(), ConsumeError> {
    let connection = relay.connect(&format!("gumshoe-server {queue}")).await?;
    let (channel, mut consumer) = open(&connection, queue, prefetch).await?;
    tracing::info!(queue, prefetch, "consuming");
    loop {
        let first = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            first = consumer.next() => first.ok_or(ConsumeError::Ended)??,
        };
        let batch = gather(&mut consumer, first, prefetch.into()).await?;
        *wait = BACKOFF.0;
        settle(&channel, batch, handler, stop).await?;
    }
    close(&channel, &consumer).await;
    Ok(())
}

async fn open(connection: &Connection, queue: &str, prefetch: u16) -> lapin::Result<(Channel, Consumer)> {
    let channel = connection.create_channel().await?;
    topology::declare(&channel).await?;
    if queue == names::WEBHOOK_QUEUE || queue == names::EXPORT_QUEUE {
        topology::declare_worker(&channel, queue).await?;
    }
    channel.basic_qos(prefetch, BasicQosOptions::default()).await?;
    let options = BasicConsumeOptions::default();
    let consumer = channel
        .basic_consume(queue.into(), "".into(), options, FieldTable::default())
        .await?;
    Ok((channel, consumer))
}

/// The first delivery, and what is there or comes within [`LINGER`] of the one before.
async fn gather(consumer: &mut Consumer, first: Delivery, most: usize) -> lapin::Result<Vec<Delivery>> {
    let mut bytes = first.data.len();
    let mut batch = vec![first];
    while batch.len() < most && bytes < BATCH_BYTES {
        let ready = match consumer.next().now_or_never() {
            Some(ready) => ready,
            None => match tokio::time::timeout(LINGER, consumer.next()).await {
                Ok(ready) => ready,
                Err(_) => break,
            },
        };
        let Some(delivery) = ready.transpose()? else { break };
        bytes += delivery.data.len();
        batch.push(delivery);
    }
    Ok(batch)
}

async fn settle(
    channel: &Channel,
    batch: Vec<Delivery>,
    handler: &impl Handler,
    stop: &CancellationToken,
) -> lapin::Result<()> {
    let Some(last) = batch.last().map(|delivery| delivery.delivery_tag) else {
        return Ok(());
    };
    let messages = batch.into_iter().map(|delivery| Message {
        key: delivery.routing_key.to_string(),
        body: delivery.data,
    });
    match handler.handle(messages.collect()).await {
        Outcome::Done => channel.basic_ack(last, BasicAckOptions { multiple: true }).await,
        Outcome::Again => {
            let options = BasicNackOptions {
                multiple: true,
                requeue: true,
            };
            channel.basic_nack(last, options).await?;
            // The same messages come at once: without a pause this would be a busy loop.
            tokio::select! {
                () = sleep(Duration::from_secs(1)) => {}
                () = stop.cancelled() => {}
            }
            Ok(())
        }
    }
}

/// Closing the channel puts everything that was prefetched back into the queue.
async fn close(channel: &Channel, consumer: &Consumer) {
    let _ = channel
        .basic_cancel(consumer.tag(), BasicCancelOptions::default())
        .await;
    let _ = channel.close(200, "stopping".into()).await;
}
