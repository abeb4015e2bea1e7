//! Table `outgoing`: messages that were sent through this API, and what became of them. Each is in `message` as well.

use sea_orm::entity::prelude::*;

use crate::ids::SessionId;
use crate::timestamp::Timestamp;
use crate::words::outgoing::{FailureCode, MessageStatus};

/// One message that is to be sent, or was.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Eq)]
#[sea_orm(table_name = "outgoing")]
pub struct Model {
    /// The session that sends it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: SessionId,
    /// WhatsApp's id of it, which it has from the beginning and for ever.
    #[sea_orm(primary_key, auto_increment = false)]
    pub message_id: String,
    /// Its place among all that this session sends.
    pub sequence: i64,
    /// What is sent one after the other: one person, whatever they are called.
    pub lane: String,
    /// JID to which it is sent.
    pub recipient: String,
    /// Whether it is known that there is such a recipient.
    pub is_checked: bool,
    /// What is known of it.
    pub status: MessageStatus,
    /// Whether it is still to be sent: exactly while `status` is `scheduled`, `queued`, `sending` or `unconfirmed`.
    pub is_open: bool,
    /// Whether its file is still to be uploaded: until then it has no turn.
    pub awaits_upload: bool,
    /// How often it was given to WhatsApp.
    pub attempts: i32,
    /// Before this moment it is not sent.
    pub due_at: Timestamp,
    /// From this moment on it is not sent any more.
    pub expires_at: Timestamp,
    /// When WhatsApp acknowledged it, by its clock.
    pub sent_at: Option<Timestamp>,
    /// Why it was not sent. Some exactly while `status` is `failed`.
    pub code: Option<FailureCode>,
    /// WhatsApp's code of that, if it gave one.
    pub upstream_code: Option<i32>,
    /// What the client calls it.
    pub client_reference: Option<String>,
    /// The `Idempotency-Key` that it was asked for with, behind the id of the API key.
    pub idempotency_key: Option<String>,
    /// SHA-256 of what was asked for with that key.
    pub fingerprint: Option<Vec<u8>>,
    /// What it changes once WhatsApp has it: `message::store::effect` writes and reads it.
    pub effect: Option<String>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When what is known of it last changed.
    pub updated_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}
