//! Sends what waits in the outbox of one session. One task for each session that has something to send; it ends when there is nothing.
//!
//! Chats side by side, and in each one message after the other: the next one goes when it is known what became of the one before. What
//! is to be sent is read when its turn has come, so that ten thousand messages that wait take no memory; only what was just written, and
//! has nothing before it in its chat, is handed over instead of being read again.
//!
//! That a message is on its way is written before it is given to WhatsApp. What then becomes of it is written before anything else is
//! sent in its chat. So whenever the process ends, each message is known to be sent, known not to be, or in doubt; one in doubt is
//! given to WhatsApp again after the next login, with the same id and the same bytes, at most [`ATTEMPTS`] times in all.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use entity::ids::SessionId;
use entity::timestamp::Timestamp;
use entity::words::outgoing::{FailureCode, MessageStatus};
use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, StreamExt as _};
use tokio::sync::watch;
use tracing::{error, warn};

use crate::clock::Clock;
use crate::crash;
use crate::db::Db;
use crate::error::{Error, ErrorKind, Result, chain};
use crate::event::index::IndexedMessage;
use crate::event::index_store;
use crate::lifecycle::Lifecycle;
use crate::message::limit::pacing::Pacing;
use crate::message::limit::preventions::Preventions;
use crate::message::limit::restrictions::Restrictions;
use crate::message::limit::standings::Standings;
use crate::message::lookup::lookups::Found;
use crate::message::lookup::naming::is_person;
use crate::message::lookup::recipient::is_group;
use crate::message::lookup::recipients::Recipients;
use crate::message::sending::groups::Groups;
use crate::message::sending::known::KnownRow;
use crate::message::sending::lanes::{Lane, Lanes, Next};
use crate::message::sending::transitions::Transitions;
use crate::message::sending::wake::{Ready, Wake};
use crate::message::store::believed::Believed;
use crate::message::store::outbox_store;
use crate::message::store::outgoing::OutgoingRow;
use crate::message::store::transition::{ATTEMPTS, Happening, is_open};
use crate::session::Sessions;
use crate::whatsapp::client::Client;
use crate::whatsapp::operation::message::OutgoingMessage;

/// Chats of one session in which something is under way at the same time.
const LANES: usize = 16;
/// How long an outbox without anything to send waits for more before it ends: to begin costs a question to the database.
const IDLE: Duration = Duration::from_secs(10);
/// Pause after something could not be read or written, or WhatsApp could not be asked.
pub(in crate::message) const PAUSE: Duration = Duration::from_secs(5);

/// What the outboxes of all sessions share.
#[derive(Debug)]
pub(in crate::message) struct Shared {
    pub(in crate::message) db: Db,
    pub(in crate::message) clock: Clock,
    pub(in crate::message) believed: Believed,
    pub(in crate::message) transitions: Transitions,
    pub(in crate::message) recipients: Recipients,
    pub(in crate::message) groups: Groups,
    pub(in crate::message) pacing: Pacing,
    pub(in crate::message) restrictions: Restrictions,
    pub(in crate::message) preventions: Preventions,
    pub(in crate::message) standings: Standings,
    pub(in crate::message) sessions: Sessions,
    pub(in crate::message) lifecycle: Lifecycle,
}

/// The outbox of one session.
pub(in crate::message) struct Outbox {
    pub(in crate::message) session: SessionId,
    pub(in crate::message) client: watch::Receiver<Option<Client>>,
    pub(in crate::message) wake: Arc<Wake>,
    pub(in crate::message) shared: Arc<Shared>,
}

/// Why an outbox has stopped to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::message) enum Stopped {
    /// Nothing is left to be sent.
    Empty,
    /// The session is gone.
    Gone,
}

impl Outbox {
    /// Sends until nothing is left.
    pub(in crate::message) async fn run(&mut self) -> Stopped {
        loop {
            let is_online = |client: &Option<Client>| client.as_ref().is_some_and(|client| !client.has_ended());
            let client = match self.client.wait_for(is_online).await {
                Ok(client) => client.clone(),
                Err(_) => return Stopped::Gone,
            };
            let Some(client) = client else { continue };
            self.forget_other_account().await;
            self.wake.begin();
            let is_empty = self.send_all(&client).await;
            self.wake.end();
            if is_empty {
                return Stopped::Empty;
            }
        }
    }

