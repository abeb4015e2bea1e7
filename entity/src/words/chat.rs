//! What happens to messages, and in chats.

use poem_openapi::Enum;
use sea_orm::{DeriveActiveEnum, EnumIter};

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
