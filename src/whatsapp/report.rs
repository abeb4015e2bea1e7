//! What a client reports beside its signals: what is written to the journal.

use entity::ids::SessionId;
use entity::timestamp::Timestamp;

use crate::error::Result;
use crate::event::body::EventBody;
use crate::event::entry::NewEvent;
use crate::event::file::MessageFile;
use crate::event::index::{IndexedMessage, MessageKey};
use crate::event::timer::ChatTimer;
use crate::event::vote::CastVote;
use crate::whatsapp::device_store::unflushed::HeldMessage;

/// What happened, beside what changes the session's state.
#[derive(Debug)]
pub struct Report {
    /// What.
    pub body: EventBody,
    /// For messages: what one is recognised by when it comes again.
    pub message: Option<MessageKey>,
    /// For messages that have one: the file, which no event shows.
    pub file: Option<MessageFile>,
    /// For messages: what is written of it for what refers to it later.
    pub indexed: Option<IndexedMessage>,
    /// What it tells of its chat's timer.
    pub timer: Option<ChatTimer>,
    /// For votes in polls that are known: what is counted.
    pub vote: Option<CastVote>,
    /// For polls and votes: what is sealed in them.
    pub(in crate::whatsapp) poll: Option<PollSeal>,
}

/// What is sealed in a message about a poll or an appointment.
pub(in crate::whatsapp) enum PollSeal {
    /// With what the votes in a poll, or the answers to an appointment, are sealed.
    Secret(Vec<u8>),
    /// A vote.
    Vote(SealedVote),
    /// Whether somebody comes to an appointment.
    Attendance(SealedVote),
}

/// A vote, or another answer, as it came.
pub(in crate::whatsapp) struct SealedVote {
    pub(in crate::whatsapp) payload: Vec<u8>,
    pub(in crate::whatsapp) iv: Vec<u8>,
}

impl std::fmt::Debug for PollSeal {
    /// Only what it is.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Secret(_) => "Secret",
            Self::Vote(_) => "Vote",
            Self::Attendance(_) => "Attendance",
        })
    }
}

impl From<EventBody> for Report {
    fn from(body: EventBody) -> Self {
        let timer = group_timer(&body);
        Self { body, message: None, file: None, indexed: None, timer, vote: None, poll: None }
    }
}

/// The timer of a group that was changed.
fn group_timer(body: &EventBody) -> Option<ChatTimer> {
    let EventBody::GroupUpdate(update) = body else { return None };
    let seconds = i32::try_from(update.ephemeral_seconds?).ok()?;
    Some(ChatTimer { chat: update.group.clone(), seconds, set_at: update.timestamp })
}

impl Report {
    /// What is written to the journal about it.
    ///
    /// # Errors
    /// `Internal`: the body cannot be written as JSON, which no body does.
    pub fn new_event(&self, session: SessionId, now: Timestamp) -> Result<NewEvent> {
        let (message, file, indexed) = (self.message.clone(), self.file.clone(), self.indexed.clone());
        let (timer, vote) = (self.timer.clone(), self.vote.clone());
        Ok(NewEvent { message, file, indexed, timer, vote, ..NewEvent::new(session, &self.body, now)? })
    }
}

/// Something to be written when its turn has come.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) report: Report,
    /// For messages that WhatsApp brings again until they are acknowledged: no frame leaves before this one is brought.
    pub(super) held: Option<HeldMessage>,
}

impl From<Report> for Item {
    fn from(report: Report) -> Self {
        Self { report, held: None }
    }
}
