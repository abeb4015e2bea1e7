//! What can happen.

use poem_openapi::Enum;
use sea_orm::{DeriveActiveEnum, EnumIter};

words!(
    /// What can happen on a session, as webhooks and streams name it.
    EventType {
        /// Every event.
        All = "all",
        /// A message arrived.
        Message = "message",
        /// A message was delivered, read or played.
        Receipt = "receipt",
        /// What is known of a message that was sent through this API changed.
        MessageStatus = "message_status",
        /// The file of a message was fetched. Only of sessions that fetch files as they come.
        MediaReady = "media_ready",
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
        /// WhatsApp lets the account write to nobody new for a time.
        AccountRestricted = "account_restricted",
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
