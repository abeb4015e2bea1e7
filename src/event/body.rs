//! The vocabulary: what can happen on a session, one shape for each word.
//!
//! The same types are written to the journal, sent to webhooks, and shown by both doors. Nothing here may show in a log:
//! texts, codes, names and numbers are in it.

pub mod call;
pub mod chat;
pub mod contact;
pub mod context;
pub mod example;
pub mod location;
pub mod message;
pub mod offer;
pub mod party;
pub mod session;

mod graph;

use async_graphql::Union as GraphUnion;
use entity::words::event::EventType;
use poem_openapi::Union;
use serde::{Deserialize, Serialize};

use crate::event::body::call::CallEvent;
use crate::event::body::chat::{
    ArchiveUpdateEvent, ChatPresenceEvent, DisappearingUpdateEvent, MarkChatAsReadEvent, MediaReadyEvent,
    MessageStatusEvent, MuteUpdateEvent, PinUpdateEvent, PresenceEvent, ReceiptEvent, UndecryptableMessageEvent,
};
use crate::event::body::contact::{
    ContactUpdateEvent, DeviceListUpdateEvent, GroupUpdateEvent, JoinedGroupEvent, PictureUpdateEvent,
    PushNameUpdateEvent, UserAboutUpdateEvent,
};
use crate::event::body::message::MessageEvent;
use crate::event::body::party::Party;
use crate::event::body::session::{
    AccountLockedEvent, AccountRestrictedEvent, ClientOutdatedEvent, ConnectedEvent, DisconnectedEvent, LoggedOutEvent,
    OfflineSyncCompletedEvent, OfflineSyncPreviewEvent, OwnPushNameUpdateEvent, PairCodeEvent, QrCodeEvent,
    SessionDeletedEvent, SessionStatusEvent, StreamReplacedEvent, TemporaryBanEvent, TestEvent, WebhookDisabledEvent,
};

/// All about an event. Its shape belongs to the event's type.
// Any of them, not one of them: what fits a shape with many fields fits one with few of them, too. That one comes behind the
// other, since many tools take the first that fits.
#[derive(Clone, PartialEq, Union, GraphUnion, Serialize)]
#[serde(untagged)]
#[graphql(name = "EventData")]
pub enum EventBody {
    /// A message arrived.
    Message(Box<MessageEvent>),
    /// Messages were delivered, read or played.
    Receipt(ReceiptEvent),
    /// What is known of a message that was sent changed.
    MessageStatus(MessageStatusEvent),
    /// The file of a message was fetched.
    MediaReady(MediaReadyEvent),
    /// A contact came online or went offline.
    Presence(PresenceEvent),
    /// A contact types or records.
    ChatPresence(ChatPresenceEvent),
    /// The session's status changed.
    SessionStatus(SessionStatusEvent),
    /// The session logged in.
    Connected(ConnectedEvent),
    /// The connection ended.
    Disconnected(DisconnectedEvent),
    /// A pair code can be entered.
    PairCode(PairCodeEvent),
    /// A QR code can be scanned.
    QrCode(QrCodeEvent),
    /// A group changed.
    GroupUpdate(GroupUpdateEvent),
    /// The account joined a group.
    JoinedGroup(JoinedGroupEvent),
    /// A profile or group picture changed.
    PictureUpdate(PictureUpdateEvent),
    /// A contact's about text changed.
    UserAboutUpdate(UserAboutUpdateEvent),
    /// A contact's push name changed.
    PushNameUpdate(PushNameUpdateEvent),
    /// The account's own push name became known, or changed.
    OwnPushNameUpdate(OwnPushNameUpdateEvent),
    /// A contact changed in the address book.
    ContactUpdate(ContactUpdateEvent),
    /// A contact's devices changed.
    DeviceListUpdate(DeviceListUpdateEvent),
    /// A chat was pinned or unpinned.
    PinUpdate(PinUpdateEvent),
    /// A chat was muted or unmuted.
    MuteUpdate(MuteUpdateEvent),
    /// A chat was archived or brought back.
    ArchiveUpdate(ArchiveUpdateEvent),
    /// A chat was marked as read or unread.
    MarkChatAsRead(MarkChatAsReadEvent),
    /// The time after which messages of a chat disappear changed.
    DisappearingUpdate(DisappearingUpdateEvent),
    /// A message arrived that could not be decrypted.
    UndecryptableMessage(UndecryptableMessageEvent),
    /// A webhook was switched off because its receiver kept failing.
    WebhookDisabled(WebhookDisabledEvent),
    /// The session was deleted.
    SessionDeleted(SessionDeletedEvent),
    /// The session was unlinked from its phone.
    LoggedOut(LoggedOutEvent),
    /// WhatsApp refused this version of the protocol client.
    ClientOutdated(ClientOutdatedEvent),
    /// WhatsApp announced what it kept while the session was away.
    OfflineSyncPreview(OfflineSyncPreviewEvent),
    /// Everything kept while the session was away has arrived.
    OfflineSyncCompleted(OfflineSyncCompletedEvent),
    /// WhatsApp locked the account.
    AccountLocked(AccountLockedEvent),
    /// WhatsApp banned the account for a time.
    TemporaryBan(TemporaryBanEvent),
    /// WhatsApp lets the account write to nobody new for a time.
    AccountRestricted(AccountRestrictedEvent),
    /// Another client logged in with this device's identity.
    StreamReplaced(StreamReplacedEvent),
    /// A call came in or ended.
    Call(CallEvent),
    /// A test that a client of this API asked for.
    Test(TestEvent),
}

