//! The tables of Waypost, one file each, and the closed sets of words and ids that the whole project shares.
//!
//! No queries and no logic: those live in the `store.rs` of each subject.

pub mod account_restriction;
pub mod api_key;
pub mod base_key;
pub mod bookmark;
pub mod chat_timer;
pub mod delivery;
pub mod delivery_attempt;
pub mod device;
pub mod device_list;
pub mod event;
pub mod event_count;
pub mod group_metadata;
pub mod identity_key;
pub mod ids;
pub mod lane;
pub mod lid_mapping;
pub mod long;
pub mod media;
pub mod message;
pub mod message_file;
pub mod message_receipt;
pub mod message_secret;
pub mod mutation_mac;
pub mod outgoing;
pub mod outgoing_media;
pub mod pairing_link;
pub mod pending_inbound;
pub mod pre_key_block;
pub mod pre_key_pending;
pub mod recipient;
pub mod sender_key;
pub mod sender_key_device;
pub mod sent_message;
pub mod session;
pub mod signal_session;
pub mod signed_pre_key;
pub mod stored_file;
pub mod sync_key;
pub mod sync_version;
pub mod tc_token;
pub mod timestamp;
pub mod uploaded_file;
pub mod webhook;
pub mod words;
