//! The other end of the wire: a WhatsApp server and the phones behind it, for tests and the sandbox.
//!
//! [`Simulator::start`] listens on loopback; an unmodified client that is pointed at [`Simulator::url`] pairs, logs in,
//! sends and receives as it would with the real server. [`Phone`] is the phone in somebody's hand, [`Fault`] is what can
//! go wrong. `README.md` describes the binary and its control API.

// The rule against `tokio::spawn` and `Utc::now` is about the server, which has a lifecycle and a clock of its own.
#![allow(clippy::disallowed_methods)]

pub mod content;
pub mod control;

mod account;
mod addon;
mod app_state;
mod call;
mod chat_setting;
mod companion_retries;
mod connection;
mod copies;
mod delivery;
mod dispatch;
mod envelope;
mod fault;
mod framing;
mod group;
mod group_chat;
mod group_copies;
mod group_receipt;
mod group_retries;
mod group_rules;
mod group_send;
mod group_settings;
mod history;
mod inbox;
mod keys;
mod ledger;
mod letter;
mod link;
mod link_code;
mod login;
mod media;
mod message_fault;
mod messages;
mod mex;
mod noise;
mod pairing;
mod phone;
mod presence;
mod profile;
mod queries;
mod receipts;
mod restriction;
mod retries;
mod rules;
mod sender_key;
mod settings;
mod signal;
mod simulator;
mod stanza;
mod stats;
mod summary;
mod timer;
mod token;
mod unlink;
mod usync;
mod world;

pub use app_state::Starred;
pub use fault::{Fault, HandshakeMode, LoginFailure};
pub use group::{Addressing, GroupInfo, Rank};
pub use group_receipt::ReceiptKind;
pub use history::{History, HistoryChat};
pub use inbox::InboxMessage;
pub use ledger::{Outcome, SentMessage, Verdict};
pub use media::{
    DeclaredFile, FileInfo, FileKind, FileVerdict, MediaFault, MediaOperation, MediaRequest, MediaStats, NewFile,
    OpenedFile, OpusFacts, PlannedFault, ReuploadAnswer, Reuploads, SidecarVerdict, Thumbnail, VideoFacts,
};
pub use message_fault::MessageFault;
pub use phone::{DeviceInfo, LinkError, Phone};
pub use restriction::{NewChatCap, Restrictions, Timelock, TokenRule};
pub use retries::RetryRequest;
pub use settings::Settings;
pub use simulator::Simulator;
pub use stats::Stats;
pub use summary::{Album, Card, EventAnswer, EventInfo, LinkPreview, Pin, Place, Poll, Quoted, Summary, Target};
