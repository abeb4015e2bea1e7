//! Table `delivery`: events on their way to a webhook, and those that came or did not.

use sea_orm::entity::prelude::*;

use crate::ids::{DeliveryId, SessionId, WebhookId};
use crate::timestamp::Timestamp;
use crate::words::event::EventType;
use crate::words::webhook::DeliveryState;

/// One event for one webhook.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Eq)]
#[sea_orm(table_name = "delivery")]
pub struct Model {
    /// Generated, sortable.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: DeliveryId,
    /// The webhook.
    pub webhook_id: WebhookId,
    /// The session of the event. It may be deleted.
    pub session_id: SessionId,
    /// Its place in its lane: the event's position, or what no event before had when it is delivered once more. Those with the same
    /// go by the event's position.
    pub sort_key: i64,
    /// The position of the event.
    pub position: i64,
    /// The type of the event.
    pub event_type: EventType,
    /// How far it has come.
    pub state: DeliveryState,
    /// How often it was tried.
    pub attempts: i32,
    /// When it is tried next. Some exactly while it is pending.
    pub due_at: Option<Timestamp>,
    /// When it was queued.
    pub created_at: Timestamp,
    /// When it was delivered or given up. Some exactly when it is no longer pending.
    pub finished_at: Option<Timestamp>,
}

impl ActiveModelBehavior for ActiveModel {}
