//! Connections that have not said anything yet. Lives on the control thread.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::net::TcpStream;
use tokio::sync::Notify;

/// Bytes that are looked at before a connection is handed over: a health check says less.
const LOOK_MAX: usize = 4096;
/// How a health check begins, up to the end of the path.
const LIVENESS: [&[u8]; 4] = [b"GET /livez ", b"GET /livez?", b"HEAD /livez ", b"HEAD /livez?"];
/// The end of a head.
const END: &[u8] = b"\r\n\r\n";

/// What a connection says first.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum FirstBytes {
    /// It asks whether the process lives, and nothing else: the whole head.
    Liveness(Vec<u8>),
    /// Anything else, not whole as a rule.
    Others(Vec<u8>),
}

/// The connections that have not said anything yet, in the order in which they came.
#[derive(Clone)]
pub(super) struct Newcomers {
    waiting: Arc<Mutex<Waiting>>,
    max: usize,
}

#[derive(Default)]
struct Waiting {
    last: u64,
    by_number: BTreeMap<u64, Arc<Notify>>,
}

/// A connection that has not said anything yet, until it is dropped.
pub(super) struct Newcomer {
    newcomers: Newcomers,
    number: u64,
    lost: Arc<Notify>,
}

impl Newcomers {
    pub(super) fn new(max: usize) -> Self {
        Self { waiting: Arc::default(), max }
    }

    /// Takes the next one in. Where there are too many, the one that has been silent for longest has to go: the others
    /// are more likely to be about to speak.
    pub(super) fn enter(&self) -> Newcomer {
        let lost = Arc::new(Notify::new());
        let mut waiting = self.waiting.lock();
        while waiting.by_number.len() >= self.max
            && let Some((_, silent)) = waiting.by_number.pop_first()
        {
            silent.notify_one();
        }
        waiting.last += 1;
        let number = waiting.last;
        waiting.by_number.insert(number, Arc::clone(&lost));
        Newcomer { newcomers: self.clone(), number, lost }
    }
}

impl Newcomer {
    /// Resolves when it has to make room for somebody else.
    pub(super) async fn lost(&self) {
        self.lost.notified().await;
    }
}

impl Drop for Newcomer {
    fn drop(&mut self) {
        self.newcomers.waiting.lock().by_number.remove(&self.number);
    }
}

/// What a connection says first. None if it hangs up instead.
pub(super) async fn first_bytes(tcp: &TcpStream) -> io::Result<Option<FirstBytes>> {
    let mut seen = Vec::new();
    loop {
        tcp.readable().await?;
        let before = seen.len();
        seen.resize(LOOK_MAX, 0);
        let read = tcp.try_read(&mut seen[before..]);
        seen.truncate(before + read.as_ref().map_or(0, |count| *count));
        match read {
            Ok(0) => return Ok(None),
            Ok(_) => match asks(&seen) {
                Some(true) => return Ok(Some(FirstBytes::Liveness(seen))),
                None if seen.len() < LOOK_MAX => {}
                Some(false) | None => return Ok(Some(FirstBytes::Others(seen))),
            },
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}

/// Whether this asks whether the process lives, and nothing else. None if that cannot be told yet.
fn asks(seen: &[u8]) -> Option<bool> {
    let could = |wanted: &[u8]| wanted.iter().zip(seen).all(|(wanted, seen)| wanted == seen);
    if !LIVENESS.iter().any(|wanted| could(wanted)) {
        return Some(false);
    }
    // Something behind the head (a body, the next request) is for those who can answer it.
    let end = seen.windows(END.len()).position(|bytes| bytes == END)?;
    Some(end + END.len() == seen.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_health_check_is_taken_for_one() {
        for begun in ["G", "GET /livez", "GET /livez HTTP/1.1\r\n", "HEAD /livez?a=b HTTP/1.1\r\nHost: x\r\n\r"] {
            assert_eq!(asks(begun.as_bytes()), None, "{begun}");
        }
        for whole in ["GET /livez HTTP/1.1\r\nHost: x\r\n\r\n", "HEAD /livez HTTP/1.0\r\n\r\n", "GET /livez?x \r\n\r\n"]
        {
            assert_eq!(asks(whole.as_bytes()), Some(true), "{whole}");
        }
        let more = "GET /livez HTTP/1.1\r\n\r\nGET /readyz HTTP/1.1\r\n\r\n";
        for other in ["P", "GET /livezx", "GET /livez/", "GET /readyz HTTP/1.1\r\n\r\n", "\u{16}\u{3}", more] {
            assert_eq!(asks(other.as_bytes()), Some(false), "{other}");
        }
    }

    #[tokio::test]
    async fn who_has_been_silent_for_longest_makes_room() {
        let newcomers = Newcomers::new(2);
        let first = newcomers.enter();
        let second = newcomers.enter();
        drop(newcomers.enter());
        first.lost().await;
        assert_eq!(newcomers.waiting.lock().by_number.keys().copied().collect::<Vec<_>>(), [second.number]);
    }
}
