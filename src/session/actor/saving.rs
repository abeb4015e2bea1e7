//! What an actor writes: its state, and what happened. What cannot be written now waits, with all that comes behind it; what
//! can never be written is told and set aside, so that nothing waits for it.

use std::time::Duration;

use entity::timestamp::Timestamp;
use metrics::counter;
use tokio::time::Instant;
use tracing::{error, info, warn};

use crate::error::{Error, Result, chain};
use crate::event::entry::{JournalEntry, NewEvent};
use crate::session::actor::Actor;
use crate::session::machine::Effect;
use crate::session::types::Live;
use crate::session::{projection, store, transition_events};
use crate::whatsapp::report::Report;

/// Wait before what could not be written is written again.
const SAVE_AGAIN: Duration = Duration::from_secs(2);
/// Events of one session that wait for the database, at most.
const UNWRITTEN_MAX: usize = 1024;

impl Actor {
    /// Writes the new state and shows it.
    pub(super) async fn show(&mut self, effects: &[Effect], now: Timestamp) {
        let before = self.handle.present();
        let live = projection::next(&before, &self.state, effects, self.pairing.phone_number(), now);
        if (live.status, live.reason) != (before.status, before.reason) {
            let id = self.handle.id();
            info!(session.id = %id, status = %live.status, reason = %live.reason, "session {id} is {}", live.status);
        }
        if live == before {
            return;
        }
        // A stopping server's word is void at its next start, so it is not written.
        let happened = transition_events::between(&before, &live);
        let is_durable =
            (!happened.is_empty() || projection::durable(&live) != projection::durable(&before)) && !self.is_stopping();
        if is_durable {
            self.save(Some(live.clone()), happened.into_iter().map(Report::from).collect()).await;
        }
        let is_written = is_durable && self.unwritten.again_at.is_none() && !self.unwritten.is_state_aside;
        if let Some(code) = live.pair_code.as_ref().filter(|_| before.pair_code != live.pair_code) {
            self.pairing.succeed(code);
        }
        self.handle.publish(live, is_written.then_some(now));
    }

    /// Writes what the connection reports.
    pub(super) async fn report(&mut self, mut reports: Vec<Report>) {
        if let Some(connection) = self.connection.clone() {
            connection.complete(&mut reports).await;
        }
        self.save(None, reports).await;
    }

    /// The last attempt, before the server stops.
    pub(super) async fn save_the_rest(&mut self) {
        if !self.unwritten.events.is_empty() {
            self.save(None, Vec::new()).await;
        }
    }

    /// A state that cannot be written is shown all the same: it is true. It is written, and what happened with it, as soon
    /// as that works.
    pub(super) async fn save(&mut self, live: Option<Live>, happened: Vec<Report>) {
        let (id, now) = (self.handle.id().clone(), self.deps.clock.now());
        let demand = self.deps.journal.demand();
        let kept = happened.iter().filter(|report| demand.is_wanted(&id, report.body.event_type()));
        let new_events: Vec<_> = kept.filter_map(|report| report.new_event(id.clone(), now).ok()).collect();
        self.unwritten.events.extend(new_events);
        if live.is_none() && self.unwritten.events.is_empty() {
            return;
        }
        // What waits already is written first. A server that stops does not wait.
        if live.is_none() && self.unwritten.again_at.is_some() && !self.is_stopping() {
            return;
        }
        let written = match self.write(live.clone(), self.unwritten.events.clone()).await {
            Err(error) if store::is_final(&error) => self.write_singly(live, error).await,
            Ok(()) => {
                self.unwritten.events.clear();
                self.unwritten.is_state_aside &= live.is_none();
                Ok(())
            }
            Err(error) => Err(error),
        };
        self.unwritten.again_at = written.err().map(|error| {
            warn!(session.id = %id, error = chain(&error), "the state of session {id} could not be written");
            self.drop_excess();
            Instant::now() + SAVE_AGAIN
        });
    }

    async fn write(&self, live: Option<Live>, events: Vec<NewEvent>) -> Result<()> {
        let write = live.map(|live| store::state_write(self.handle.id(), live, self.deps.clock.now()));
        self.deps.journal.write(JournalEntry { events, write, ..JournalEntry::default() }).await
    }

    /// Something of it can never be written. Each event is written by itself, in order, and then the state; what is refused
    /// is told and set aside.
    async fn write_singly(&mut self, live: Option<Live>, refusal: Error) -> Result<()> {
        let id = self.handle.id().clone();
        let (mut done, mut outcome) = (0, Ok(()));
        for event in self.unwritten.events.clone() {
            match self.write(None, vec![event]).await {
                Ok(()) => {}
                Err(error) if store::is_final(&error) => {
                    error!(session.id = %id, error = last(&error), "an event of session {id} can never be written");
                }
                Err(error) => {
                    outcome = Err(error);
                    break;
                }
            }
            done += 1;
        }
        self.unwritten.events.drain(..done);
        outcome?;
        let Some(live) = live else { return Ok(()) };
        match self.write(Some(live), Vec::new()).await {
            Err(error) if store::is_final(&error) => {
                if !std::mem::replace(&mut self.unwritten.is_state_aside, true) {
                    counter!("waypost_set_aside_total", "what" => "state").increment(1);
                    error!(session.id = %id, error = last(&refusal), "the state of session {id} can never be written");
                }
                Ok(())
            }
            Ok(()) => {
                self.unwritten.is_state_aside = false;
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn drop_excess(&mut self) {
        let excess = self.unwritten.events.len().saturating_sub(UNWRITTEN_MAX);
        if excess > 0 {
            let id = self.handle.id();
            self.unwritten.events.drain(..excess);
            warn!(session.id = %id, "{excess} events of session {id} are lost: too many wait to be written");
        }
    }

    fn is_stopping(&self) -> bool {
        self.deps.lifecycle.sessions().is_cancelled()
    }
}

/// The cause of all causes: the database works, and says what is wrong with the value.
fn last(error: &Error) -> String {
    let causes = std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
    causes.last().map(ToString::to_string).unwrap_or_default()
}
