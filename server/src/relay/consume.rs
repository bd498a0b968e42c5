//! Consuming in batches: nothing is acknowledged before its handler has stored it.

use super::budget::Budget;
use super::connect::{Relay, RelayError};
use super::topology;
use futures_util::StreamExt as _;
use gumshoe_protocol::relay as names;
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicNackOptions, BasicQosOptions,
};
use lapin::types::{FieldTable, ShortString};
use lapin::{Channel, Connection, Consumer};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// Bytes of the messages that are handled in one go.
const BATCH_BYTES: usize = 16 << 20;
/// Bytes of the messages that are in memory, those that are being handled among them; then no more are read.
const HELD_BYTES: usize = 2 * BATCH_BYTES;
/// How long a batch waits for more messages once it has one.
const LINGER: Duration = Duration::from_millis(5);
/// How long a consumer waits before it connects again, at first and at most.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(15));
/// How long it waits after a batch that was not stored, at first and at most: the same messages come again at once.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(10));
/// How long an orderly end of a connection may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

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
/// Limits: at most `prefetch` messages are held; when they have 32 MiB or more, no more are read. A batch ends at 16 MiB. One
/// message more may be on its way in each case. What is not acknowledged when this ends goes back to the queue.
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
    let budget = Arc::new(Budget::new(HELD_BYTES));
    // However this ends: a connection that nobody reads from would keep what it was sent from everybody.
    let _end = End(Arc::clone(&budget));
    let name = format!("gumshoe-server {queue}");
    let connection = relay.connect_within(&name, Some(&budget)).await?;
    let (channel, consumer) = open(&connection, queue, prefetch).await?;
    let tag = consumer.tag();
    let mut line = Line::of(consumer, &budget);
    tracing::info!(queue, prefetch, "consuming");
    let mut pause = PAUSE.0;
    loop {
        let first = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            first = line.next() => first?,
        };
        let batch = gather(&mut line, first, prefetch.into()).await?;
        *wait = BACKOFF.0;
        let bytes = bytes_of(&batch);
        let outcome = settle(&channel, batch, handler).await?;
        budget.give_back(bytes);
        match outcome {
            Outcome::Done => pause = PAUSE.0,
            Outcome::Again => {
                tokio::select! {
                    () = sleep(pause) => pause = (pause * 2).min(PAUSE.1),
                    () = stop.cancelled() => {}
                }
            }
        }
    }
    // With no room, nobody would read that the broker has closed it.
    if budget.has_room() {
        let _ = timeout(CLOSE_TIMEOUT, close(&connection, &channel, tag)).await;
    }
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

/// What has come, in its order, and how it comes to an end.
struct Line(mpsc::UnboundedReceiver<lapin::Result<Delivery>>);

impl Line {
    /// What comes to a consumer; it is counted as held from the moment at which it is complete.
    ///
    /// A task of its own does that: lapin's buffer would grow uncounted while a batch is stored.
    fn of(mut consumer: Consumer, budget: &Arc<Budget>) -> Self {
        let (line, deliveries) = mpsc::unbounded_channel();
        let budget = Arc::clone(budget);
        tokio::spawn(async move {
            loop {
                let delivery = tokio::select! {
                    delivery = consumer.next() => delivery,
                    () = line.closed() => return,
                };
                let Some(delivery) = delivery else { return };
                budget.take(delivery.as_ref().map_or(0, |delivery| delivery.data.len()));
                // Nobody listens any more when the session has ended.
                let _ = line.send(delivery);
            }
        });
        Self(deliveries)
    }

    async fn next(&mut self) -> Result<Delivery, ConsumeError> {
        Ok(self.0.recv().await.ok_or(ConsumeError::Ended)??)
    }
}

fn bytes_of(batch: &[Delivery]) -> usize {
    batch.iter().map(|delivery| delivery.data.len()).sum()
}

/// The first delivery, and what is there or comes within [`LINGER`] of the one before.
async fn gather(line: &mut Line, first: Delivery, most: usize) -> Result<Vec<Delivery>, ConsumeError> {
    let mut bytes = first.data.len();
    let mut batch = vec![first];
    while batch.len() < most && bytes < BATCH_BYTES {
        let Ok(next) = timeout(LINGER, line.next()).await else {
            break;
        };
        let delivery = next?;
        bytes += delivery.data.len();
        batch.push(delivery);
    }
    Ok(batch)
}

async fn settle(channel: &Channel, batch: Vec<Delivery>, handler: &impl Handler) -> lapin::Result<Outcome> {
    let Some(last) = batch.last().map(|delivery| delivery.delivery_tag) else {
        return Ok(Outcome::Done);
    };
    let messages = batch.into_iter().map(|delivery| Message {
        key: delivery.routing_key.to_string(),
        body: delivery.data,
    });
    let outcome = handler.handle(messages.collect()).await;
    match outcome {
        Outcome::Done => {
            channel
                .basic_ack(last, BasicAckOptions { multiple: true })
                .await?
        }
        Outcome::Again => {
            let options = BasicNackOptions {
                multiple: true,
                requeue: true,
            };
            channel.basic_nack(last, options).await?;
        }
    }
    Ok(outcome)
}

/// Closing the channel puts everything that was prefetched back into the queue.
async fn close(connection: &Connection, channel: &Channel, tag: ShortString) {
    let _ = channel.basic_cancel(tag, BasicCancelOptions::default()).await;
    let _ = channel.close(200, "stopping".into()).await;
    let _ = connection.close(200, "stopping".into()).await;
}

/// The end of a session, however it comes: the connection goes, and what it was sent goes back into the queue.
struct End(Arc<Budget>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.abandon();
    }
}
