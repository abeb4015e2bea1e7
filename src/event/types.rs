//! What the journal gives: one struct per thing, for every door.

use std::collections::BTreeSet;

use async_graphql::{ComplexObject, ID, SimpleObject};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use entity::ids::{EventId, SessionId};
use entity::long::Long;
use entity::timestamp::Timestamp;
use entity::words::event::EventType;
use poem_openapi::Object;
use serde::Serialize;

use crate::error::{Error, ErrorKind, Result};
use crate::event::body::EventBody;
use crate::event::record::EventRow;

/// Something that happened on a session.
#[derive(Clone, Debug, PartialEq, Object, SimpleObject, Serialize)]
#[oai(example)]
#[graphql(complex)]
pub struct Event {
    /// Generated id, sortable. The same in the journal, in streams and as `webhook-id`.
    #[graphql(skip)]
    pub id: EventId,
    /// Id of the session on which it happened.
    #[graphql(skip)]
    pub session_id: SessionId,
    /// What happened.
    pub event: EventType,
    /// When it was written down.
    pub timestamp: Timestamp,
    /// Its place among the events of its session: from 1, without gaps. It goes on from there when a session with the id of a
    /// deleted one is created.
    #[graphql(skip)]
    pub sequence: i64,
    /// All about it. Its shape belongs to `event`.
    pub data: EventBody,
}

#[ComplexObject]
impl Event {
    /// Generated id, sortable. The same in the journal, in streams and as `webhook-id`.
    pub(crate) async fn id(&self) -> ID {
        ID(self.id.to_string())
    }

    /// Id of the session on which it happened.
    async fn session_id(&self) -> ID {
        ID(self.session_id.to_string())
    }

    /// Its place among the events of its session: from 1, without gaps. It goes on from there when a session with the id of a
    /// deleted one is created.
    async fn sequence(&self) -> Long {
        Long(self.sequence)
    }
}

/// The body of an event is not what its type says. Names the place alone: what is written there stays out of every log.
#[derive(Debug, thiserror::Error)]
#[error("its body is not of its type's shape, at column {column}")]
pub struct Unreadable {
    column: usize,
}

impl TryFrom<&EventRow> for Event {
    type Error = Unreadable;

    fn try_from(row: &EventRow) -> Result<Self, Unreadable> {
        let EventRow { position: _, id, session_id, sequence, event_type, created_at, body } = row;
        let data = EventBody::parse(*event_type, body).map_err(|error| Unreadable { column: error.column() })?;
        Ok(Self {
            id: id.clone(),
            session_id: session_id.clone(),
            event: *event_type,
            timestamp: *created_at,
            sequence: *sequence,
            data,
        })
    }
}

/// A part of the journal, oldest first.
#[derive(Clone, Debug, PartialEq, Object, Serialize)]
#[oai(example)]
pub struct EventPage {
    /// The events.
    pub events: Vec<Event>,
    /// Where to read on, at once or later: also when nothing was found.
    pub next_cursor: String,
}

/// Most ids, or words, that a filter may name: as many as a key may.
const NAMED_MAX: usize = 1_000;

/// Which events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Only those of these sessions; all when empty.
    pub sessions: Vec<SessionId>,
    /// Only those of these types; all when empty.
    pub types: Vec<EventType>,
}

impl EventFilter {
    /// Reads ids and words that are separated by commas.
    ///
    /// # Errors
    /// `Invalid`: what is no id, or a word that no event has.
    pub fn parse(sessions: Option<&str>, words: Option<&str>) -> Result<Self> {
        let parts = |text: Option<&str>| -> Vec<String> {
            text.into_iter().flat_map(|text| text.split(',')).map(str::trim).map(str::to_owned).collect()
        };
        let ids = parts(sessions);
        let sessions = self::sessions("session", ids.iter().map(String::as_str))?;
        Ok(Self { sessions, types: types("type", parts(words))? })
    }
}

/// Ids of sessions, each once, whether there are such sessions or not.
///
/// # Errors
/// `Invalid`: what is no id, or more than 1,000.
pub fn sessions<'a>(field: &str, ids: impl ExactSizeIterator<Item = &'a str>) -> Result<Vec<SessionId>> {
    few(field, ids.len(), "sessions")?;
    let read = |id: &str| {
        let shown: String = id.chars().take(40).collect();
        SessionId::parse(id).map_err(|_| Error::invalid(field, format!("has `{shown}`, which is no id of a session")))
    };
    Ok(ids.map(read).collect::<Result<BTreeSet<_>>>()?.into_iter().collect())
}

/// Words of events, each once.
///
/// # Errors
/// `Invalid`: a word that no event has, and the detail lists the known ones; or more than 1,000.
pub fn types(field: &str, words: Vec<String>) -> Result<Vec<EventType>> {
    few(field, words.len(), "events")?;
    let read = |word: &String| EventType::parse(word).ok_or_else(|| unknown_event(field, word));
    distinct_types(field, words.iter().map(read).collect::<Result<_>>()?)
}

/// Types of events, each once.
///
/// # Errors
/// `Invalid`: more than 1,000.
pub fn distinct_types(field: &str, types: Vec<EventType>) -> Result<Vec<EventType>> {
    few(field, types.len(), "events")?;
    let mut distinct = Vec::new();
    for event in types {
        if !distinct.contains(&event) {
            distinct.push(event);
        }
    }
    Ok(distinct)
}

