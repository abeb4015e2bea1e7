//! Messages.

use async_graphql::SimpleObject;
use entity::timestamp::Timestamp;
use entity::words::message::{MediaKind, MessageType, VoteState};
use poem_openapi::Object;
use serde::{Deserialize, Serialize};

use crate::event::body::context::{
    MessageAlbum, MessageComment, MessageDisappearing, MessageForward, MessageKeep, MessagePin, MessageReferral,
    MessageTap, MessageUnknown,
};
use crate::event::body::location::MessageLocation;
use crate::event::body::offer::{MessageAppointment, MessageAttendance, MessageInvite, MessageOrder, MessageProduct};
use crate::event::body::party::Party;

/// A message arrived, or the account sent one from another device.
#[derive(Clone, PartialEq, Object, SimpleObject, Serialize, Deserialize)]
pub struct MessageEvent {
    /// The id that its sender gave it; unique with chat and sender.
    pub message_id: String,
    /// JID of the chat.
    pub chat: String,
    /// The other person of a direct chat. Null for all other chats.
    pub partner: Option<Party>,
    /// JID of the sender as it came, without a device.
    pub from: String,
    /// Phone number of the sender, digits only. Null when it is not known.
    pub from_phone: Option<String>,
    /// JID of the sender in a group. Null in other chats.
    pub participant: Option<String>,
    /// The sender, by every name that is known.
    pub sender: Party,
    /// Whether the account itself sent it, from another device.
    pub is_from_me: bool,
    /// Whether the chat is a group.
    pub is_group: bool,
    /// The name that the sender shows to others. Null when it is not known.
    pub push_name: Option<String>,
    /// When it was sent, by WhatsApp's clock.
    pub timestamp: Timestamp,
    /// What it is.
    pub message_type: MessageType,
    /// Its text. Null when it has none.
    pub text: Option<String>,
    /// The text below its media. Null when it has none.
    pub caption: Option<String>,
    /// Its media. Null when it has none.
    pub media: Option<MessageMedia>,
    /// The place that it shows. Null when it shows none.
    pub location: Option<MessageLocation>,
    /// The message that it answers. Null when it answers none.
    pub quoted: Option<MessageQuote>,
    /// JIDs of those whom it mentions, as the sender's phone wrote them; at most 1,024.
    pub mentions: Vec<String>,
    /// Those whom it mentions, in the same order, but for JIDs that are nobody's.
    #[serde(default)]
    pub mentioned: Vec<Party>,
    /// The reaction that it is. Null unless it is one.
    pub reaction: Option<MessageReaction>,
    /// The edit that it is. Null unless it is one; the new text is in `text` or `caption`, if it could be decrypted.
    pub edit: Option<MessageEdit>,
    /// The removal that it is. Null unless it is one.
    pub revoke: Option<MessageRevoke>,
    /// The poll that it asks, or votes in. Null unless it does.
    pub poll: Option<MessagePoll>,
    /// The contacts that it carries; at most 256.
    pub contacts: Vec<MessageContact>,
    /// What was tapped. Null unless it says that something was; `text` has the words on it.
    pub tap: Option<MessageTap>,
    /// Where the chat came from: an ad, a post, a link. Null when that is not told.
    pub referral: Option<MessageReferral>,
    /// That it was forwarded. Null unless it was.
    pub forward: Option<MessageForward>,
    /// The name of the business that sent it, as WhatsApp has verified it. Null for all others.
    pub verified_name: Option<String>,
    /// That it disappears, and when. Null when it stays.
    pub disappearing: Option<MessageDisappearing>,
    /// Whether it can be seen once only.
    #[serde(default)]
    pub is_view_once: bool,
    /// The album that it begins or belongs to. Null when there is none.
    pub album: Option<MessageAlbum>,
    /// The message that it pins or unpins. Null unless it does.
    pub pin: Option<MessagePin>,
    /// The message that it keeps although it would disappear, or lets disappear. Null unless it does.
    pub keep: Option<MessageKeep>,
    /// The message below which it was written as a comment. Null unless it was.
    pub comment: Option<MessageComment>,
    /// The group that it invites to. Null unless it does.
    pub invite: Option<MessageInvite>,
    /// The order that it is. Null unless it is one.
    pub order: Option<MessageOrder>,
    /// The thing from a catalogue that it shows. Null unless it does.
    pub product: Option<MessageProduct>,
    /// The appointment that it makes. Null unless it does.
    pub appointment: Option<MessageAppointment>,
    /// Whether its sender comes to an appointment. Null unless it says so.
    pub attendance: Option<MessageAttendance>,
    /// What it is in WhatsApp's own protocol, when there is no word for it here. Null for all others, and when not even that is
    /// known.
    pub unknown: Option<MessageUnknown>,
    /// Whether it came while the session was away.
    pub offline: bool,
}

/// Media of a message. The bytes are at WhatsApp.
#[derive(Clone, PartialEq, Object, SimpleObject, Serialize, Deserialize)]
#[graphql(complex)]
pub struct MessageMedia {
    /// What it is.
    pub kind: MediaKind,
    /// Its media type, such as `image/jpeg`.
    pub mimetype: Option<String>,
    /// Its size, bytes.
    #[graphql(skip)]
    pub file_length: Option<i64>,
    /// SHA-256 of its bytes, hex.
    pub file_sha256: Option<String>,
    /// Its width, pixels.
    #[graphql(skip)]
    pub width: Option<i64>,
    /// Its height, pixels.
    #[graphql(skip)]
    pub height: Option<i64>,
    /// How long it plays, seconds.
    #[graphql(skip)]
    pub seconds: Option<i64>,
    /// The name of its file.
    pub file_name: Option<String>,
}

