//! What a receiver remembers. Per event it keeps its id and its place, about 100 bytes, and no text.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::report::percentile;

/// A post that was accepted.
pub(super) struct Post<'a> {
    /// Its header `webhook-id`.
    pub(super) webhook_id: Option<&'a str>,
    pub(super) body: &'a [u8],
    /// When its head had come, Unix microseconds.
    pub(super) at_micros: u64,
}

/// The event in a post, as far as it matters here.
#[derive(Deserialize)]
struct Event {
    id: String,
    session_id: String,
    sequence: u64,
    #[serde(default)]
    data: Value,
}

/// Everything so far.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    sessions: HashMap<String, Session>,
    refused: u64,
    malformed: u64,
}

#[derive(Debug, Default)]
struct Session {
    /// Each event's id, by its sequence.
    ids: HashMap<u64, Box<str>>,
    /// The sequences in the order of their first arrival.
    arrivals: Vec<u64>,
    highest: u64,
    duplicates: u64,
    out_of_order: u64,
    relabelled: u64,
    /// Microseconds from the moment in the text to the arrival, of first arrivals.
    latencies_micros: Vec<u32>,
    first_micros: Option<u64>,
    last_micros: u64,
}

/// How much has come: cheap to ask for.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Count {
    /// Events, each counted once.
    pub(crate) distinct: u64,
    /// When the first and the last of them came first, Unix microseconds.
    pub(crate) first_micros: u64,
    pub(crate) last_micros: u64,
    /// Requests that are open and get no answer.
    pub(crate) held: u64,
}

/// What has come.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Report {
    /// Posts that were accepted.
    pub(crate) posts: u64,
    /// Posts that were answered with 500.
    pub(crate) refused: u64,
    /// Posts that are no event, or whose `webhook-id` is not the event's id.
    pub(crate) malformed: u64,
    /// Requests that are open and get no answer.
    pub(crate) held: u64,
    /// Events, each counted once.
    pub(crate) distinct: u64,
    /// Posts of an event that had come before, with the same id.
    pub(crate) duplicates: u64,
    /// First arrivals behind an event of the same session with a higher sequence.
    pub(crate) out_of_order: u64,
    /// Posts of a sequence that had come before with another id.
    pub(crate) relabelled: u64,
    /// Milliseconds from the moment in the text to the first arrival.
    pub(crate) latency: Option<Latency>,
    pub(crate) threads: u64,
    pub(crate) sessions: BTreeMap<String, SessionReport>,
}

/// How long texts took.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Latency {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) most: f64,
}

/// What has come of one session.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct SessionReport {
    pub(crate) distinct: u64,
    pub(crate) duplicates: u64,
    pub(crate) out_of_order: u64,
}

impl Latency {
    /// Where nothing came.
    pub(crate) const UNKNOWN: Self = Self { p50: f64::NAN, p99: f64::NAN, most: f64::NAN };

    /// Of microseconds in any order; none of none.
    pub(crate) fn of(micros: &[u32]) -> Option<Self> {
        let mut millis: Vec<f64> = micros.iter().map(|&micros| f64::from(micros) / 1e3).collect();
        millis.sort_by(f64::total_cmp);
        let most = *millis.last()?;
        Some(Self { p50: percentile(&millis, 50.0), p99: percentile(&millis, 99.0), most })
    }
}

impl Ledger {
    /// Remembers a post.
    ///
    /// # Errors
    /// It is no event, or its header names another one.
    pub(super) fn note(&mut self, post: &Post<'_>) -> anyhow::Result<()> {
        let noted = read(post).map(|event| {
            let Event { id, session_id, sequence, data } = event;
            self.sessions.entry(session_id).or_default().note(sequence, id, sent_micros(&data), post.at_micros);
        });
        self.malformed += u64::from(noted.is_err());
        noted
    }

    /// Counts a post that was answered with 500.
    pub(super) fn refuse(&mut self) {
        self.refused += 1;
    }

    /// How much has come.
    pub(super) fn count(&self, except: Option<&str>) -> Count {
        let mut count = Count::default();
        for session in self.all_but(except).map(|(_, session)| session) {
            count.distinct += session.arrivals.len() as u64;
            count.last_micros = count.last_micros.max(session.last_micros);
            let first = session.first_micros.unwrap_or(u64::MAX);
            count.first_micros = if count.first_micros == 0 { first } else { count.first_micros.min(first) };
        }
        count
    }

    /// Everything that can be counted; the caller knows the rest.
    pub(super) fn report(&self, except: Option<&str>) -> Report {
        let mut report = Report { refused: self.refused, malformed: self.malformed, ..Report::default() };
        for (id, session) in self.all_but(except) {
            let distinct = session.arrivals.len() as u64;
            let Session { duplicates, out_of_order, relabelled, .. } = *session;
            report.distinct += distinct;
            report.duplicates += duplicates;
            report.out_of_order += out_of_order;
            report.relabelled += relabelled;
            report.sessions.insert(id.clone(), SessionReport { distinct, duplicates, out_of_order });
        }
        report.posts = report.distinct + report.duplicates + report.relabelled;
        report.latency = Latency::of(&self.latencies(except));
        report
    }