impl EventBody {
    /// The word for what happened.
    pub fn event_type(&self) -> EventType {
        match self {
            Self::Message(_) => EventType::Message,
            Self::Receipt(_) => EventType::Receipt,
            Self::MessageStatus(_) => EventType::MessageStatus,
            Self::MediaReady(_) => EventType::MediaReady,
            Self::Presence(_) => EventType::Presence,
            Self::ChatPresence(_) => EventType::ChatPresence,
            Self::Connected(_) => EventType::Connected,
            Self::Disconnected(_) => EventType::Disconnected,
            Self::LoggedOut(_) => EventType::LoggedOut,
            Self::QrCode(_) => EventType::QrCode,
            Self::PairCode(_) => EventType::PairCode,
            Self::SessionStatus(_) => EventType::SessionStatus,
            Self::SessionDeleted(_) => EventType::SessionDeleted,
            Self::GroupUpdate(_) => EventType::GroupUpdate,
            Self::JoinedGroup(_) => EventType::JoinedGroup,
            Self::PictureUpdate(_) => EventType::PictureUpdate,
            Self::UserAboutUpdate(_) => EventType::UserAboutUpdate,
            Self::PushNameUpdate(_) => EventType::PushNameUpdate,
            Self::OwnPushNameUpdate(_) => EventType::OwnPushNameUpdate,
            Self::ContactUpdate(_) => EventType::ContactUpdate,
            Self::DeviceListUpdate(_) => EventType::DeviceListUpdate,
            Self::PinUpdate(_) => EventType::PinUpdate,
            Self::MuteUpdate(_) => EventType::MuteUpdate,
            Self::ArchiveUpdate(_) => EventType::ArchiveUpdate,
            Self::MarkChatAsRead(_) => EventType::MarkChatAsRead,
            Self::DisappearingUpdate(_) => EventType::DisappearingUpdate,
            Self::UndecryptableMessage(_) => EventType::UndecryptableMessage,
            Self::ClientOutdated(_) => EventType::ClientOutdated,
            Self::OfflineSyncPreview(_) => EventType::OfflineSyncPreview,
            Self::OfflineSyncCompleted(_) => EventType::OfflineSyncCompleted,
            Self::AccountLocked(_) => EventType::AccountLocked,
            Self::TemporaryBan(_) => EventType::TemporaryBan,
            Self::AccountRestricted(_) => EventType::AccountRestricted,
            Self::StreamReplaced(_) => EventType::StreamReplaced,
            Self::Call(_) => EventType::Call,
            Self::WebhookDisabled(_) => EventType::WebhookDisabled,
            Self::Test(_) => EventType::Test,
        }
    }