/// The message that another one answers.
#[derive(Clone, PartialEq, Eq, Object, SimpleObject, Serialize, Deserialize)]
pub struct MessageQuote {
    /// Its id.
    pub message_id: String,
    /// JID of who sent it, as the sender's phone wrote it.
    pub participant: Option<String>,
    /// Who sent it. Null when that is not told.
    pub author: Option<Party>,
    /// JID of the chat that it is in, when that is not this one: `status@broadcast` for an answer to a status.
    pub chat: Option<String>,
    /// Whether it is a status update.
    #[serde(default)]
    pub is_status: bool,
    /// What it is, as the sender's phone quotes it.
    pub message_type: Option<MessageType>,
    /// Its text, or that below its media, as the sender's phone quotes it.
    pub text: Option<String>,
}

/// A reaction to another message.
#[derive(Clone, PartialEq, Eq, Object, SimpleObject, Serialize, Deserialize)]
pub struct MessageReaction {
    /// Id of the message.
    pub message_id: String,
    /// The emoji; empty takes the reaction back.
    pub emoji: String,
    /// Whether the message is the account's own.
    pub is_to_me: bool,
    /// Who sent the message. Null when that is not told.
    pub author: Option<Party>,
}

/// An edit of another message.
#[derive(Clone, PartialEq, Eq, Object, SimpleObject, Serialize, Deserialize)]
pub struct MessageEdit {
    /// Id of the message.
    pub message_id: String,
}

/// The removal of another message for everybody.
#[derive(Clone, PartialEq, Eq, Object, SimpleObject, Serialize, Deserialize)]
pub struct MessageRevoke {
    /// Id of the message.
    pub message_id: String,
    /// JID of who had sent it. Null when it is the sender of the removal.
    pub participant: Option<String>,
    /// Who had sent it.
    pub author: Option<Party>,
}

/// A poll, or a vote in one.
#[derive(Clone, PartialEq, Eq, Object, SimpleObject, Serialize, Deserialize)]
#[graphql(complex)]
pub struct MessagePoll {
    /// What it asks. Null in a vote.
    pub name: Option<String>,
    /// What can be chosen. Empty in a vote.
    pub options: Vec<String>,
    /// How many options can be chosen; 0 is any number. Null in a vote.
    #[graphql(skip)]
    pub selectable_count: Option<i64>,
    /// Id of the poll that was voted on. Null unless it is a vote.
    pub vote_on: Option<String>,
    /// Who asked the poll that was voted on. Null unless it is a vote.
    pub creator: Option<Party>,
    /// The vote. Null unless it is one.
    pub vote: Option<PollVote>,
}

/// A vote in a poll. It takes the place of what the same person voted before.
#[derive(Clone, PartialEq, Eq, Object, SimpleObject, Serialize, Deserialize)]
pub struct PollVote {
    /// Whether it could be read.
    pub state: VoteState,
    /// What was chosen; nothing takes the vote back. Empty when it could not be read.
    pub chosen: Vec<PollChoice>,
}

/// An option of a poll that somebody chose.
#[derive(Clone, PartialEq, Eq, Object, SimpleObject, Serialize, Deserialize)]
pub struct PollChoice {
    /// Its words. Null when the poll is not in the journal any more.
    pub option: Option<String>,
    /// SHA-256 of its words, hex. That is all that a vote names.
    pub option_sha256: String,
}

/// A contact that a message carries.
#[derive(Clone, PartialEq, Eq, Object, SimpleObject, Serialize, Deserialize)]
pub struct MessageContact {
    /// The name that it is shown with.
    pub display_name: Option<String>,
    /// The whole card, as vCard text. Null when it has more than 256 KiB, or all cards of the message more than 1 MiB.
    pub vcard: Option<String>,
    /// Those whom WhatsApp knows by the card's numbers; at most four.
    #[serde(default)]
    pub people: Vec<Party>,
}

impl MessageEvent {
    /// The people in it.
    pub fn parties(&mut self) -> Vec<&mut Party> {
        let of_quoted = self.quoted.iter_mut().filter_map(|quoted| quoted.author.as_mut());
        let of_reaction = self.reaction.iter_mut().filter_map(|reaction| reaction.author.as_mut());
        let of_revoke = self.revoke.iter_mut().filter_map(|revoke| revoke.author.as_mut());
        let of_poll = self.poll.iter_mut().filter_map(|poll| poll.creator.as_mut());
        let of_pin = self.pin.iter_mut().filter_map(|pin| pin.author.as_mut());
        let of_keep = self.keep.iter_mut().filter_map(|keep| keep.author.as_mut());
        let of_attendance = self.attendance.iter_mut().filter_map(|attendance| attendance.creator.as_mut());
        let of_comment = self.comment.iter_mut().filter_map(|comment| comment.author.as_mut());
        let of_order = self.order.iter_mut().filter_map(|order| order.seller.as_mut());
        let of_product = self.product.iter_mut().filter_map(|product| product.seller.as_mut());
        let of_cards = self.contacts.iter_mut().flat_map(|contact| &mut contact.people);
        let named = [&mut self.sender].into_iter().chain(&mut self.partner);
        let named = named.chain(of_quoted).chain(of_reaction).chain(of_revoke);
        let named = named.chain(of_poll).chain(of_pin).chain(of_comment).chain(of_order).chain(of_product);
        named.chain(of_keep).chain(of_attendance).chain(&mut self.mentioned).chain(of_cards).collect()
    }
}