/// A database takes a limited number of values in one statement, and a filter lives as long as a subscription.
fn few(field: &str, count: usize, what: &str) -> Result<()> {
    match count > NAMED_MAX {
        true => Err(Error::invalid(field, format!("must name at most {NAMED_MAX} {what}"))),
        false => Ok(()),
    }
}

/// Whether an event has a code with which a phone can be linked. Only who may pair gets those.
pub const fn is_code(event: EventType) -> bool {
    matches!(event, EventType::QrCode | EventType::PairCode)
}

fn unknown_event(field: &str, word: &str) -> Error {
    let known: Vec<_> = EventType::ALL.iter().map(|event| event.as_str()).collect();
    let shown: String = word.chars().take(40).collect();
    Error::invalid(field, format!("has the unknown event `{shown}`; the known ones are: {}", known.join(", ")))
}

/// How many events a page has at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageSize(u32);

impl PageSize {
    /// Largest page.
    pub const MAX: u32 = 1_000;

    /// A size that keeps the rule.
    ///
    /// # Errors
    /// `PageSizeLimit`, with the field.
    pub fn new(field: &str, size: u32) -> Result<Self> {
        if !(1..=Self::MAX).contains(&size) {
            return Err(Error::about(ErrorKind::PageSizeLimit, field, format!("must be from 1 to {}", Self::MAX)));
        }
        Ok(Self(size))
    }

    /// So many events.
    pub const fn events(self) -> usize {
        self.0 as usize
    }
}

/// A part of the journal, oldest first, with its places.
#[derive(Clone, Debug, PartialEq)]
pub struct EventSlice {
    /// The events that can be read.
    pub events: Vec<EventWithCursor>,
    /// Where to read on. Behind the last event, or behind all that there was when there is no more.
    pub next: Cursor,
    /// Whether there is more behind it.
    pub has_next: bool,
}

/// An event with the place behind it.
#[derive(Clone, Debug, PartialEq)]
pub struct EventWithCursor {
    /// The event.
    pub event: Event,
    /// The place behind it.
    pub cursor: Cursor,
}

/// A place in the journal: right behind an event, or behind a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    position: i64,
    /// Up to here events were dropped when the list began that this place is in: that they are missing is no news. Zero
    /// unless it lies behind the position, where there is only what deliveries still need.
    dropped: i64,
}

impl Cursor {
    /// The place behind this position.
    pub const fn behind(position: i64) -> Self {
        Self { position, dropped: 0 }
    }

    /// A place before everything that happened from this moment on: a position is no less than the microsecond in which it
    /// happened. It may be far more, where the clock was set back; then it goes on from the position before.
    pub fn before(moment: Timestamp) -> Self {
        Self::behind(moment.millis().saturating_mul(1000).saturating_sub(1))
    }

    /// The place before everything that is kept, when events up to `dropped` were dropped.
    pub const fn oldest(dropped: i64) -> Self {
        Self { position: 0, dropped }
    }

    /// The place behind this position, in the same list.
    pub const fn at(self, position: i64) -> Self {
        Self { position, dropped: if self.dropped > position { self.dropped } else { 0 } }
    }

    /// The last position before this place.
    pub const fn position(self) -> i64 {
        self.position
    }

    /// Whether something behind this place is missing, when events up to `dropped` were dropped.
    pub fn has_lost(self, dropped: i64) -> bool {
        self.position.max(self.dropped) < dropped
    }

    /// Reads what [`Display`](std::fmt::Display) wrote.
    ///
    /// # Errors
    /// `Invalid`, with the field.
    pub fn parse(field: &str, text: &str) -> Result<Self> {
        let refused = || Error::invalid(field, "must be a cursor that a list of events gave");
        Self::read(text).ok_or_else(refused)
    }

    fn read(text: &str) -> Option<Self> {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let places = text.strip_prefix("e:")?;
        let (position, dropped) = places.split_once(':').unwrap_or((places, "0"));
        // No event has a place before the first one.
        let place = |text: &str| text.parse::<i64>().ok().filter(|place| *place >= 0);
        Some(Self::oldest(place(dropped)?).at(place(position)?))
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { position, dropped } = self;
        let text = if *dropped == 0 { format!("e:{position}") } else { format!("e:{position}:{dropped}") };
        f.write_str(&URL_SAFE_NO_PAD.encode(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_as_itself_and_nothing_else_is_one() {
        for position in [0, 1, i64::MAX] {
            let list = Cursor::oldest(5);
            for cursor in [Cursor::behind(position), list.at(position)] {
                assert_eq!(Cursor::parse("after", &cursor.to_string()).expect("it is one"), cursor);
            }
        }
        for other in
            ["", "ZTotNQ", "ZTo1Oi01", "ZTotOTIyMzM3MjAzNjg1NDc3NTgwOA", "ZTo", "MTI", "!", "12", "ZTo1Og", "ZTo6NQ"]
        {
            assert_eq!(
                Cursor::parse("after", other).expect_err(other).to_string(),
                "`after` must be a cursor that a list of events gave"
            );
        }
    }

    #[test]
    fn what_was_dropped_before_a_list_began_is_not_lost_to_who_reads_it() {
        let list = Cursor::oldest(5);
        assert!(!list.has_lost(5) && !list.at(3).has_lost(5) && !list.at(7).has_lost(7));
        assert!(list.has_lost(6) && list.at(3).has_lost(6) && list.at(7).has_lost(8));
        assert!(Cursor::behind(3).has_lost(5), "it may have been before the ones that were dropped");
        assert_eq!(list.at(5), Cursor::behind(5));
    }
}
