//! What was sent, what is in the journal and what came to the receiver, compared. Pure.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::Serialize;

use crate::crash::flow::Lane;
use crate::receiver::ledger::Report as Received;
use crate::rest::Event;

/// Types that are not delivered any more once they have expired.
const EXPIRING: [&str; 2] = ["qr_code", "pair_code"];
/// Ids that are named of each kind of failure.
const NAMED: usize = 10;

/// Everything that there is to compare.
#[derive(Debug)]
pub(super) struct Evidence {
    pub(super) lanes: Vec<Lane>,
    /// Each session's events, as the journal shows them.
    pub(super) journals: BTreeMap<String, Vec<Event>>,
    /// Each session's sequences and ids, in the order of their first arrival.
    pub(super) arrivals: BTreeMap<String, Vec<(u64, String)>>,
    pub(super) received: Received,
}

/// What came of the comparison.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Verdict {
    /// Messages that the phones sent.
    pub(super) sent: usize,
    /// Of these, in the journal.
    pub(super) journaled: usize,
    /// Events of any type in the journal.
    pub(super) events: usize,
    /// Of these, at the receiver.
    pub(super) delivered: usize,
    /// Posts of an event that had come before, with the same id: allowed, and counted.
    pub(super) duplicates: u64,
    /// Messages that were sent and are not in the journal.
    pub(super) lost: usize,
    /// Messages that are in the journal more than once.
    pub(super) journaled_again: usize,
    /// Messages in the journal that no phone sent to that session.
    pub(super) strangers: usize,
    /// Events of another session, or whose sequence is not the one after the last.
    pub(super) gaps: usize,
    /// Messages that are in the journal behind a later one of the same phone.
    pub(super) overtaken: usize,
    /// Events in the journal that are not at the receiver, and could be expected there.
    pub(super) undelivered: usize,
    /// All that are not there, by type.
    pub(super) undelivered_by_type: BTreeMap<String, usize>,
    /// First arrivals behind one with a higher sequence of the same session.
    pub(super) out_of_order: usize,
    /// Arrivals under another id than in the journal, or without being there.
    pub(super) relabelled: usize,
    /// Posts that are no event, or whose header names another one.
    pub(super) malformed: u64,
    /// Some ids of what went wrong.
    pub(super) examples: Vec<String>,
}

impl Verdict {
    /// Compares.
    pub(super) fn of(evidence: &Evidence) -> Self {
        let Received { duplicates, relabelled, malformed, .. } = evidence.received;
        let mut verdict = Self { duplicates, malformed, relabelled: relabelled as usize, ..Self::default() };
        for (session, journal) in &evidence.journals {
            let lanes: Vec<&Lane> = evidence.lanes.iter().filter(|lane| lane.session == *session).collect();
            verdict.compare_sent(&lanes, journal);
            verdict.count_gaps(session, journal);
            let none = Vec::new();
            verdict.compare_arrivals(journal, evidence.arrivals.get(session).unwrap_or(&none));
        }
        verdict
    }

    /// True if everything is where it should be in the end, whatever else is wrong.
    pub(super) fn has_arrived(&self) -> bool {
        self.lost == 0 && self.undelivered == 0
    }

    /// True if nothing is wrong. Being overtaken is not always wrong, and is judged with the simulator's counters.
    pub(super) fn is_clean(&self) -> bool {
        let Self { lost, journaled_again, strangers, gaps, undelivered, out_of_order, relabelled, malformed, .. } =
            *self;
        lost + journaled_again + strangers + gaps + undelivered + out_of_order + relabelled == 0 && malformed == 0
    }

    fn compare_sent(&mut self, lanes: &[&Lane], journal: &[Event]) {
        // Each message: its lane and its place there.
        let mut sent: HashMap<&str, (usize, usize)> = HashMap::new();
        for (lane, ids) in lanes.iter().map(|lane| &lane.message_ids).enumerate() {
            sent.extend(ids.iter().enumerate().map(|(place, id)| (id.as_str(), (lane, place))));
        }
        self.sent += sent.len();
        let mut seen = HashSet::new();
        let mut latest: HashMap<usize, usize> = HashMap::new();
        for event in journal.iter().filter(|event| event.event == "message") {
            let id = event.data["message_id"].as_str().unwrap_or_default();
            let Some(&(lane, place)) = sent.get(id) else {
                self.strangers += 1;
                self.name("stranger", &event.id);
                continue;
            };
            if !seen.insert(id) {
                self.journaled_again += 1;
                self.name("journaled again", &event.id);
                continue;
            }
            let latest = latest.entry(lane).or_default();
            if place < *latest {
                self.overtaken += 1;
                self.name("overtaken", &event.id);
            }
            *latest = place.max(*latest);
        }
        self.journaled += seen.len();
        self.lost += sent.len() - seen.len();
        for id in sent.keys().filter(|id| !seen.contains(*id)).take(NAMED) {
            self.name("lost", id);
        }
    }

    fn count_gaps(&mut self, session: &str, journal: &[Event]) {
        for (expected, event) in (1..).zip(journal) {
            if event.sequence != expected || event.session_id != session {
                self.gaps += 1;
                self.name("gap", &event.id);
            }
        }
    }

    fn compare_arrivals(&mut self, journal: &[Event], arrivals: &[(u64, String)]) {
        self.events += journal.len();
        let known: HashMap<u64, &Event> = journal.iter().map(|event| (event.sequence, event)).collect();
        let newest = journal.last().map_or(0, |event| event.sequence);
        let (mut arrived, mut highest) = (HashSet::new(), 0);
        for (sequence, id) in arrivals {
            // What was written down after the journal was read is looked at the next time.
            if *sequence > newest {
                continue;
            }
            if known.get(sequence).is_none_or(|event| event.id != *id) {
                self.relabelled += 1;
                self.name("relabelled", id);
            }
            if *sequence < highest {
                self.out_of_order += 1;
                self.name("out of order", id);
            }
            highest = highest.max(*sequence);
            arrived.insert(*sequence);
        }
        self.delivered += arrived.len();
        for event in journal.iter().filter(|event| !arrived.contains(&event.sequence)) {
            *self.undelivered_by_type.entry(event.event.clone()).or_default() += 1;
            if !EXPIRING.contains(&event.event.as_str()) {
                self.undelivered += 1;
                self.name("undelivered", &event.id);
            }
        }
    }

    fn name(&mut self, what: &str, id: &str) {
        if self.examples.iter().filter(|example| example.starts_with(what)).count() < NAMED {
            self.examples.push(format!("{what}: {id}"));
        }
    }
}

#[cfg(test)]
mod tests;
