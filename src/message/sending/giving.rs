//! Gives one message to WhatsApp, and writes what became of it before anything else is sent in its chat.

use std::time::Duration;

use entity::words::outgoing::FailureCode;
use futures::FutureExt as _;
use tokio::sync::oneshot;
use tracing::warn;

use crate::crash;
use crate::error::{ErrorKind, Result};
use crate::message::lookup::recipient::is_group;
use crate::message::sending::group_sending::STALE_GROUP;
use crate::message::sending::outbox::{Outbox, PAUSE, Turn};
use crate::message::sending::transitions::Watched;
use crate::message::store::outgoing::OutgoingRow;
use crate::message::store::refusal::Refusal;
use crate::message::store::transition::{Happening, TRIES, TRIES_WITHOUT_KEYS, is_sent, prevented};
use crate::whatsapp::acks::Ack;
use crate::whatsapp::client::Client;
use crate::whatsapp::operation::message::{NotGiven, Obstacle, OutgoingMessage};

/// How long WhatsApp's answer is waited for until it is in doubt whether the message arrived. It usually takes less than one second.
const ANSWER_LIMIT: Duration = Duration::from_secs(20);
/// How much longer the chat waits for it before its next message is sent: about as long as it takes to find a dead connection.
const DOUBT_LIMIT: Duration = Duration::from_secs(55);
/// Pause after a connection was gone before a message could be given to it: its client is about to end.
const OFFLINE_PAUSE: Duration = Duration::from_secs(1);
/// Pause after WhatsApp says that it cannot serve now.
const BUSY_PAUSE: Duration = Duration::from_secs(30);

/// A message that the socket took.
struct Sent {
    message: OutgoingMessage,
    /// The hash of the devices that it was made for.
    phash: Option<String>,
}

/// What came of waiting for an answer.
enum Answer {
    /// WhatsApp's answer.
    Ack(Ack),
    /// What happened later shows that WhatsApp has it.
    Proof,
    /// None in time.
    None,
}

/// Waits for WhatsApp's answer, or for a receipt, which proves that WhatsApp has the message.
async fn answer(client: &Client, watched: &mut Watched, ack: &mut oneshot::Receiver<Ack>, limit: Duration) -> Answer {
    tokio::select! {
        biased;
        answer = ack => answer.map_or(Answer::None, Answer::Ack),
        Ok(_) = watched.status.wait_for(|status| is_sent(*status)) => Answer::Proof,
        _ = client.ended() => Answer::None,
        () = tokio::time::sleep(limit) => Answer::None,
    }
}

impl Outbox {
    /// Gives a message to WhatsApp that is written to be on its way, and writes what became of it.
    pub(in crate::message) async fn give(
        &self,
        client: &Client,
        row: &OutgoingRow,
        message: OutgoingMessage,
    ) -> Result<Turn> {
        if let Some(turn) = self.give_once(client, row, message.clone()).await? {
            return Ok(turn);
        }
        self.shared.groups.forget(&self.session, &message.recipient);
        let again = OutgoingMessage { is_refreshed: true, ..message };
        let given = self.give_once(client, row, again).await?;
        self.renew_audience(client, row).await;
        Ok(given.unwrap_or(Turn::InDoubt(row.progress.sequence)))
    }

    /// The same, but if WhatsApp calls the members of the message's group otherwise than the library does: then nothing is written, and
    /// there is no turn. That is said once: of a message that is given after the library has asked who they are it is a refusal.
    async fn give_once(&self, client: &Client, row: &OutgoingRow, message: OutgoingMessage) -> Result<Option<Turn>> {
        let now = || self.shared.clock.now();
        // From before it is sent: a receipt may come at any moment after that.
        let mut watched = self.shared.transitions.watch(&self.session, &row.message_id, row.progress.status);
        let given = client.send(&message).await;
        if matches!(given, Ok(_) | Err(NotGiven::Refused(_) | NotGiven::Unknown)) {
            self.shared.preventions.forget(&self.session, &row.message_id);
        }
        let given = match given {
            Ok(given) => given,
            Err(NotGiven::Offline) => {
                let until = now().after(OFFLINE_PAUSE);
                return self.end(row, Happening::NotSent { until }, Turn::Later(until)).await.map(Some);
            }
            Err(NotGiven::RateLimited(pause)) => {
                self.shared.recipients.pause_for(&self.session, pause);
                let until = now().after(pause);
                return self.end(row, Happening::NotSent { until }, Turn::Later(until)).await.map(Some);
            }
            Err(NotGiven::Prevented(obstacle)) => return self.prevented(row, obstacle).await.map(Some),
            Err(NotGiven::Refused(code)) => {
                return self.end(row, Happening::NeverSent { code }, Turn::Done).await.map(Some);
            }
            Err(NotGiven::Unknown) => {
                return self.end(row, Happening::Unanswered, Turn::InDoubt(row.progress.sequence)).await.map(Some);
            }
        };
        crash::point("after_wire");
        if !given.has_recipient {
            // The server has taken the id. The next try would need another one, so there is none.
            let code = FailureCode::RecipientUnreachable;
            return self.end(row, Happening::Refused { code, upstream_code: None }, Turn::Done).await.map(Some);
        }
        let (mut ack, sent) = (given.ack, Sent { message, phash: given.phash });
        match answer(client, &mut watched, &mut ack, ANSWER_LIMIT).await {
            Answer::Ack(answer) => return self.answered(client, row, answer, sent).await,
            Answer::Proof => return Ok(Some(Turn::Done)),
            Answer::None => self.write(row, Happening::Unanswered).await?,
        }
        match answer(client, &mut watched, &mut ack, DOUBT_LIMIT).await {
            Answer::Ack(answer) => self.answered(client, row, answer, sent).await,
            Answer::Proof => Ok(Some(Turn::Done)),
            Answer::None => Ok(Some(Turn::InDoubt(row.progress.sequence))),
        }
    }

