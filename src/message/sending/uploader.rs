//! Uploads the files of one session's messages. One task for each session that has something to upload; it ends when there is nothing.
//!
//! A message with a file has no turn in its chat until the file is uploaded, so a long video holds up no text; a text that is asked for
//! after it may be sent before it. What is to be uploaded is read from its rows, so a process that ends in the middle of it goes on with
//! the next one. A file that several messages carry is uploaded once: all that wait for it get their turns by that, in the order in
//! which they were asked for.
//!
//! What does not come to an end is tried again with growing pauses while the session is logged in, until the message expires.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use entity::ids::SessionId;
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;
use tracing::error;

use crate::error::{Error, Result, chain};
use crate::media::files::Files;
use crate::message::news::News;
use crate::message::sending::beside::beside;
use crate::message::sending::outboxes::Outboxes;
use crate::message::store::upload_store::{self, UploadKey};
use crate::whatsapp::client::Client;

/// Files of one session that are uploaded at the same time.
const AT_ONCE: usize = 4;
/// Pause after the first try of a file. Each one is three times as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// Longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(10 * 60);

/// What the uploaders of all sessions share.
#[derive(Debug)]
pub(in crate::message) struct UploadShared {
    pub(in crate::message) outboxes: Outboxes,
    pub(in crate::message) files: Files,
    /// One for each upload of the process.
    pub(in crate::message) permits: Semaphore,
}

/// The uploader of one session.
pub(in crate::message) struct Uploader {
    pub(in crate::message) session: SessionId,
    pub(in crate::message) client: watch::Receiver<Option<Client>>,
    pub(in crate::message) news: Arc<News>,
    pub(in crate::message) shared: Arc<UploadShared>,
}

/// When a file that was not uploaded is tried again.
#[derive(Clone, Copy)]
struct Pause {
    /// How often it was tried.
    times: u32,
    until: Instant,
}

/// What is going on on one connection.
#[derive(Default)]
struct Work {
    under_way: HashSet<UploadKey>,
    pauses: HashMap<UploadKey, Pause>,
}

impl Uploader {
    /// Uploads until nothing is left, or the session is gone.
    pub(in crate::message) async fn run(&mut self) {
        loop {
            let is_online = |client: &Option<Client>| client.as_ref().is_some_and(|client| !client.has_ended());
            let client = match self.client.wait_for(is_online).await {
                Ok(client) => client.clone(),
                Err(_) => return,
            };
            let Some(client) = client else { continue };
            if self.upload_all(&client).await {
                return;
            }
        }
    }

    /// Uploads on this connection what there is to upload. Says whether nothing is left.
    async fn upload_all(&self, client: &Client) -> bool {
        let (mut work, mut running) = (Work::default(), FuturesUnordered::new());
        loop {
            let mut wait = None;
            if running.len() < AT_ONCE {
                let mut ended = Vec::new();
                let awaited = beside(&mut running, &mut ended, self.awaited(&work)).await;
                for (key, is_done) in ended {
                    work.end(key, is_done, Instant::now());
                }
                match awaited {
                    Ok(keys) if keys.is_empty() && running.is_empty() => return true,
                    Ok(keys) => {
                        for key in work.begin(&keys, AT_ONCE - running.len(), Instant::now()) {
                            running.push(self.upload(client, key));
                        }
                        wait = work.next_moment();
                    }
                    Err(error) => {
                        self.failed("what is to be uploaded could not be read", &error);
                        wait = Some(Instant::now() + FIRST_PAUSE);
                    }
                }
            }
            let waiting = async {
                match wait {
                    Some(moment) => tokio::time::sleep_until(moment).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                Some((key, is_done)) = running.next(), if !running.is_empty() => work.end(key, is_done, Instant::now()),
                () = self.news.come() => {}
                () = waiting => {}
                _ = client.ended() => break,
            }
        }
        // What is under way learns the same, and what is written is written to its end.
        while running.next().await.is_some() {}
        false
    }

    /// What waits to be uploaded: enough of it that there is something behind what is under way and what pauses.
    async fn awaited(&self, work: &Work) -> Result<Vec<UploadKey>> {
        let limit = u64::try_from(AT_ONCE + work.under_way.len() + work.pauses.len()).unwrap_or(u64::MAX);
        let shared = &self.shared.outboxes.shared;
        upload_store::awaited(shared.db.read(), &self.session, shared.clock.now(), limit).await
    }

    pub(in crate::message) fn failed(&self, what: &str, failure: &Error) {
        error!(session.id = %self.session, error = chain(failure), "{what}");
    }
}

impl Work {
    /// What of this is uploaded now, at most so many. It is under way from now on.
    fn begin(&mut self, keys: &[UploadKey], most: usize, now: Instant) -> Vec<UploadKey> {
        // What nobody waits for any more is not remembered.
        self.pauses.retain(|key, _| keys.contains(key));
        let is_free = |key: &&UploadKey| {
            !self.under_way.contains(*key) && self.pauses.get(*key).is_none_or(|pause| pause.until <= now)
        };
        let begun: Vec<_> = keys.iter().filter(is_free).take(most).copied().collect();
        self.under_way.extend(&begun);
        begun
    }

