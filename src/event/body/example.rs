//! One of each, as the document shows it.

use entity::words::event::EventType;
use serde_json::{Value, json};

const MOMENT: i64 = 1_767_143_264;
const CHAT: &str = "100000000000077@lid";
const GROUP: &str = "120363000000000001@g.us";

/// What is written for an event of this type. Nothing for `all`, which no event is.
pub fn example(event: EventType) -> Option<Value> {
    let ada = json!({ "id": CHAT, "lid": CHAT, "phone_number": "15550100077", "push_name": "Ada" });
    let bob = json!({ "id": "100000000000002@lid", "lid": "100000000000002@lid", "phone_number": "15550100078", "push_name": null });
    let partner = json!({ "id": CHAT, "lid": CHAT, "phone_number": "15550100077", "push_name": null });
    let of_chat = |field: &str| json!({ "chat": CHAT, "partner": partner, field: true, "timestamp": MOMENT });
    Some(match event {
        EventType::All => return None,
        EventType::Message => message(&ada, &bob),
        EventType::Receipt => json!({
            "chat": CHAT, "partner": partner, "is_group": false, "sender": ada, "message_ids": ["3EB0C431C26A1916E07E"], "kind": "read",
            "timestamp": MOMENT, "offline": false,
        }),
        EventType::MessageStatus => json!({
            "message_id": "3EB0C431C26A1916E07E", "chat": CHAT, "status": "delivered", "previous": "sent", "code": null,
            "upstream_code": null, "attempt": 1, "client_reference": "order-1042", "timestamp": MOMENT,
        }),
        EventType::MediaReady => media_ready(),
        EventType::Presence => json!({ "contact": ada, "is_online": false, "last_seen": MOMENT }),
        EventType::ChatPresence => {
            json!({ "chat": CHAT, "partner": partner, "is_group": false, "sender": ada, "state": "recording" })
        }
        EventType::Connected => {
            json!({ "phone_number": "15550100001", "lid": "100000000000001@lid", "push_name": "Shop", "device_id": 7 })
        }
        EventType::Disconnected => json!({ "reason": "connection_lost", "next_retry_at": MOMENT + 3 }),
        EventType::LoggedOut => json!({ "reason": "device_removed" }),
        EventType::QrCode => json!({ "code": "2@mO3qPz,Ab12cd34,Ef56gh78,Ij90kl12", "expires_at": MOMENT + 60 }),
        EventType::PairCode => json!({ "code": "ABCD1234", "phone_number": "15550100001", "expires_at": MOMENT + 180 }),
        EventType::SessionStatus => json!({
            "status": "logged_in", "is_logged_in": true, "reason": "authenticated", "since": MOMENT, "desired": "online",
            "next_retry_at": null, "banned_until": null,
        }),
        EventType::SessionDeleted => json!({ "name": "Shop", "created_at": MOMENT }),
        EventType::GroupUpdate => json!({
            "group": GROUP, "author": ada, "change": "subject", "participants": [], "text": "Six o'clock tea",
            "ephemeral_seconds": null, "timestamp": MOMENT,
        }),
        EventType::JoinedGroup => json!({ "group": GROUP, "author": ada, "timestamp": MOMENT }),
        EventType::PictureUpdate => json!({
            "subject": ada, "author": null, "is_removed": false, "picture_id": "1767143264", "timestamp": MOMENT,
        }),
        EventType::UserAboutUpdate => json!({ "contact": ada, "about": "At the shop", "timestamp": MOMENT }),
        EventType::PushNameUpdate => json!({ "contact": ada, "old_push_name": "Ada L" }),
        EventType::OwnPushNameUpdate => json!({ "push_name": "Shop", "old_push_name": "Shop 1" }),
        EventType::ContactUpdate => json!({
            "contact": ada, "full_name": "Ada Lovelace", "first_name": "Ada", "old": null, "timestamp": MOMENT,
        }),
        EventType::DeviceListUpdate => json!({ "contact": ada, "change": "added", "device_ids": [1, 2] }),
        EventType::PinUpdate => of_chat("is_pinned"),
        EventType::MuteUpdate => {
            json!({ "chat": CHAT, "partner": partner, "is_muted": true, "muted_until": null, "timestamp": MOMENT })
        }
        EventType::ArchiveUpdate => of_chat("is_archived"),
        EventType::MarkChatAsRead => of_chat("is_read"),
        EventType::DisappearingUpdate => json!({
            "chat": CHAT, "partner": partner, "author": ada, "is_default": false, "seconds": 86_400, "timestamp": MOMENT,
        }),
        EventType::UndecryptableMessage => json!({
            "message_id": "3EB0C431C26A1916E07E", "chat": CHAT, "partner": partner, "is_from_me": false, "is_group": false,
            "sender": ada,
            "reason": "failed", "timestamp": MOMENT,
        }),
        EventType::ClientOutdated | EventType::AccountLocked | EventType::StreamReplaced => json!({ "since": MOMENT }),
        EventType::OfflineSyncPreview => {
            json!({ "total": 6, "messages": 1, "receipts": 2, "notifications": 3, "app_data_changes": 0, "calls": 0 })
        }
        EventType::OfflineSyncCompleted => json!({ "count": 6 }),
        EventType::TemporaryBan => json!({ "until": MOMENT + 3_600 }),
        EventType::AccountRestricted => json!({ "kind": "timelock", "until": MOMENT + 86_400 }),
        EventType::Call => json!({
            "call_id": "A1B2C3D4E5F6", "from": ada, "state": "offered", "is_video": true, "is_group": false,
            "timestamp": MOMENT, "offline": false,
        }),
        EventType::WebhookDisabled => json!({
            "webhook_id": "whk_019b9b1f7f7a7c3e8d5c0d6a1b2c3d4e", "reason": "failing", "failing_since": MOMENT - 432_000,
            "last_error": "the receiver answered 503",
        }),
        EventType::Test => json!({ "message": "This is a test of this webhook." }),
    })
}

fn media_ready() -> Value {
    json!({
        "message_id": "3EB0C431C26A1916E07E", "chat": CHAT, "size": 48_211,
        "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "mimetype": "image/jpeg",
        "timestamp": MOMENT,
    })
}

fn message(ada: &Value, bob: &Value) -> Value {
    json!({
        "message_id": "3EB0C431C26A1916E07E", "chat": CHAT, "partner": ada, "from": CHAT, "from_phone": "15550100077",
        "participant": null, "sender": ada, "is_from_me": false, "is_group": false, "push_name": "Ada", "timestamp": MOMENT,
        "message_type": "image", "text": null, "caption": "See you at six",
        "media": {
            "kind": "image", "mimetype": "image/jpeg", "file_length": 48_211,
            "file_sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "width": 1280, "height": 720,
            "seconds": null, "file_name": null,
        },
        "location": null, "quoted": {
            "message_id": "3EB0A0F2B1D9C8E7F6A5", "participant": null, "author": null, "chat": null, "is_status": false, "message_type": "text", "text": "When do we meet?",
        },
        "mentions": ["100000000000002@lid"], "mentioned": [bob],
        "reaction": null, "edit": null, "revoke": null, "poll": null, "contacts": [],
        "tap": null, "referral": null, "forward": { "score": 1 }, "verified_name": null,
        "disappearing": { "seconds": 86_400, "disappears_at": MOMENT + 86_400 }, "is_view_once": false, "album": null,
        "pin": null, "keep": null, "comment": null, "invite": null, "order": null, "product": null, "appointment": null, "attendance": null, "unknown": null,
        "offline": false,
    })
}
