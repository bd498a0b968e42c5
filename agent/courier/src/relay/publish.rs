//! Publishing, with the relay's confirmation.

use std::{sync::Arc, time::Duration};

use lapin::{
    BasicProperties, Channel, Confirmation, Connection,
    options::{BasicPublishOptions, ConfirmSelectOptions},
};
use tokio::time::timeout;

/// AMQP's delivery mode of a message that survives a restart.
const PERSISTENT: u8 = 2;

/// Why a message is not known to be at the relay.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// It could not be sent, or the channel ended.
    #[error("failed to publish")]
    Channel(#[source] lapin::Error),
    /// No queue is bound for it.
    #[error("the relay has no queue for it: {code} {text}")]
    Returned {
        /// AMQP's code.
        code: u16,
        /// What the relay says.
        text: String,
    },
    /// The relay could not keep it: its queue is full, or failed.
    #[error("the relay refused it: its queue is full or failed")]
    Refused,
    /// The relay does not confirm.
    #[error("the relay does not confirm what is published")]
    Unconfirmed,
    /// The confirmation did not come in time.
    #[error("the relay did not confirm it within {} ms", limit.as_millis())]
    Timeout {
        /// The limit.
        limit: Duration,
    },
}

/// What is to be published.
#[derive(Debug)]
pub struct Publication {
    /// The exchange.
    pub exchange: String,
    /// The routing key.
    pub routing_key: String,
    /// The message.
    pub bytes: Vec<u8>,
}

/// Publishes one message and waits until the relay has routed it to a queue and stored it there.
///
/// Returns the channel for the next one. A channel carries one publish at a time: the library gives a returned message
/// to whichever confirmation comes next on the channel, and with several in flight that may be another's. A message
/// that is lost would then look like one that is safe.
///
/// # Errors
///
/// [`PublishError`]; the message may be at the relay all the same. The channel is not used again.
pub async fn publish(
    connection: Arc<Connection>,
    idle: Option<Channel>,
    publication: Publication,
    limit: Duration,
) -> Result<Channel, PublishError> {
    let publishing = async {
        let channel = match idle {
            Some(channel) => channel,
            None => open(&connection).await.map_err(PublishError::Channel)?,
        };
        send(&channel, publication).await.map(|()| channel)
    };
    timeout(limit, publishing)
        .await
        .unwrap_or(Err(PublishError::Timeout { limit }))
}

async fn open(connection: &Connection) -> lapin::Result<Channel> {
    let channel = connection.create_channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    Ok(channel)
}

async fn send(channel: &Channel, publication: Publication) -> Result<(), PublishError> {
    let Publication {
        exchange,
        routing_key,
        bytes,
    } = publication;
    let options = BasicPublishOptions {
        mandatory: true,
        ..BasicPublishOptions::default()
    };
    let properties = BasicProperties::default().with_delivery_mode(PERSISTENT);
    let confirm = channel
        .basic_publish(exchange.into(), routing_key.into(), options, &bytes, properties)
        .await
        .map_err(PublishError::Channel)?;
    drop(bytes);
    match confirm.await.map_err(PublishError::Channel)? {
        Confirmation::Ack(None) => Ok(()),
        Confirmation::Ack(Some(message)) | Confirmation::Nack(Some(message)) => Err(PublishError::Returned {
            code: message.reply_code,
            text: message.reply_text.to_string(),
        }),
        Confirmation::Nack(None) => Err(PublishError::Refused),
        Confirmation::NotRequested => Err(PublishError::Unconfirmed),
    }
}
