//! Which receivers keep connections, and whether a request failed only because one that was kept had ended. In memory: after a
//! start each receiver is taken for one that keeps them.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::io;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use reqwest::Url;

/// How long a connection that nobody uses is kept.
pub(super) const IDLE: Duration = Duration::from_secs(30);
/// Receivers that are remembered. With more, all are forgotten, and each shows anew how it is.
const RECEIVERS_MAX: usize = 10_000;
/// What an ended connection counts for; each answer counts for one less.
const LOSS: u32 = 4;
/// From here on none is kept: more ended than were of use.
const LOSSES_MAX: u32 = 8;
/// How long none is kept. Then it may have been mended.
const AGAIN: Duration = Duration::from_secs(10 * 60);

/// The receivers, by host and port.
#[derive(Debug, Default)]
pub(super) struct Kept(Mutex<HashMap<String, Receiver>>);

#[derive(Clone, Copy, Debug, Default)]
struct Receiver {
    /// When it last answered on a connection that is kept.
    answered_at: Option<Instant>,
    /// When one was last found to have ended.
    lost_at: Option<Instant>,
    losses: u32,
}

impl Kept {
    /// Whether connections to this receiver are kept.
    pub(super) fn keeps(&self, receiver: &str, now: Instant) -> bool {
        let mut receivers = self.0.lock();
        let Some(found) = receivers.get(receiver) else { return true };
        if found.losses < LOSSES_MAX {
            return true;
        }
        let is_over = found.lost_at.is_none_or(|lost| now.duration_since(lost) >= AGAIN);
        if is_over {
            receivers.remove(receiver);
        }
        is_over
    }

    /// Whether the next request may go out on a connection that was used before.
    pub(super) fn may_have_one(&self, receiver: &str, now: Instant) -> bool {
        let answered_at = self.0.lock().get(receiver).and_then(|found| found.answered_at);
        // A little more than the pool keeps it.
        answered_at.is_some_and(|answered| now.duration_since(answered) < 2 * IDLE)
    }

    /// It answered.
    pub(super) fn answered(&self, receiver: &str, now: Instant) {
        self.note(receiver, |found| {
            found.answered_at = Some(now);
            found.losses = found.losses.saturating_sub(1);
        });
    }

    /// A connection had ended that was kept.
    pub(super) fn lost(&self, receiver: &str, now: Instant) {
        self.note(receiver, |found| {
            found.lost_at = Some(now);
            found.losses += LOSS;
        });
    }

    fn note(&self, receiver: &str, change: impl FnOnce(&mut Receiver)) {
        let mut receivers = self.0.lock();
        if let Some(found) = receivers.get_mut(receiver) {
            return change(found);
        }
        if receivers.len() >= RECEIVERS_MAX {
            receivers.clear();
        }
        change(receivers.entry(receiver.to_owned()).or_default());
    }
}

/// Host and port of a receiver.
pub(super) fn receiver(url: &Url) -> String {
    format!("{}:{}", url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or_default())
}

/// Whether the connection ended before an answer had come.
pub(super) fn has_ended(error: &reqwest::Error) -> bool {
    if error.is_timeout() || error.is_connect() || !error.is_request() {
        return false;
    }
    let mut cause = error.source();
    while let Some(inner) = cause {
        if let Some(error) = inner.downcast_ref::<io::Error>() {
            use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, UnexpectedEof};
            let kind = error.kind();
            return matches!(kind, BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected | UnexpectedEof);
        }
        // The words of the HTTP library, whose types are not ours to name. A test meets them.
        if matches!(inner.to_string().as_str(), "connection closed before message completed" | "operation was canceled")
        {
            return true;
        }
        cause = inner.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receiver_that_ends_what_is_kept_gets_none_kept_for_a_while() {
        let (kept, begun) = (Kept::default(), Instant::now());
        assert!(kept.keeps("r:80", begun) && !kept.may_have_one("r:80", begun));
        kept.answered("r:80", begun);
        assert!(kept.may_have_one("r:80", begun) && !kept.may_have_one("r:80", begun + 2 * IDLE));
        kept.lost("r:80", begun);
        assert!(kept.keeps("r:80", begun), "once is an accident");
        kept.answered("r:80", begun);
        kept.lost("r:80", begun);
        kept.lost("r:80", begun);
        assert!(!kept.keeps("r:80", begun) && kept.keeps("other:80", begun));
        assert!(kept.keeps("r:80", begun + AGAIN));
    }

    #[test]
    fn a_receiver_that_keeps_them_may_end_one_now_and_then() {
        let (kept, now) = (Kept::default(), Instant::now());
        for _ in 0..100 {
            kept.lost("r:80", now);
            (0..10).for_each(|_| kept.answered("r:80", now));
        }
        assert!(kept.keeps("r:80", now));
    }
}
