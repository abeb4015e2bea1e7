//! What becomes of messages that are sent through this API.

use poem_openapi::Enum;
use sea_orm::{DeriveActiveEnum, EnumIter};

words!(
    /// What is known of a message that was sent through this API. It never goes back on the way from `scheduled` to `played`.
    MessageStatus {
        /// It waits for the moment at which it is to be sent.
        Scheduled = "scheduled",
        /// It waits for its turn, or for the session to be logged in.
        Queued = "queued",
        /// It is on its way to WhatsApp.
        Sending = "sending",
        /// WhatsApp has acknowledged it.
        Sent = "sent",
        /// A device of the recipient has it; in a group, one of every member.
        Delivered = "delivered",
        /// The recipient has read it; in a group, every member has.
        Read = "read",
        /// The recipient has played it; in a group, every member has.
        Played = "played",
        /// It was given to WhatsApp, and no answer came. It is sent again, as the same message, after the next login.
        Unconfirmed = "unconfirmed",
        /// It was not sent, and will not be; or it was, and nobody knows whether it arrived. The code says which.
        Failed = "failed",
        /// A client of this API took it back before it was sent.
        Cancelled = "cancelled",
        /// Its time was over before it could be sent.
        Expired = "expired",
    }
);

words!(
    /// Where a message went.
    Direction {
        /// To the account.
        Incoming = "incoming",
        /// From the account, whichever of its devices sent it.
        Outgoing = "outgoing",
    }
);

words!(
    /// How WhatsApp keeps an account from writing to new people.
    RestrictionKind {
        /// It may write to nobody new for a time.
        Timelock = "timelock",
        /// It has begun as many chats as it may in this time.
        NewChatLimit = "new_chat_limit",
    }
);

words!(
    /// Why a message was not sent, or may not have been.
    FailureCode {
        /// No answer of WhatsApp came, however often it was sent: it may have arrived.
        Unconfirmed = "unconfirmed",
        /// The number is not on WhatsApp.
        RecipientNotOnWhatsapp = "recipient_not_on_whatsapp",
        /// WhatsApp knows no such recipient.
        RecipientNotFound = "recipient_not_found",
        /// The message could be encrypted for no device of the recipient: there are no keys for them, or WhatsApp did not give any for
        /// an hour.
        RecipientUnreachable = "recipient_unreachable",
        /// Another account is linked to the session now than when the message was asked for.
        AccountChanged = "account_changed",
        /// WhatsApp allows the account no new chats for now.
        AccountRestricted = "account_restricted",
        /// The account has begun as many chats as WhatsApp allows in this time.
        NewChatLimit = "new_chat_limit",
        /// No group has this id.
        GroupNotFound = "group_not_found",
        /// The account is not in the group.
        NotInGroup = "not_in_group",
        /// Only admins may write in the group.
        GroupAdminsOnly = "group_admins_only",
        /// Its file is not kept any more.
        MediaGone = "media_gone",
        /// WhatsApp's media servers do not take its file.
        MediaRefused = "media_refused",
        /// WhatsApp took the message for malformed.
        InvalidMessage = "invalid_message",
        /// WhatsApp does not allow the account this kind of message.
        NotAllowed = "not_allowed",
        /// WhatsApp refused it for another reason, which `upstream_code` names.
        Rejected = "rejected",
    }
);