    /// Sends on this connection what there is to send. Says whether nothing is left.
    async fn send_all(&self, client: &Client) -> bool {
        let (mut lanes, mut running) = (Lanes::default(), FuturesUnordered::new());
        let Some(read) = self.lanes(client).await else { return false };
        // What was read has what was handed over meanwhile, or is before it: so it is read first.
        lanes.add(read.into_iter().map(|name| (name, None)).collect());
        loop {
            lanes.add(self.wake.taken());
            while running.len() < LANES
                && let Some(lane) = lanes.take()
            {
                running.push(self.turn(client, lane));
            }
            let is_idle = lanes.is_empty();
            let wait = lanes.next_moment().map(|moment| moment.remaining(self.shared.clock.now()));
            let waiting = async {
                match wait.or(is_idle.then_some(IDLE)) {
                    Some(wait) => tokio::time::sleep(wait).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                Some(next) = running.next(), if !running.is_empty() => lanes.put(next),
                () = self.wake.woken() => {}
                () = waiting => match is_idle {
                    true => return true,
                    false => lanes.wake_next(),
                },
                _ = client.ended() => break,
            }
        }
        // What is under way learns the same, and writes what that means.
        while running.next().await.is_some() {}
        false
    }

    /// The lanes in which something is to be sent. None if the connection ended before they could be read.
    async fn lanes(&self, client: &Client) -> Option<Vec<String>> {
        loop {
            match outbox_store::lanes(self.shared.db.read(), &self.session).await {
                Ok(lanes) => return Some(lanes),
                Err(error) => self.failed("what is to be sent could not be read", &error),
            }
            tokio::select! {
                () = tokio::time::sleep(PAUSE) => {}
                _ = client.ended() => return None,
            }
        }
    }

    /// Sends the next message of a lane, if its moment has come, and writes what became of it.
    async fn turn(&self, client: &Client, mut lane: Lane) -> Next {
        let ready = lane.ready.take();
        let handed_over = ready.as_ref().map(|ready| ready.row.clone());
        match self.send_next(client, lane.after, &lane.name, ready).await {
            Ok(Turn::Empty) => Next::Empty(lane),
            Ok(Turn::Later(moment)) => Next::At(moment, lane),
            // There was nothing else in its lane, and if there is now, somebody has said so.
            Ok(Turn::Done) if has_ended(handed_over).await => Next::Empty(lane),
            Ok(Turn::Done) => Next::More(lane),
            Ok(Turn::InDoubt(sequence)) => Next::More(Lane { after: sequence, ..lane }),
            // The next connection goes on.
            Err(_) if client.has_ended() => Next::More(lane),
            Err(error) => {
                match error.kind() {
                    ErrorKind::Upstream | ErrorKind::UpstreamTimeout => {
                        let reason = chain(&error);
                        warn!(session.id = %self.session, error = reason, "WhatsApp could not be asked about a recipient");
                    }
                    _ => self.failed("a message could not be sent for now", &error),
                }
                Next::At(self.shared.clock.now().after(error.retry_after().unwrap_or(PAUSE)), lane)
            }
        }
    }

    async fn send_next(&self, client: &Client, after: i64, lane: &str, ready: Option<Ready>) -> Result<Turn> {
        let Shared { db, clock, transitions, pacing, .. } = &*self.shared;
        let handed_over = match &ready {
            Some(ready) => ready.row.current().await,
            None => None,
        };
        let head = match handed_over {
            Some(row) if is_open(row.progress.status) => Some(row),
            _ => outbox_store::head(db.read(), &self.session, lane, after).await?,
        };
        let Some(row) = head else { return Ok(Turn::Empty) };
        // What is known of it is kept until it is sent.
        let known = transitions.known(&self.session, &row.message_id);
        let (now, id, progress) = (clock.now(), row.message_id.clone(), &row.progress);
        if progress.status == MessageStatus::Sending {
            // One message of a lane is under way at a time, so nobody is sending this one: the answer of the commit that wrote its
            // status was lost, or what became of it could not be written.
            transitions.write_one(&self.session, &id, Happening::Unanswered).await?;
            return Ok(Turn::Done);
        }
        if progress.expires_at <= now {
            if !self.shared.believed.come().has(progress.expires_at) {
                return Ok(Turn::Later(now.after(PAUSE)));
            }
            transitions.write_one(&self.session, &id, Happening::Expired).await?;
            return Ok(Turn::Done);
        }
        // What is held because it would begin a chat goes once the other one has written.
        if progress.due_at > now && !self.may_go_early(&row).await? {
            return Ok(Turn::Later(progress.due_at.min(progress.expires_at)));
        }
        if progress.status == MessageStatus::Unconfirmed && progress.attempts >= ATTEMPTS {
            transitions.write_one(&self.session, &id, Happening::GivenUp).await?;
            return Ok(Turn::Done);
        }
        if let Some(pause) = self.shared.recipients.pause(&self.session) {
            return Ok(Turn::Later(now.after(pause)));
        }
        let _probe = match self.gate(&row, now).await? {
            ControlFlow::Continue(probe) => probe,
            ControlFlow::Break(turn) => return Ok(turn),
        };
        let Some(recipient) = self.recipient(client, &row).await? else { return Ok(Turn::Done) };
        tokio::select! {
            () = pacing.turn(&self.session) => {}
            _ = client.ended() => return Ok(Turn::Done),
        }
        let (sender, content) = match ready.filter(|ready| ready.sequence == progress.sequence) {
            Some(ready) => (ready.sender, ready.content),
            None => self.content(&id).await?,
        };
        let audience = self.status_audience(&id, &recipient).await?;
        let sending = self.shared.preventions.sending(&self.session, &id, recipient.clone());
        let Some(row) = transitions.write_one(&self.session, &id, sending).await? else {
            // Somebody may have taken it back meanwhile. Otherwise it is not looked at all the time.
            let is_over = has_ended(Some(known)).await;
            return Ok(if is_over { Turn::Done } else { Turn::Later(clock.now().after(PAUSE)) });
        };
        crash::point("before_wire");
        let message_id = id;
        let message = OutgoingMessage { message_id, sender, recipient, content, audience, is_refreshed: false };
        self.give(client, &row, message).await
    }

    /// Who sends a message, and its protobuf.
    pub(in crate::message) async fn content(&self, message_id: &str) -> Result<(String, Vec<u8>)> {
        let ids = [message_id.to_owned()];
        let found = index_store::own(self.shared.db.read(), &self.session, &ids).await?;
        let message = found.into_iter().next().map(|stored| stored.message);
        let written = message.map(|IndexedMessage { key, content, .. }| (key.sender, content));
        written.ok_or_else(|| Error::internal("a message that is to be sent was not written down"))
    }

    /// Whether a message that waits for a moment need not: it was held because it would begin a chat, and the other one has written.
    async fn may_go_early(&self, row: &OutgoingRow) -> Result<bool> {
        let progress = &row.progress;
        let is_prevented = self.shared.preventions.is_known(&self.session, &row.message_id);
        let is_held = progress.attempts == 0 && !is_prevented && is_person(&progress.recipient);
        let is_held = is_held && self.shared.recipients.pause(&self.session).is_none();
        Ok(is_held && self.shared.recipients.has_written(&self.session, &progress.recipient).await?)
    }

    /// Where a message goes. None if there is no such recipient, which is written then.
    async fn recipient(&self, client: &Client, row: &OutgoingRow) -> Result<Option<String>> {
        let progress = &row.progress;
        if is_group(&progress.recipient) {
            return self.group(client, row).boxed().await;
        }
        if progress.is_checked {
            return Ok(Some(progress.recipient.clone()));
        }
        match self.shared.recipients.find(&self.session, client, &progress.recipient).await? {
            Found::At(jid) => Ok(Some(jid)),
            Found::Nobody => {
                let code = FailureCode::RecipientNotOnWhatsapp;
                let refused = Happening::Refused { code, upstream_code: None };
                self.shared.transitions.write_one(&self.session, &row.message_id, refused).await?;
                Ok(None)
            }
        }
    }

    pub(in crate::message) fn failed(&self, what: &str, failure: &Error) {
        error!(session.id = %self.session, error = chain(failure), "{what}");
    }
}

/// Whether this is a message that is not to be sent any more.
async fn has_ended(row: Option<KnownRow>) -> bool {
    let Some(row) = row else { return false };
    row.current().await.is_some_and(|row| !is_open(row.progress.status))
}

/// What a turn of a lane came to.
pub(in crate::message) enum Turn {
    /// Nothing is to be sent.
    Empty,
    /// What is next is not to be sent before this moment.
    Later(Timestamp),
    /// It is known what became of the message.
    Done,
    /// It is not known, and nothing more is done about it on this connection. The message's place.
    InDoubt(i64),
}
