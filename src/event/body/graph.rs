//! Numbers that GraphQL's `Int` has no room for, or may have none: WhatsApp hands on what the sender says.

use async_graphql::ComplexObject;
use entity::long::Long;

use crate::event::body::chat::MediaReadyEvent;
use crate::event::body::contact::GroupUpdateEvent;
use crate::event::body::message::{MessageMedia, MessagePoll};
use crate::event::body::offer::{MessageOrder, MessageProduct};

/// What no `Int` can say, nobody meant.
fn int(number: Option<i64>) -> Option<i32> {
    i32::try_from(number?).ok()
}

#[ComplexObject]
impl MessageMedia {
    /// Its size, bytes.
    async fn file_length(&self) -> Option<Long> {
        self.file_length.map(Long)
    }

    /// Its width, pixels.
    async fn width(&self) -> Option<i32> {
        int(self.width)
    }

    /// Its height, pixels.
    async fn height(&self) -> Option<i32> {
        int(self.height)
    }

    /// How long it plays, seconds.
    async fn seconds(&self) -> Option<i32> {
        int(self.seconds)
    }
}

#[ComplexObject]
impl MediaReadyEvent {
    /// The size of the file, bytes.
    async fn size(&self) -> Long {
        Long(self.size)
    }
}

#[ComplexObject]
impl MessagePoll {
    /// How many options can be chosen; 0 is any number. Null in a vote.
    async fn selectable_count(&self) -> Option<i32> {
        int(self.selectable_count)
    }
}

#[ComplexObject]
impl GroupUpdateEvent {
    /// Seconds after which messages disappear; 0 is never. Null for all other changes.
    async fn ephemeral_seconds(&self) -> Option<i32> {
        int(self.ephemeral_seconds)
    }
}

#[ComplexObject]
impl MessageOrder {
    /// What they cost together, thousandths of the currency.
    async fn total_thousandths(&self) -> Option<Long> {
        self.total_thousandths.map(Long)
    }
}

#[ComplexObject]
impl MessageProduct {
    /// What it costs, thousandths of the currency.
    async fn price_thousandths(&self) -> Option<Long> {
        self.price_thousandths.map(Long)
    }
}