    /// One is not under way any more. What is not done pauses.
    fn end(&mut self, key: UploadKey, is_done: bool, now: Instant) {
        self.under_way.remove(&key);
        if is_done {
            self.pauses.remove(&key);
            return;
        }
        let times = self.pauses.get(&key).map_or(1, |pause| pause.times.saturating_add(1));
        self.pauses.insert(key, Pause { times, until: now + pause(times) });
    }

    /// When the next one that pauses is tried again.
    fn next_moment(&self) -> Option<Instant> {
        let waits = |(key, _): &(&UploadKey, &Pause)| !self.under_way.contains(*key);
        self.pauses.iter().filter(waits).map(|(_, pause)| pause.until).min()
    }
}

/// How long a file that was tried so many times is not tried again.
fn pause(times: u32) -> Duration {
    let pause = 3_u32.checked_pow(times.saturating_sub(1)).and_then(|factor| FIRST_PAUSE.checked_mul(factor));
    pause.unwrap_or(LONGEST_PAUSE).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use entity::words::message::FileKind;

    use super::*;
    use crate::media::hash::FileHash;

    fn key(number: u8) -> UploadKey {
        UploadKey { hash: FileHash([number; 32]), kind: FileKind::Image }
    }

    #[test]
    fn pauses_grow_up_to_ten_minutes() {
        let seconds: Vec<_> = (1..=7).map(|times| pause(times).as_secs()).collect();
        assert_eq!(seconds, [5, 15, 45, 135, 405, 600, 600]);
        assert_eq!(pause(u32::MAX), LONGEST_PAUSE);
    }

    #[test]
    fn a_file_is_under_way_once_and_pauses_after_it_failed() {
        let (mut work, now) = (Work::default(), Instant::now());
        assert_eq!(work.begin(&[key(1), key(2), key(3)], 2, now), [key(1), key(2)]);
        assert_eq!(work.begin(&[key(1), key(2), key(3)], 2, now), [key(3)]);
        work.end(key(1), false, now);
        work.end(key(2), true, now);
        assert!(work.begin(&[key(1)], 4, now).is_empty(), "it pauses");
        let moment = work.next_moment().expect("it is tried again");
        assert_eq!(moment, now + FIRST_PAUSE);
        assert_eq!(work.begin(&[key(1)], 4, moment), [key(1)]);
        assert_eq!(work.next_moment(), None, "it is under way");
        work.end(key(1), false, moment);
        assert_eq!(work.next_moment(), Some(moment + FIRST_PAUSE * 3));
        // Nobody waits for it any more.
        assert!(work.begin(&[], 4, moment).is_empty() && work.next_moment().is_none());
    }
}