    /// The people in it.
    pub fn parties(&mut self) -> Vec<&mut Party> {
        match self {
            Self::Message(event) => event.parties(),
            Self::Receipt(event) => [&mut event.sender].into_iter().chain(&mut event.partner).collect(),
            Self::Presence(event) => vec![&mut event.contact],
            Self::ChatPresence(event) => [&mut event.sender].into_iter().chain(&mut event.partner).collect(),
            Self::PinUpdate(event) => event.partner.iter_mut().collect(),
            Self::MuteUpdate(event) => event.partner.iter_mut().collect(),
            Self::ArchiveUpdate(event) => event.partner.iter_mut().collect(),
            Self::MarkChatAsRead(event) => event.partner.iter_mut().collect(),
            Self::DisappearingUpdate(event) => event.author.iter_mut().chain(&mut event.partner).collect(),
            Self::GroupUpdate(event) => event.author.iter_mut().chain(&mut event.participants).collect(),
            Self::JoinedGroup(event) => event.author.iter_mut().collect(),
            Self::PictureUpdate(event) => [&mut event.subject].into_iter().chain(&mut event.author).collect(),
            Self::UserAboutUpdate(event) => vec![&mut event.contact],
            Self::PushNameUpdate(event) => vec![&mut event.contact],
            Self::ContactUpdate(event) => [&mut event.contact].into_iter().chain(&mut event.old).collect(),
            Self::DeviceListUpdate(event) => vec![&mut event.contact],
            Self::UndecryptableMessage(event) => [&mut event.sender].into_iter().chain(&mut event.partner).collect(),
            Self::Call(event) => vec![&mut event.from],
            _ => Vec::new(),
        }
    }

    /// Reads what was written for an event of this type.
    ///
    /// # Errors
    /// It is no JSON of that shape.
    pub fn parse(event: EventType, text: &str) -> serde_json::Result<Self> {
        let read = Reader(text);
        Ok(match event {
            EventType::Message => Self::Message(read.json()?),
            EventType::Receipt => Self::Receipt(read.json()?),
            EventType::MessageStatus => Self::MessageStatus(read.json()?),
            EventType::MediaReady => Self::MediaReady(read.json()?),
            EventType::Presence => Self::Presence(read.json()?),
            EventType::ChatPresence => Self::ChatPresence(read.json()?),
            EventType::Connected => Self::Connected(read.json()?),
            EventType::Disconnected => Self::Disconnected(read.json()?),
            EventType::LoggedOut => Self::LoggedOut(read.json()?),
            EventType::QrCode => Self::QrCode(read.json()?),
            EventType::PairCode => Self::PairCode(read.json()?),
            EventType::SessionStatus => Self::SessionStatus(read.json()?),
            EventType::SessionDeleted => Self::SessionDeleted(read.json()?),
            EventType::GroupUpdate => Self::GroupUpdate(read.json()?),
            EventType::JoinedGroup => Self::JoinedGroup(read.json()?),
            EventType::PictureUpdate => Self::PictureUpdate(read.json()?),
            EventType::UserAboutUpdate => Self::UserAboutUpdate(read.json()?),
            EventType::PushNameUpdate => Self::PushNameUpdate(read.json()?),
            EventType::OwnPushNameUpdate => Self::OwnPushNameUpdate(read.json()?),
            EventType::ContactUpdate => Self::ContactUpdate(read.json()?),
            EventType::DeviceListUpdate => Self::DeviceListUpdate(read.json()?),
            EventType::PinUpdate => Self::PinUpdate(read.json()?),
            EventType::MuteUpdate => Self::MuteUpdate(read.json()?),
            EventType::ArchiveUpdate => Self::ArchiveUpdate(read.json()?),
            EventType::MarkChatAsRead => Self::MarkChatAsRead(read.json()?),
            EventType::DisappearingUpdate => Self::DisappearingUpdate(read.json()?),
            EventType::UndecryptableMessage => Self::UndecryptableMessage(read.json()?),
            EventType::ClientOutdated => Self::ClientOutdated(read.json()?),
            EventType::OfflineSyncPreview => Self::OfflineSyncPreview(read.json()?),
            EventType::OfflineSyncCompleted => Self::OfflineSyncCompleted(read.json()?),
            EventType::AccountLocked => Self::AccountLocked(read.json()?),
            EventType::TemporaryBan => Self::TemporaryBan(read.json()?),
            EventType::AccountRestricted => Self::AccountRestricted(read.json()?),
            EventType::StreamReplaced => Self::StreamReplaced(read.json()?),
            EventType::Call => Self::Call(read.json()?),
            EventType::WebhookDisabled => Self::WebhookDisabled(read.json()?),
            EventType::Test => Self::Test(read.json()?),
            EventType::All => return Err(serde::de::Error::custom("no event is of the type `all`")),
        })
    }
}

struct Reader<'a>(&'a str);

impl<'a> Reader<'a> {
    fn json<T: Deserialize<'a>>(&self) -> serde_json::Result<T> {
        serde_json::from_str(self.0)
    }
}

impl std::fmt::Debug for EventBody {
    /// Only the word: what is in it stays out of every log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "EventBody({})", self.event_type())
    }
}

#[cfg(test)]
mod tests;
