//! What goes out about who got a message: one struct per thing, for every door.

use async_graphql::SimpleObject;
use entity::timestamp::Timestamp;
use poem_openapi::Object;
use serde::Serialize;

use crate::event::body::party::Party;

/// What one person did with a message.
#[derive(Clone, PartialEq, Eq, Object, SimpleObject, Serialize)]
#[oai(example)]
pub struct MessageReceipt {
    /// Who. Their name is not told here.
    pub participant: Party,
    /// When a device of theirs got it, by WhatsApp's clock. Null as long as WhatsApp has not told.
    pub delivered_at: Option<Timestamp>,
    /// When they read it. Null as long as WhatsApp has not told: many people keep that to themselves.
    pub read_at: Option<Timestamp>,
    /// When they played it. Null as long as WhatsApp has not told.
    pub played_at: Option<Timestamp>,
}

/// A part of those who got, read or played a message.
#[derive(Clone, PartialEq, Eq, Object, Serialize)]
#[oai(example)]
pub struct MessageReceiptPage {
    /// What they did, each of them once, in the order of their JIDs.
    pub receipts: Vec<MessageReceipt>,
    /// Where to read on. Null when there are no more.
    pub next_cursor: Option<String>,
}

/// What one person did with a message, with its place in the list.
#[derive(Clone, PartialEq, Eq)]
pub struct ReceiptWithCursor {
    /// What they did.
    pub receipt: MessageReceipt,
    /// The place behind it.
    pub cursor: String,
}

/// A part of those who got, read or played a message, with their places.
#[derive(Clone, PartialEq, Eq)]
pub struct ReceiptSlice {
    /// What they did.
    pub items: Vec<ReceiptWithCursor>,
    /// Whether there are more behind it.
    pub has_next: bool,
}
