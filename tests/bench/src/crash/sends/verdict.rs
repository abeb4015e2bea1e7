//! What clients posted, what the server says of it, and what the simulator has, compared. Pure.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde::Serialize;

use crate::crash::sends::flow::{Intent, Lane};
use crate::rest::message::{OPEN, SentMessage, ShownMessage};
use crate::sends::book::Book;

/// Ids that are named of each kind of failure.
const NAMED: usize = 10;
/// The code of a message of which nobody knows whether it arrived.
const IN_DOUBT: &str = "unconfirmed";

/// Everything that there is to compare.
#[derive(Debug)]
pub(super) struct Evidence {
    pub(super) lanes: Vec<Lane>,
    /// What the server says of each session's messages.
    pub(super) shown: BTreeMap<String, Vec<ShownMessage>>,
    /// What the simulator has of each session.
    pub(super) sent: BTreeMap<String, Vec<SentMessage>>,
    /// The ids of all messages that the phones have.
    pub(super) arrived: HashSet<String>,
}

/// What came of the comparison.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Verdict {
    /// Texts that clients posted.
    pub(super) posted: usize,
    /// Of these, the ones that were answered with an id.
    pub(super) answered: usize,
    /// Of those without an answer, the ones that the server has.
    pub(super) found: usize,
    /// What was accepted: answered, or found.
    pub(super) accepted: usize,
    /// Messages that the server says WhatsApp has.
    pub(super) sent: usize,
    /// Of these, the ones that a phone has, as the server says.
    pub(super) delivered: usize,
    /// Messages that have failed, since nobody knows whether they arrived. That is true whatever became of them.
    pub(super) in_doubt: usize,
    /// Messages that have failed for another reason, or were refused when they were posted.
    pub(super) failed: usize,
    /// Messages, copies and their order at the simulator.
    pub(super) book: Book,
    /// Messages that were accepted and the server does not have, that it says were sent and were not, or that it still
    /// means to send.
    pub(super) lost: usize,
    /// Messages that the simulator has and the server calls failed, or does not have; or delivered ones that no phone has.
    pub(super) untrue: usize,
    /// Texts that went under two ids, anywhere.
    pub(super) two_ids: usize,
    /// Messages that the simulator took and that the phone cannot read.
    pub(super) unread: usize,
    /// Some ids of what went wrong.
    pub(super) examples: Vec<String>,
}

/// What there is of one text, by its client's name for it.
#[derive(Default)]
struct Found<'a> {
    shown: Vec<&'a ShownMessage>,
    /// Messages of the simulator with this text.
    sent: Vec<&'a SentMessage>,
}

impl Verdict {
    /// Compares.
    pub(super) fn of(evidence: &Evidence) -> Self {
        let mut verdict = Self::default();
        let (no_messages, nothing_sent) = (Vec::new(), Vec::new());
        let sessions: BTreeSet<&String> = evidence.lanes.iter().map(|lane| &lane.session).collect();
        for session in sessions {
            let shown = evidence.shown.get(session).unwrap_or(&no_messages);
            let sent = evidence.sent.get(session).unwrap_or(&nothing_sent);
            verdict.add_book(sent);
            let mut found: HashMap<&str, Found<'_>> = HashMap::new();
            for message in shown {
                let Some(reference) = &message.client_reference else { continue };
                found.entry(reference).or_default().shown.push(message);
            }
            let taken: HashMap<&str, &SentMessage> =
                sent.iter().map(|message| (message.id.as_str(), message)).collect();
            for message in sent {
                let Some(text) = message.text() else { continue };
                found.entry(text).or_default().sent.push(message);
            }
            let lanes = evidence.lanes.iter().filter(|lane| lane.session == *session);
            for intent in lanes.flat_map(|lane| &lane.intents) {
                let found = found.remove(intent.reference.as_str()).unwrap_or_default();
                verdict.compare(intent, &found, &taken);
            }
            for stranger in found.keys() {
                verdict.untrue += 1;
                verdict.name("stranger", stranger);
            }
            let unread = sent.iter().filter(|message| message.is_taken && !evidence.arrived.contains(&message.id));
            unread.for_each(|message| verdict.note_unread(message, shown));
        }
        verdict
    }