    /// Microseconds that each text took.
    pub(super) fn latencies(&self, except: Option<&str>) -> Vec<u32> {
        self.all_but(except).flat_map(|(_, session)| session.latencies_micros.iter().copied()).collect()
    }

    /// Sequence and id of each event of a session, in the order of first arrivals.
    pub(super) fn arrivals(&self, session: &str) -> Vec<(u64, String)> {
        let Some(session) = self.sessions.get(session) else { return Vec::new() };
        let id = |sequence| session.ids.get(sequence).map(ToString::to_string).unwrap_or_default();
        session.arrivals.iter().map(|sequence| (*sequence, id(sequence))).collect()
    }

    fn all_but<'a>(&'a self, except: Option<&'a str>) -> impl Iterator<Item = (&'a String, &'a Session)> {
        self.sessions.iter().filter(move |(id, _)| Some(id.as_str()) != except)
    }
}

impl Session {
    fn note(&mut self, sequence: u64, id: String, sent_micros: Option<u64>, at_micros: u64) {
        match self.ids.get(&sequence) {
            Some(known) if **known == *id => self.duplicates += 1,
            Some(_) => self.relabelled += 1,
            None => {
                self.ids.insert(sequence, id.into_boxed_str());
                self.arrivals.push(sequence);
                self.out_of_order += u64::from(sequence < self.highest);
                self.highest = self.highest.max(sequence);
                self.first_micros.get_or_insert(at_micros);
                self.last_micros = at_micros;
                if let Some(sent_micros) = sent_micros {
                    let took = at_micros.saturating_sub(sent_micros);
                    self.latencies_micros.push(u32::try_from(took).unwrap_or(u32::MAX));
                }
            }
        }
    }
}

/// The event in a post.
fn read(post: &Post<'_>) -> anyhow::Result<Event> {
    let event: Event = serde_json::from_slice(post.body).context("no event")?;
    ensure!(post.webhook_id == Some(event.id.as_str()), "the header webhook-id is not the event's id");
    Ok(event)
}

/// The moment that the sender wrote at the beginning of the text. Texts that are not measured begin otherwise.
fn sent_micros(data: &Value) -> Option<u64> {
    data["text"].as_str()?.split(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Ledger, Post};

    fn post(ledger: &mut Ledger, sequence: u64, id: &str, text: &str) {
        let body = json!({ "id": id, "session_id": "s", "sequence": sequence, "data": { "text": text } }).to_string();
        let post = Post { webhook_id: Some(id), body: body.as_bytes(), at_micros: 5_000 };
        ledger.note(&post).unwrap();
    }

    #[test]
    fn what_comes_again_is_a_duplicate_and_under_another_id_it_is_relabelled() {
        let mut ledger = Ledger::default();
        for (sequence, id) in [(1, "a"), (3, "c"), (2, "b"), (1, "a"), (2, "x")] {
            post(&mut ledger, sequence, id, "warm-up");
        }
        let report = ledger.report(None);
        assert_eq!((report.posts, report.distinct, report.duplicates, report.relabelled), (5, 3, 1, 1));
        assert_eq!(report.out_of_order, 1);
        let ids: Vec<_> = ledger.arrivals("s").into_iter().map(|(_, id)| id).collect();
        assert_eq!(ids, ["a", "c", "b"]);
        assert!(report.latency.is_none());
        assert_eq!(ledger.report(Some("s")).posts, 0);
    }

    #[test]
    fn the_wait_is_counted_from_the_moment_in_the_text_once() {
        let mut ledger = Ledger::default();
        post(&mut ledger, 1, "a", "3000 1");
        post(&mut ledger, 1, "a", "3000 1");
        assert_eq!(ledger.latencies(None), [2_000]);
        assert_eq!(ledger.report(None).latency.unwrap().p99, 2.0);
        assert_eq!((ledger.count(None).distinct, ledger.count(None).first_micros), (1, 5_000));
    }

    #[test]
    fn a_post_whose_header_names_another_event_is_refused() {
        let mut ledger = Ledger::default();
        let body = br#"{"id":"a","session_id":"s","sequence":1,"data":null}"#;
        assert!(ledger.note(&Post { webhook_id: Some("b"), body, at_micros: 1 }).is_err());
        assert!(ledger.note(&Post { webhook_id: None, body, at_micros: 1 }).is_err());
        assert!(ledger.note(&Post { webhook_id: Some("a"), body: b"{}", at_micros: 1 }).is_err());
        assert_eq!((ledger.report(None).malformed, ledger.report(None).posts), (3, 0));
    }
}
