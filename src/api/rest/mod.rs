//! The REST door, put together from the subjects.

pub mod param;
pub mod tag;

mod examples;

use crate::api::alias::kind::rest::KindAliasesApi;
use crate::api::alias::media::rest::MediaAliasesApi;
use crate::api::alias::rest::AliasesApi;
use crate::api::chat::rest::ChatsApi;
use crate::api::event::rest::EventsApi;
use crate::api::key::rest::KeysApi;
use crate::api::media::rest::MediaApi;
use crate::api::message::rest::MessagesApi;
use crate::api::message_action::rest::MessageActionsApi;
use crate::api::message_mark::rest::MessageMarksApi;
use crate::api::pairing_link::rest::PairingLinksApi;
use crate::api::poll::rest::PollsApi;
use crate::api::session::rest::SessionsApi;
use crate::api::webhook::below_session::SessionWebhooksApi;
use crate::api::webhook::dead_letters::DeadLettersApi;
use crate::api::webhook::rest::WebhooksApi;

/// What its paths begin with.
pub const PREFIX: &str = "/api/v1";

/// The whole REST door.
pub type Apis = (
    SessionsApi,
    PairingLinksApi,
    MessagesApi,
    MessageActionsApi,
    MediaApi,
    MessageMarksApi,
    PollsApi,
    ChatsApi,
    EventsApi,
    SessionWebhooksApi,
    WebhooksApi,
    DeadLettersApi,
    KeysApi,
    AliasesApi,
    MediaAliasesApi,
    KindAliasesApi,
);

/// The whole REST door.
pub const APIS: Apis = (
    SessionsApi,
    PairingLinksApi,
    MessagesApi,
    MessageActionsApi,
    MediaApi,
    MessageMarksApi,
    PollsApi,
    ChatsApi,
    EventsApi,
    SessionWebhooksApi,
    WebhooksApi,
    DeadLettersApi,
    KeysApi,
    AliasesApi,
    MediaAliasesApi,
    KindAliasesApi,
);
