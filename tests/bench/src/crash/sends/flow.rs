//! What clients post while the server comes and goes: from every session to every phone, one text after the other, with pauses
//! of any length.
//!
//! Each text says which one of its chat it is, and the client calls the message the same. A client that gets no answer either
//! asks again with the same reference until it has one, or leaves it at that and goes on: whether the message was accepted is
//! then to be seen at the end. Some ask again although they have an answer.

use std::time::{Duration, Instant};

use anyhow::ensure;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::crash::Crash;
use crate::rest::Rest;
use crate::rest::message::{NewText, Posted};
use crate::seeded_random::SeededRandom;
use crate::world::{sender_number, session_id};

/// Pause before the same is asked again.
const AGAIN_PAUSE: Duration = Duration::from_millis(50);
/// Longest time in which one text is not answered, over several servers.
const ANSWER_LIMIT: Duration = Duration::from_secs(600);
/// How long those clients wait for WhatsApp's answer that do, seconds.
const WAIT_SECONDS: u64 = 20;
/// Of so many texts one is posted again although it was answered.
const ASKED_TWICE: u64 = 8;

/// What one session sent to one phone.
#[derive(Clone, Debug)]
pub(super) struct Lane {
    pub(super) session: String,
    /// The texts, in the order in which they were posted.
    pub(super) intents: Vec<Intent>,
}

/// One text that a client wants to be sent.
#[derive(Clone, Debug, Default)]
pub(super) struct Intent {
    /// The text, and the client's name for the message.
    pub(super) reference: String,
    /// The ids of all answers to it; none if there was no answer.
    pub(super) answers: Vec<String>,
    /// What the server said against it.
    pub(super) refusal: Option<String>,
}

/// Texts that are being posted.
pub(super) struct Flow {
    posting: JoinSet<anyhow::Result<Lane>>,
    stop: CancellationToken,
}

impl Flow {
    /// Lets all clients post, wherever the server is.
    pub(super) fn begin(rest: &watch::Receiver<Rest>, crash: &Crash, seed: u64) -> Self {
        let lanes = (crash.phones * crash.sessions) as u64;
        // Pauses from nothing to twice the usual one.
        let most_micros = 2 * 1_000_000 * lanes / crash.rate;
        let stop = CancellationToken::new();
        let mut posting = JoinSet::new();
        for phone in 0..crash.phones {
            for session in 0..crash.sessions {
                let lane = phone * crash.sessions + session;
                let random = SeededRandom::new(seed, 1 + lane as u64);
                let (session, to) = (session_id(session), sender_number(phone));
                let client = Client { rest: rest.clone(), lane, session, to, random, most_micros };
                posting.spawn(client.post_all(stop.clone()));
            }
        }
        Self { posting, stop }
    }

    /// Stops the clients. Everything that was posted is in the answer.
    pub(super) async fn end(mut self) -> anyhow::Result<Vec<Lane>> {
        self.stop.cancel();
        let mut lanes = Vec::new();
        while let Some(lane) = self.posting.join_next().await {
            lanes.push(lane??);
        }
        Ok(lanes)
    }
}

/// One client, which posts to one chat.
struct Client {
    /// Where the server is now.
    rest: watch::Receiver<Rest>,
    lane: usize,
    session: String,
    to: String,
    random: SeededRandom,
    most_micros: u64,
}

impl Client {
    async fn post_all(mut self, stop: CancellationToken) -> anyhow::Result<Lane> {
        let mut intents = Vec::new();
        loop {
            let pause = Duration::from_micros(self.random.below(self.most_micros));
            // Between two texts only: what became of one that is on its way must be known.
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(pause) => {}
            }
            let reference = format!("{} {}", self.lane, intents.len());
            intents.push(self.post(reference).await?);
        }
        Ok(Lane { session: self.session, intents })
    }

    /// Posts one text until it is answered, or until nobody knows.
    async fn post(&mut self, reference: String) -> anyhow::Result<Intent> {
        let gives_up = self.random.below(2) == 0;
        let wait_seconds = self.random.below(2) * WAIT_SECONDS;
        let wanted = if self.random.below(ASKED_TWICE) == 0 { 2 } else { 1 };
        let mut intent = Intent { reference, ..Intent::default() };
        let deadline = Instant::now() + ANSWER_LIMIT;
        loop {
            let text = intent.reference.as_str();
            let new = NewText { to: &self.to, text, client_reference: text, wait_seconds };
            let rest = self.rest.borrow().clone();
            match rest.post_text(&self.session, &new).await? {
                Posted::Accepted(id) => {
                    intent.answers.push(id);
                    if intent.answers.len() >= wanted {
                        return Ok(intent);
                    }
                }
                Posted::Refused(why) => return Ok(Intent { refusal: Some(why), ..intent }),
                Posted::Unanswered if gives_up => return Ok(intent),
                Posted::Unanswered | Posted::NotTaken => {}
            }
            ensure!(Instant::now() < deadline, "text {} of {} is not answered", intent.reference, self.session);
            tokio::time::sleep(AGAIN_PAUSE).await;
        }
    }
}
