//! What a key may do.

use poem_openapi::Enum;
use sea_orm::{DeriveActiveEnum, EnumIter};

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
        /// Mark messages as read, show that somebody types.
        #[oai(rename = "chats:write")]
        ChatsWrite = "chats:write",
        /// Show whether somebody uses the account.
        #[oai(rename = "profile:write")]
        ProfileWrite = "profile:write",
        /// Create, list, rotate and delete keys that may do no more than this one.
        #[oai(rename = "keys:admin")]
        KeysAdmin = "keys:admin",
        /// Read what is measured about the whole server.
        #[oai(rename = "metrics:read")]
        MetricsRead = "metrics:read",
    }
);
