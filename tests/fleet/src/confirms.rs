//! Which messages the broker has not confirmed yet.

use amqprs::callbacks::ChannelCallback;
use amqprs::channel::Channel;
use amqprs::{Ack, BasicProperties, Cancel, CloseChannel, Nack, Return};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Notify;

/// The open confirmations of a channel.
#[derive(Clone, Default)]
pub struct Confirms(Arc<Shared>);

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

    /// One more message is about to be published.
    pub fn sent(&self) {
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

    /// Waits until everything that was sent is confirmed; an error when the broker refused something or closed the channel.
    pub async fn settled(&self) -> anyhow::Result<()> {
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
