//! Closed sets of words: one enum each, one spelling for column, REST, GraphQL and webhooks.

use poem_openapi::Enum;
use sea_orm::{DeriveActiveEnum, EnumIter};

/// Declares a closed set: the column's text, the word that is shown, and the way back from it.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, EnumIter, DeriveActiveEnum, Enum, async_graphql::Enum)]
        #[oai(rename_all = "snake_case")]
        #[sea_orm(rs_type = "String", db_type = "Text")]
        pub enum $name {
            $($(#[$vdoc])* #[sea_orm(string_value = $word)] $variant,)+
        }

        impl $name {
            /// Every word of the set, in order.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The word as it is written everywhere.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// The member with this spelling.
            pub fn parse(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let word = String::deserialize(deserializer)?;
                Self::parse(&word).ok_or_else(|| serde::de::Error::unknown_variant(&word, &[$($word),+]))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

words!(
    /// What a session is doing right now.
    SessionStatus {
        /// Not connected.
        Disconnected = "disconnected",
        /// Establishing the connection, or waiting for the next attempt.
        Connecting = "connecting",
        /// A QR code waits to be scanned.
        WaitingForQr = "waiting_for_qr",
        /// A pair code waits to be entered on the phone.
        WaitingForPairCode = "waiting_for_pair_code",
        /// Transport and handshake stand; the login is pending.
        Connected = "connected",
        /// Fully authenticated.
        LoggedIn = "logged_in",
    }
);

words!(
    /// What the client asked for; the session is driven towards it.
    DesiredState {
        /// Connected, and reconnected whenever the connection is lost.
        Online = "online",
        /// Not connected.
        Offline = "offline",
    }
);

words!(
    /// Why a session is in the state in which it is.
    StatusReason {
        /// A client of this API asked for it.
        Requested = "requested",
        /// The server started and is bringing the session back.
        Starting = "starting",
        /// The server is shutting down.
        ShuttingDown = "shutting_down",
        /// A QR code can be scanned.
        QrReady = "qr_ready",
        /// A pair code can be entered.
        PairCodeReady = "pair_code_ready",
        /// The phone has linked this device; the login follows.
        Paired = "paired",
        /// WhatsApp accepted the login.
        Authenticated = "authenticated",
        /// Every QR code of this attempt expired unscanned. Connect to get new ones.
        QrExpired = "qr_expired",
        /// The pair code expired unused, and no QR code was left either.
        PairCodeExpired = "pair_code_expired",
        /// The phone answered the pairing with something that does not verify.
        PairingRejected = "pairing_rejected",
        /// WhatsApp asks for a passkey on this account, which cannot be given yet.
        PasskeyRequired = "passkey_required",
        /// The QR code was scanned by a phone without multi-device support.
        MultideviceRequired = "multidevice_required",
        /// The session was logged out over this API.
        LoggedOut = "logged_out",
        /// The session was logged out over this API, but WhatsApp did not confirm it: the phone still lists the device. Remove
        /// it there.
        LoggedOutHere = "logged_out_here",
        /// The phone, or WhatsApp, ended the login. Pair again.
        LoggedOutByPhone = "logged_out_by_phone",
        /// The device was removed from the phone's linked devices. Pair again.
        DeviceRemoved = "device_removed",
        /// Another client logged in with this device's identity.
        Replaced = "replaced",
        /// WhatsApp banned the account for a time; `until` says until when.
        BannedTemporarily = "banned_temporarily",
        /// WhatsApp locked or banned the account.
        AccountLocked = "account_locked",
        /// WhatsApp refuses this version of the protocol client.
        ClientOutdated = "client_outdated",
        /// WhatsApp refused the login for another reason.
        LoginRefused = "login_refused",
        /// The connection ended without a reason.
        ConnectionLost = "connection_lost",
        /// The server ended the stream and expects a new connection.
        StreamEnded = "stream_ended",
        /// WhatsApp said that it cannot serve now.
        ServiceUnavailable = "service_unavailable",
        /// WhatsApp said that too many requests were made.
        RateLimited = "rate_limited",
        /// WhatsApp could not be reached: name, route, TCP or TLS.
        Unreachable = "unreachable",
        /// WhatsApp was reached, but the encrypted channel could not be set up.
        HandshakeFailed = "handshake_failed",
        /// WhatsApp was reached, but nothing arrived within the limit.
        TimedOut = "timed_out",
        /// The current protocol version could not be learnt from WhatsApp.
        VersionUnavailable = "version_unavailable",
        /// The database refused to read or write the session's keys.
        StorageFailed = "storage_failed",
        /// The session's task ended in an unexpected way and is started again.
        Crashed = "crashed",
    }
);

words!(
    /// What WhatsApp is told at each login: whether somebody uses the session.
    PresenceOnConnect {
        /// Nobody does. The phone goes on to notify; contacts do not see the account online, and their presence is not told.
        Unavailable = "unavailable",
        /// Somebody does. Contacts see the account online, and the phone is silent.
        Available = "available",
    }
);

words!(
    /// Something that a key may be allowed to do.
    Scope {
        /// Look at sessions, their state and their device.
        #[oai(rename = "sessions:read")]
        SessionsRead = "sessions:read",
        /// Create, change, connect, disconnect, log out and delete sessions.
        #[oai(rename = "sessions:write")]
        SessionsWrite = "sessions:write",
        /// See QR codes, ask for pair codes, make pairing links.
        #[oai(rename = "sessions:pair")]
        SessionsPair = "sessions:pair",
        /// Look at webhooks and their deliveries.
        #[oai(rename = "webhooks:read")]
        WebhooksRead = "webhooks:read",
        /// Create, change and delete webhooks.
        #[oai(rename = "webhooks:write")]
        WebhooksWrite = "webhooks:write",
        /// Read messages.
        #[oai(rename = "messages:read")]
        MessagesRead = "messages:read",
        /// Send messages.
        #[oai(rename = "messages:send")]
        MessagesSend = "messages:send",
        /// Create, list, rotate and delete keys that may do no more than this one.
        #[oai(rename = "keys:admin")]
        KeysAdmin = "keys:admin",
        /// Read what is measured about the whole server.
        #[oai(rename = "metrics:read")]
        MetricsRead = "metrics:read",
    }
);

words!(
    /// What can happen on a session, as webhooks and streams name it.
    EventType {
        /// Every event.
        All = "all",
        /// A message arrived.
        Message = "message",
        /// A message was delivered, read or played.
        Receipt = "receipt",
        /// A contact came online or went offline.
        Presence = "presence",
        /// A contact types or records.
        ChatPresence = "chat_presence",
        /// The session logged in.
        Connected = "connected",
        /// The connection ended.
        Disconnected = "disconnected",
        /// The session was unlinked from its phone.
        LoggedOut = "logged_out",
        /// A QR code can be scanned.
        QrCode = "qr_code",
        /// A pair code can be entered.
        PairCode = "pair_code",
        /// The session's status changed.
        SessionStatus = "session_status",
        /// The session was deleted.
        SessionDeleted = "session_deleted",
        /// A group changed.
        GroupUpdate = "group_update",
        /// The account joined a group.
        JoinedGroup = "joined_group",
        /// A profile or group picture changed.
        PictureUpdate = "picture_update",
        /// A contact's about text changed.
        UserAboutUpdate = "user_about_update",
        /// A contact's push name changed.
        PushNameUpdate = "push_name_update",
        /// The account's own push name became known, or changed.
        OwnPushNameUpdate = "own_push_name_update",
        /// A contact changed in the address book.
        ContactUpdate = "contact_update",
        /// A contact's devices changed.
        DeviceListUpdate = "device_list_update",
        /// A chat was pinned or unpinned.
        PinUpdate = "pin_update",
        /// A chat was muted or unmuted.
        MuteUpdate = "mute_update",
        /// A chat was archived or brought back.
        ArchiveUpdate = "archive_update",
        /// A chat was marked as read or unread.
        MarkChatAsRead = "mark_chat_as_read",
        /// The time after which messages of a chat disappear changed.
        DisappearingUpdate = "disappearing_update",
        /// A message arrived that could not be decrypted.
        UndecryptableMessage = "undecryptable_message",
        /// WhatsApp refused this version of the protocol client.
        ClientOutdated = "client_outdated",
        /// WhatsApp announced what it kept while the session was away.
        OfflineSyncPreview = "offline_sync_preview",
        /// Everything kept while the session was away has arrived.
        OfflineSyncCompleted = "offline_sync_completed",
        /// WhatsApp locked the account.
        AccountLocked = "account_locked",
        /// WhatsApp banned the account for a time.
        TemporaryBan = "temporary_ban",
        /// Another client logged in with this device's identity.
        StreamReplaced = "stream_replaced",
        /// A call came in or ended.
        Call = "call",
        /// A webhook was switched off because its receiver kept failing.
        WebhookDisabled = "webhook_disabled",
        /// A test that a client of this API asked for.
        Test = "test",
    }
);

words!(
    /// How far a delivery has come.
    DeliveryState {
        /// It waits for its first attempt or for the next one.
        Pending = "pending",
        /// The receiver answered with a status from 200 to 299.
        Delivered = "delivered",
        /// Every attempt failed. It can be retried by hand.
        Dead = "dead",
        /// What it was about was over before it could be delivered, as a QR code that nobody can scan any more.
        Expired = "expired",
        /// Somebody decided that it is not to be delivered.
        Discarded = "discarded",
    }
);

words!(
    /// Why a webhook gets nothing.
    DisabledReason {
        /// A client of this API asked for it.
        Requested = "requested",
        /// The receiver answered 410: it wants no more.
        Gone = "gone",
        /// The receiver failed for five days on end.
        Failing = "failing",
        /// Its session was deleted. What happened until then is still delivered; then the webhook goes, too.
        SessionDeleted = "session_deleted",
    }
);

words!(
    /// What a message is.
    MessageType {
        /// Text.
        Text = "text",
        /// A picture.
        Image = "image",
        /// A video.
        Video = "video",
        /// A piece of music or another recording.
        Audio = "audio",
        /// A voice message.
        Voice = "voice",
        /// A file.
        Document = "document",
        /// A sticker.
        Sticker = "sticker",
        /// A place, or where somebody is as they move.
        Location = "location",
        /// One contact or more.
        Contacts = "contacts",
        /// A poll.
        Poll = "poll",
        /// A vote in a poll.
        PollVote = "poll_vote",
        /// A reaction to another message.
        Reaction = "reaction",
        /// An edit of another message.
        Edit = "edit",
        /// The removal of another message for everybody.
        Revoke = "revoke",
        /// The header of an album, whose pictures and videos follow as messages of their own.
        Album = "album",
        /// Another message was pinned in the chat, or unpinned.
        Pin = "pin",
        /// An invitation to a group.
        GroupInvite = "group_invite",
        /// An order of goods from a catalogue.
        Order = "order",
        /// A thing from a catalogue.
        Product = "product",
        /// An appointment that people say yes or no to.
        Appointment = "appointment",
        /// Something that has no word here yet.
        Unknown = "unknown",
    }
);

words!(
    /// What somebody tapped.
    TapKind {
        /// A button below a message.
        Button = "button",
        /// A row of a list.
        ListRow = "list_row",
        /// A button of a template.
        TemplateButton = "template_button",
        /// A button, a list or a form of a native flow.
        Flow = "flow",
    }
);

words!(
    /// Whether a vote could be read.
    VoteState {
        /// It could.
        Opened = "opened",
        /// The poll is not known: it was asked before the session was linked, or more than 90 days ago.
        PollUnknown = "poll_unknown",
        /// The poll is known, and its secret does not open the vote.
        Undecryptable = "undecryptable",
    }
);

words!(
    /// What media is.
    MediaKind {
        /// A picture.
        Image = "image",
        /// A video.
        Video = "video",
        /// A piece of music or another recording.
        Audio = "audio",
        /// A voice message.
        Voice = "voice",
        /// A file.
        Document = "document",
        /// A sticker.
        Sticker = "sticker",
    }
);

words!(
    /// What the file of a message is, as its key is used. Not shown.
    FileKind {
        /// A picture.
        Image = "image",
        /// A video.
        Video = "video",
        /// Music, or a voice message.
        Audio = "audio",
        /// A file.
        Document = "document",
        /// A sticker.
        Sticker = "sticker",
        /// A package of stickers.
        StickerPack = "sticker_pack",
    }
);

words!(
    /// What became of a message.
    ReceiptKind {
        /// A device of the recipient has it.
        Delivered = "delivered",
        /// The recipient read it.
        Read = "read",
        /// The account itself read it, on another device.
        ReadSelf = "read_self",
        /// The recipient played it.
        Played = "played",
        /// The account itself played it, on another device.
        PlayedSelf = "played_self",
        /// The recipient's device cannot receive it.
        Failed = "failed",
    }
);

words!(
    /// What somebody does in a chat.
    ChatState {
        /// They type.
        Composing = "composing",
        /// They record a voice message.
        Recording = "recording",
        /// They stopped.
        Paused = "paused",
    }
);

words!(
    /// Why a message cannot be read.
    UndecryptableReason {
        /// It could not be decrypted.
        Failed = "failed",
        /// WhatsApp did not give it to this device.
        Unavailable = "unavailable",
        /// It can be viewed once, on the phone only.
        ViewOnce = "view_once",
    }
);

words!(
    /// What changed about a group.
    GroupChange {
        /// It was made.
        Created = "created",
        /// It was deleted.
        Deleted = "deleted",
        /// Participants joined or were added.
        ParticipantsAdded = "participants_added",
        /// Participants left or were removed.
        ParticipantsRemoved = "participants_removed",
        /// Participants became admins.
        ParticipantsPromoted = "participants_promoted",
        /// Admins became plain participants.
        ParticipantsDemoted = "participants_demoted",
        /// A participant has another phone number.
        ParticipantChanged = "participant_changed",
        /// Its subject.
        Subject = "subject",
        /// Its description.
        Description = "description",
        /// Only admins may edit its subject and picture now.
        Locked = "locked",
        /// Everybody may edit its subject and picture now.
        Unlocked = "unlocked",
        /// Only admins may send now.
        Announcement = "announcement",
        /// Everybody may send now.
        NotAnnouncement = "not_announcement",
        /// After how long messages disappear.
        Ephemeral = "ephemeral",
        /// Who may let somebody in.
        Membership = "membership",
        /// Somebody asks to join, or does not any more.
        MembershipRequests = "membership_requests",
        /// Its invitation link.
        Invite = "invite",
        /// Something that has no word here yet.
        Other = "other",
    }
);

words!(
    /// What changed about a contact's devices.
    DeviceChange {
        /// One was linked.
        Added = "added",
        /// One was unlinked.
        Removed = "removed",
        /// Something about them.
        Updated = "updated",
    }
);

words!(
    /// How far a call has come.
    CallState {
        /// It rings.
        Offered = "offered",
        /// It was answered.
        Accepted = "accepted",
        /// It was declined.
        Rejected = "rejected",
        /// It is over.
        Ended = "ended",
        /// Nobody answered it.
        Missed = "missed",
        /// Another device of the account answered it.
        AcceptedElsewhere = "accepted_elsewhere",
        /// Another device of the account declined it.
        RejectedElsewhere = "rejected_elsewhere",
    }
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_reads_back_as_itself() {
        for status in SessionStatus::ALL {
            assert_eq!(SessionStatus::parse(status.as_str()), Some(*status));
        }
        for reason in StatusReason::ALL {
            assert_eq!(StatusReason::parse(reason.as_str()), Some(*reason));
        }
        assert_eq!(SessionStatus::parse("LOGGED_IN"), None);
    }

    #[test]
    fn the_statuses_are_the_six_of_the_contract() {
        let words: Vec<_> = SessionStatus::ALL.iter().map(|status| status.as_str()).collect();
        assert_eq!(
            words,
            ["disconnected", "connecting", "waiting_for_qr", "waiting_for_pair_code", "connected", "logged_in"]
        );
    }
}
