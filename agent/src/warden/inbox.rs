//! Deliveries that cannot be decided about yet, and those that were refused a moment ago.

use gumshoe_protocol::ContentDigest;
use std::collections::{HashSet, VecDeque};

/// How many refused messages are remembered, so that one that comes again is answered once.
const REFUSED: usize = 1024;
/// How many deliveries may wait for room: more than any honest courier has under way.
const HELD: usize = 256;

/// An envelope from the relay, not acknowledged yet.
#[derive(Debug)]
pub struct Delivery {
    /// Which courier brought it, and its tag there.
    pub generation: u64,
    /// Names it to that courier.
    pub tag: u64,
    /// The envelope, whatever it is.
    pub bytes: Vec<u8>,
}

/// Deliveries on this side of the courier.
#[derive(Debug, Default)]
pub struct Inbox {
    held: VecDeque<Delivery>,
    refused: HashSet<ContentDigest>,
    order: VecDeque<ContentDigest>,
}

impl Inbox {
    /// Keeps a delivery until there is room for it. False where the courier brings more than it should.
    pub fn hold(&mut self, delivery: Delivery) -> bool {
        if self.held.len() >= HELD {
            return false;
        }
        self.held.push_back(delivery);
        true
    }

    /// The next delivery.
    pub fn take(&mut self) -> Option<Delivery> {
        self.held.pop_front()
    }

    /// Forgets the deliveries of a courier that is gone: the relay delivers them again.
    pub fn forget(&mut self) {
        self.held.clear();
    }

    /// Whether deliveries wait.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Whether this message was refused before for what it is, so that the same answer would be given again.
    #[must_use]
    pub fn was_refused(&self, message: &ContentDigest) -> bool {
        self.refused.contains(message)
    }

    /// Remembers that a message that nobody known had signed was refused.
    pub fn remember(&mut self, message: ContentDigest) {
        if self.refused.insert(message) {
            self.order.push_back(message);
        }
        if self.order.len() > REFUSED
            && let Some(oldest) = self.order.pop_front()
        {
            self.refused.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_messages_are_remembered_for_a_while_and_not_for_ever() {
        let mut inbox = Inbox::default();
        let digest = |number: usize| ContentDigest::of(&number.to_le_bytes());
        for number in 0..=REFUSED {
            inbox.remember(digest(number));
            inbox.remember(digest(number));
        }
        assert!(!inbox.was_refused(&digest(0)));
        assert!(inbox.was_refused(&digest(1)) && inbox.was_refused(&digest(REFUSED)));
        assert_eq!(inbox.refused.len(), inbox.order.len());
    }
}