    async fn answered(&self, client: &Client, row: &OutgoingRow, answer: Ack, sent: Sent) -> Result<Option<Turn>> {
        crash::point("after_ack");
        let in_group = is_group(&sent.message.recipient);
        let code = match answer {
            Ack::Taken { at, phash } => {
                let lifted = self.shared.restrictions.passed(&self.session, &row.message_id);
                let turn = self.end(row, Happening::Taken { at }, Turn::Done).await?;
                self.lift(lifted).await;
                // Of a person's devices the library sees to that itself.
                if in_group && phash.is_some() && sent.phash.is_some() && phash != sent.phash {
                    self.send_on(client, row, sent.message).boxed().await;
                }
                return Ok(Some(turn));
            }
            Ack::Refused { code: STALE_GROUP } if in_group && !sent.message.is_refreshed => return Ok(None),
            Ack::Refused { code } => code,
        };
        warn!(session.id = %self.session, message.id = row.message_id, code, "WhatsApp refused a message (code {code})");
        match Refusal::of(code) {
            Refusal::Final(failure) => {
                let failure = self.group_refusal(client, row, failure).boxed().await;
                let refused = Happening::Refused { code: failure, upstream_code: Some(code) };
                self.end(row, refused, Turn::Done).await.map(Some)
            }
            Refusal::Restriction(kind) => self.restricted(client, row, kind, code).await.map(Some),
            Refusal::Busy => {
                let until = self.shared.clock.now().after(BUSY_PAUSE);
                self.end(row, Happening::NotSent { until }, Turn::Later(until)).await.map(Some)
            }
        }
    }

    /// Writes what becomes of a message that could not be made: it is tried again later, with growing pauses, and not for ever. Only its
    /// chat waits for it.
    async fn prevented(&self, row: &OutgoingRow, obstacle: Obstacle) -> Result<Turn> {
        let (preventions, now) = (&self.shared.preventions, self.shared.clock.now());
        let tries = match obstacle {
            Obstacle::NoKeys => TRIES_WITHOUT_KEYS,
            Obstacle::Other => TRIES,
        };
        let happening = prevented(preventions.count(&self.session, &row.message_id, now), tries, now);
        // Without the library's words, which have numbers in them.
        warn!(session.id = %self.session, message.id = row.message_id, "a message could not be made");
        match happening {
            Happening::NotSent { until } | Happening::NotSentAgain { until } => {
                self.end(row, happening, Turn::Later(until.min(row.progress.expires_at))).await
            }
            _ => {
                preventions.forget(&self.session, &row.message_id);
                self.end(row, happening, Turn::Done).await
            }
        }
    }

    /// Writes what became of a message. It is insisted on: a message that stays "on its way" would be sent again.
    pub(in crate::message) async fn end(&self, row: &OutgoingRow, happening: Happening, turn: Turn) -> Result<Turn> {
        self.write(row, happening).await?;
        Ok(turn)
    }

    async fn write(&self, row: &OutgoingRow, happening: Happening) -> Result<()> {
        loop {
            let write = self.shared.transitions.write_one(&self.session, &row.message_id, happening.clone());
            match write.await {
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == ErrorKind::ShuttingDown => return Err(error),
                Err(error) => self.failed("what became of a message could not be written", &error),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}
