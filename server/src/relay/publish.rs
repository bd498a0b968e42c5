//! Publishing with confirms.

use super::connect::{Relay, RelayError};
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{BasicProperties, Channel, Confirmation, Connection};
use std::collections::HashSet;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::timeout;

/// How long the broker may take to confirm. It confirms a message for every agent when all of their queues have it on disk, which
/// took 40 seconds for 10,000 agents on a busy machine with two processors; publishing it again meanwhile would make that longer
/// with each time. A broker that is gone is noticed by AMQP's own heartbeats.
const CONFIRM_TIMEOUT: Duration = Duration::from_secs(600);
/// AMQP's delivery mode of messages that survive a restart of the broker.
const PERSISTENT: u8 = 2;

/// One message.
#[derive(Debug, Clone)]
pub struct Publication<'a> {
    /// The exchange.
    pub exchange: &'a str,
    /// The routing key.
    pub key: String,
    /// The body.
    pub body: &'a [u8],
    /// How long it may wait in a queue; for ever when absent.
    pub time_to_live: Option<Duration>,
    /// Whether it is an error that no queue takes it.
    pub mandatory: bool,
}

/// Why a message is not known to be safe with the broker.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// No connection.
    #[error(transparent)]
    Relay(#[from] RelayError),
    /// The connection or the channel was lost.
    #[error("failed to publish")]
    Channel(#[source] Box<lapin::Error>),
    /// The broker refused it, for example because the queue is full.
    #[error("the relay refused the message")]
    Refused,
    /// No queue is bound for the routing key.
    #[error("no queue takes messages for `{key}`")]
    Unroutable {
        /// The routing key.
        key: String,
    },
    /// Another message failed before this one was tried.
    #[error("not tried, because the relay cannot be reached")]
    NotTried,
    /// The broker said nothing.
    #[error("the relay did not confirm within {CONFIRM_TIMEOUT:?}")]
    Timeout,
}

impl From<lapin::Error> for PublishError {
    fn from(error: lapin::Error) -> Self {
        Self::Channel(Box::new(error))
    }
}

/// Publishes over a connection of its own, which is opened when needed and replaced when lost.
pub struct Publisher {
    relay: Relay,
    name: String,
    current: Mutex<Option<(Connection, Channel)>>,
}

impl Publisher {
    /// A publisher that the broker knows by this name; connects when the first message is published.
    #[must_use]
    pub fn new(relay: Relay, name: &str) -> Self {
        Self {
            relay,
            name: name.to_owned(),
            current: Mutex::new(None),
        }
    }

    /// Publishes and waits until the broker has it safely.
    ///
    /// # Errors
    ///
    /// [`PublishError`]; the message may then be published or not.
    pub async fn publish(&self, message: Publication<'_>) -> Result<(), PublishError> {
        let mut all = self.publish_all(vec![message]).await;
        all.pop().unwrap_or(Ok(()))
    }

    /// Publishes many, then waits for all confirms; results in the order of the messages.
    ///
    /// One batch at a time: lapin may hand a returned message to the confirmation of another message of the same channel, so
    /// what was returned is told by routing keys, over the whole batch.
    pub async fn publish_all(&self, messages: Vec<Publication<'_>>) -> Vec<Result<(), PublishError>> {
        let mut current = self.current.lock().await;
        let channel = match self.channel(&mut current).await {
            Ok(channel) => channel,
            Err(error) => return failed_first(error, messages.len()),
        };
        let mut sent = Vec::with_capacity(messages.len());
        for message in &messages {
            sent.push(start(&channel, message).await);
        }
        let mut results = Vec::with_capacity(messages.len());
        let mut returned = HashSet::new();
        for one in sent {
            results.push(match one {
                Ok(confirm) => finish(confirm, &mut returned).await,
                Err(error) => Err(error.into()),
            });
        }
        for (result, message) in results.iter_mut().zip(&messages) {
            if result.is_ok() && returned.contains(&message.key) {
                *result = Err(PublishError::Unroutable {
                    key: message.key.clone(),
                });
            }
        }
        results
    }

    /// Whether a connection is open.
    pub async fn is_connected(&self) -> bool {
        let mut current = self.current.lock().await;
        self.channel(&mut current).await.is_ok()
    }

    async fn channel(&self, current: &mut Option<(Connection, Channel)>) -> Result<Channel, PublishError> {
        if let Some((connection, channel)) = current.as_ref()
            && connection.status().connected()
            && channel.status().connected()
        {
            return Ok(channel.clone());
        }
        let connection = self.relay.connect(&self.name).await?;
        let channel = connection.create_channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        *current = Some((connection, channel.clone()));
        Ok(channel)
    }
}

async fn start(channel: &Channel, message: &Publication<'_>) -> lapin::Result<lapin::PublisherConfirm> {
    let mut properties = BasicProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_content_type("application/json".into());
    if let Some(time) = message.time_to_live {
        properties = properties.with_expiration(time.as_millis().to_string().into());
    }
    let options = BasicPublishOptions {
        mandatory: message.mandatory,
        ..BasicPublishOptions::default()
    };
    let (exchange, key) = (message.exchange.into(), message.key.as_str().into());
    channel
        .basic_publish(exchange, key, options, message.body, properties)
        .await
}

/// Waits for a confirmation; puts the key of a message that came back with it into `returned`, whichever message that was.
async fn finish(
    confirm: lapin::PublisherConfirm,
    returned: &mut HashSet<String>,
) -> Result<(), PublishError> {
    match timeout(CONFIRM_TIMEOUT, confirm).await {
        Err(_) => Err(PublishError::Timeout),
        Ok(Err(error)) => Err(error.into()),
        Ok(Ok(Confirmation::Ack(back))) => {
            returned.extend(back.map(|message| message.delivery.routing_key.to_string()));
            Ok(())
        }
        Ok(Ok(_)) => Err(PublishError::Refused),
    }
}

/// The cause for the first message; the others have just not been tried.
fn failed_first(error: PublishError, count: usize) -> Vec<Result<(), PublishError>> {
    let mut results: Vec<_> = (0..count).map(|_| Err(PublishError::NotTried)).collect();
    if let Some(first) = results.first_mut() {
        *first = Err(error);
    }
    results
}