    /// True if nothing is wrong.
    pub(super) fn is_clean(&self) -> bool {
        let Self { lost, untrue, two_ids, unread, book, .. } = self;
        lost + untrue + two_ids + unread + book.changed + book.out_of_order == 0
    }

    fn add_book(&mut self, sent: &[SentMessage]) {
        let Book { taken, repeated, changed, out_of_order } = Book::of(sent);
        self.book.taken += taken;
        self.book.repeated += repeated;
        self.book.changed += changed;
        self.book.out_of_order += out_of_order;
        for message in sent.iter().filter(|message| message.contents > 1) {
            self.name("changed", &message.id);
        }
    }

    fn compare(&mut self, intent: &Intent, found: &Found<'_>, taken: &HashMap<&str, &SentMessage>) {
        self.posted += 1;
        self.answered += usize::from(!intent.answers.is_empty());
        if let Some(why) = &intent.refusal {
            self.failed += usize::from(found.shown.is_empty());
            self.name("refused", &format!("{}: {why}", intent.reference));
        }
        let shown = found.shown.iter().map(|message| message.id.as_str());
        let sent = found.sent.iter().map(|message| message.id.as_str());
        let ids: BTreeSet<&str> = intent.answers.iter().map(String::as_str).chain(shown).chain(sent).collect();
        if ids.len() > 1 {
            self.two_ids += 1;
            self.name("two ids", &intent.reference);
        }
        let Some(message) = found.shown.first() else { return self.compare_unknown(intent, found) };
        self.accepted += 1;
        self.found += usize::from(intent.answers.is_empty());
        let is_taken = taken.get(message.id.as_str()).is_some_and(|sent| sent.is_taken);
        self.compare_state(message, is_taken);
    }

    /// A text that the server knows nothing of.
    fn compare_unknown(&mut self, intent: &Intent, found: &Found<'_>) {
        if !intent.answers.is_empty() {
            self.accepted += 1;
            self.lost += 1;
            self.name("forgotten", &intent.reference);
        } else if found.sent.iter().any(|message| message.is_taken) {
            self.untrue += 1;
            self.name("sent without being accepted", &intent.reference);
        }
    }

    fn compare_state(&mut self, message: &ShownMessage, is_taken: bool) {
        let status = message.status.as_deref().unwrap_or_default();
        let code = message.failed.as_ref().map(|failed| failed.code.as_str());
        match (status, is_taken) {
            ("sent" | "delivered" | "read" | "played", true) => {
                self.sent += 1;
                self.delivered += usize::from(status != "sent");
            }
            ("sent" | "delivered" | "read" | "played", false) => {
                self.lost += 1;
                self.name("not sent", &message.id);
            }
            (status, _) if OPEN.contains(&status) => {
                self.lost += 1;
                self.name(&format!("still {status}"), &message.id);
            }
            _ if code == Some(IN_DOUBT) => {
                self.in_doubt += 1;
                self.name("in doubt", &message.id);
            }
            (status, false) => {
                self.failed += 1;
                self.name(&format!("{status} {}", code.unwrap_or_default()), &message.id);
            }
            (status, true) => {
                self.untrue += 1;
                self.name(&format!("{status}, but sent"), &message.id);
            }
        }
    }

    /// A message that was taken and is in no inbox. The server must not say that it was delivered.
    fn note_unread(&mut self, message: &SentMessage, shown: &[ShownMessage]) {
        self.unread += 1;
        self.name("unread", &message.id);
        let is_delivered = |status: &str| matches!(status, "delivered" | "read" | "played");
        let mut said = shown.iter().filter(|shown| shown.id == message.id);
        if said.any(|shown| shown.status.as_deref().is_some_and(is_delivered)) {
            self.untrue += 1;
            self.name("delivered, but unread", &message.id);
        }
    }

    fn name(&mut self, what: &str, id: &str) {
        let what = format!("{what}: ");
        if self.examples.iter().filter(|example| example.starts_with(&what)).count() < NAMED {
            self.examples.push(format!("{what}{id}"));
        }
    }
}

#[cfg(test)]
mod tests;
