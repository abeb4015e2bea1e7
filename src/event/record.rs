//! Events as they are kept, and which of them are meant.

use std::sync::Arc;

use entity::ids::{EventId, SessionId};
use entity::timestamp::Timestamp;
use entity::words::event::EventType;

use crate::event::file::MessageFile;
use crate::event::index::{IndexedMessage, MessageKey};
use crate::event::timer::ChatTimer;
use crate::event::vote::CastVote;

/// An event as it is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct EventRow {
    /// Its place among the events of all sessions.
    pub position: i64,
    /// Its id.
    pub id: EventId,
    /// The session on which it happened.
    pub session_id: SessionId,
    /// Its place among the events of its session.
    pub sequence: i64,
    /// What happened.
    pub event_type: EventType,
    /// When.
    pub created_at: Timestamp,
    /// All about it: a JSON object.
    pub body: Arc<str>,
}

impl std::fmt::Debug for EventRow {
    /// The body stays out of every log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "EventRow({} {} #{})", self.session_id, self.event_type, self.sequence)
    }
}

/// An event that is about to be written.
pub(super) struct PositionedEvent {
    /// All but its sequence.
    pub(super) row: EventRow,
    /// What it is recognised by, if it is a message.
    pub(super) message: Option<MessageKey>,
    /// Its file, if it is a message that has one.
    pub(super) file: Option<MessageFile>,
    /// What is written of the message beside it.
    pub(super) indexed: Option<IndexedMessage>,
    /// What it tells of its chat's timer.
    pub(super) timer: Option<ChatTimer>,
    /// The vote that it tells of.
    pub(super) vote: Option<CastVote>,
    /// How many events of the same session are written behind it.
    pub(super) behind: i64,
}

impl PositionedEvent {
    /// The file that is written beside it.
    pub(super) fn filed(&self) -> Option<(&MessageKey, &MessageFile, Timestamp)> {
        Some((self.message.as_ref()?, self.file.as_ref()?, self.row.created_at))
    }

    /// What is written of the message beside it.
    pub(super) fn index(&self) -> Option<(&IndexedMessage, &EventRow)> {
        Some((self.indexed.as_ref()?, &self.row))
    }

    /// What it tells of a timer, and the session on which it does.
    pub(super) fn timer(&self) -> Option<(&SessionId, &ChatTimer)> {
        Some((&self.row.session_id, self.timer.as_ref()?))
    }

    /// The vote that it tells of.
    pub(super) fn vote(&self) -> Option<(&EventRow, &CastVote)> {
        Some((&self.row, self.vote.as_ref()?))
    }
}

/// What to do about messages that the journal has already, messages that come twice at once, and events of a deleted session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Duplicates {
    /// Assume that there are none, and fail if there are: there hardly ever are.
    Unlikely,
    /// Look for them, and leave them out.
    LookFor,
}

/// Which events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Only those of these sessions.
    pub sessions: Option<Vec<SessionId>>,
    /// Only those of these types.
    pub types: Option<Vec<EventType>>,
    /// Only those that happened then.
    pub span: Span,
}

/// A time: from its first moment, up to the moment after its last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// None is since ever.
    pub from: Option<Timestamp>,
    /// None is for ever.
    pub to: Option<Timestamp>,
}

impl Selection {
    /// Whether this event, which has just happened, is one of them.
    pub fn has(&self, event: &EventRow) -> bool {
        self.includes(&event.session_id, event.event_type)
    }

    /// Whether events of this type on this session are among them.
    pub fn includes(&self, session: &SessionId, event: EventType) -> bool {
        self.sessions.as_ref().is_none_or(|sessions| sessions.contains(session))
            && self.types.as_ref().is_none_or(|types| types.contains(&event))
    }
}
