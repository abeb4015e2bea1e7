//! Table `device_list`: the devices that each contact is known to have.

use sea_orm::entity::prelude::*;

use crate::ids::SessionId;

/// The devices of one contact.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Eq)]
#[sea_orm(table_name = "device_list")]
pub struct Model {
    /// Whose it is.
    #[sea_orm(primary_key, auto_increment = false)]
    pub session_id: SessionId,
    /// User part of the JID: a phone number or a LID.
    #[sea_orm(primary_key, auto_increment = false)]
    pub contact: String,
    /// JSON: an array of `[device id, key index or null, whether hosted]`.
    pub devices: String,
    /// When WhatsApp told it, unix seconds.
    pub timestamp: i64,
    /// WhatsApp's hash over the list.
    pub phash: Option<String>,
    /// Changes when the contact's identity does.
    pub raw_id: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}
