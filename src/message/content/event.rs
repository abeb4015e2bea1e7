//! Events, as WhatsApp calls appointments.

use async_graphql::InputObject;
use entity::timestamp::Timestamp;
use poem_openapi::Object;
use serde::Serialize;

use crate::message::content::location::LocationContent;

/// An event to which people say whether they come. The message has the type `appointment`.
#[derive(Clone, PartialEq, Object, InputObject, Serialize)]
#[oai(example, skip_serializing_if_is_none)]
#[graphql(name = "EventContentInput")]
pub struct EventContent {
    /// What it is called, 1 to 100 characters.
    pub name: String,
    /// What is said about it, at most 2,048 characters.
    pub description: Option<String>,
    /// When it begins.
    pub start_at: Timestamp,
    /// When it ends, behind its beginning.
    pub end_at: Option<Timestamp>,
    /// Where people meet.
    pub location: Option<LocationContent>,
    /// The link of a WhatsApp call in which people meet: `https://call.whatsapp.com/..`.
    pub call: Option<String>,
}
