//! Table `session`: a WhatsApp account's place in this server, linked or not.

use sea_orm::entity::prelude::*;

use crate::ids::SessionId;
use crate::timestamp::Timestamp;
use crate::words::session::{DesiredState, MediaFetch, PresenceOnConnect, SessionStatus, StatusReason};

/// One session.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "session")]
pub struct Model {
    /// The client's own id, or a generated one.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: SessionId,
    /// Friendly name.
    pub name: Option<String>,
    /// The client's own labels: a flat JSON object of strings.
    pub metadata: Json,
    /// What the client asked for.
    pub desired: DesiredState,
    /// What was last observed. Only true while the process that wrote it lives.
    pub status: SessionStatus,
    /// Why `status` is what it is.
    pub reason: StatusReason,
    /// Since when.
    pub since: Timestamp,
    /// When a temporary ban ends. Some exactly while `reason` is `banned_temporarily`.
    pub banned_until: Option<Timestamp>,
    /// Digits without a plus sign. Some while a phone is linked.
    pub phone_number: Option<String>,
    /// User part of the LID. Some while a phone is linked and WhatsApp told it.
    pub lid: Option<String>,
    /// Number of this device among the phone's linked devices.
    pub device_id: Option<i32>,
    /// The name that the account shows to others.
    pub push_name: Option<String>,
    /// Operating system that the phone shows under linked devices.
    pub device_os: Option<String>,
    /// Kind of program that the phone shows under linked devices.
    pub device_platform: Option<String>,
    /// Version that the phone shows under linked devices.
    pub device_version: Option<String>,
    /// What WhatsApp is told at each login.
    pub presence_on_connect: PresenceOnConnect,
    /// Messages per second that it sends, 0 as fast as it goes. None for the server's choice.
    pub send_rate: Option<f64>,
    /// Messages that it sends at once after a while without any. None for the server's choice.
    pub send_burst: Option<i32>,
    /// When the files of messages that come in are fetched.
    pub media_fetch: MediaFetch,
    /// Only those of at most so many bytes are fetched as they come. None for all.
    pub media_max_bytes: Option<i64>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When its name, metadata, identity or state last changed.
    pub updated_at: Timestamp,
    /// When it last was logged in.
    pub last_connected_at: Option<Timestamp>,
}

impl ActiveModelBehavior for ActiveModel {}
