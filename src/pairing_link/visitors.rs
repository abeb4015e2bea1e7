//! Who looks at pairing links right now. Each visitor holds a connection, and nobody of them has a key.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use entity::ids::PairingLinkId;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use crate::error::{Error, ErrorKind, Result};

/// Visitors of one link at the same time: one person with a few tabs, phones and broken connections.
const OF_ONE_MAX: usize = 10;
/// Visitors of all links at the same time.
const OF_ALL_MAX: usize = 1_000;
/// When somebody who found no place may come again.
const AGAIN: Duration = Duration::from_secs(60);

/// The visitors of each link.
#[derive(Clone, Debug, Default)]
pub(super) struct Visitors(Arc<Mutex<HashMap<PairingLinkId, Visited>>>);

/// A link that has visitors.
#[derive(Debug, Default)]
struct Visited {
    count: usize,
    /// Fires when the link is deleted.
    lifeline: CancellationToken,
}

/// A visitor's place, as long as it is held.
pub(super) struct Seat {
    visitors: Visitors,
    link: PairingLinkId,
    /// Fires when the link is deleted.
    pub(super) lifeline: CancellationToken,
}

impl Visitors {
    /// A place for one more visitor of this link. Whether there is such a link is to be asked once it is taken: of a link that
    /// was deleted before, nobody is told.
    ///
    /// # Errors
    /// `TooManyVisitors`.
    pub(super) fn seat(&self, link: &PairingLinkId) -> Result<Seat> {
        let mut seated = self.0.lock();
        let of_one = seated.get(link).map_or(0, |visited| visited.count);
        let of_all = seated.values().map(|visited| visited.count).sum::<usize>();
        let who = match (of_one >= OF_ONE_MAX, of_all >= OF_ALL_MAX) {
            (true, _) => "this pairing link",
            (false, true) => "pairing links",
            (false, false) => {
                let visited = seated.entry(link.clone()).or_default();
                visited.count += 1;
                let lifeline = visited.lifeline.clone();
                return Ok(Seat { visitors: self.clone(), link: link.clone(), lifeline });
            }
        };
        let detail = format!("too many people use {who} right now: try again in a minute");
        Err(Error::new(ErrorKind::TooManyVisitors, detail).retry_in(AGAIN))
    }

    /// Tells those who look at this link that it was deleted.
    pub(super) fn dismiss(&self, link: &PairingLinkId) {
        if let Some(visited) = self.0.lock().get(link) {
            visited.lifeline.cancel();
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut seated = self.visitors.0.lock();
        match seated.get_mut(&self.link) {
            Some(visited) if visited.count > 1 => visited.count -= 1,
            _ => drop(seated.remove(&self.link)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_link_takes_no_place_from_another_and_all_together_have_a_bound() {
        let visitors = Visitors::default();
        let links: Vec<_> = (0..=OF_ALL_MAX).map(|_| PairingLinkId::generate()).collect();
        let mut seats: Vec<_> = (0..OF_ONE_MAX).map(|_| visitors.seat(&links[0]).ok()).collect();
        let refused = visitors.seat(&links[0]).err().expect("it is full");
        assert_eq!((refused.kind(), refused.retry_after()), (ErrorKind::TooManyVisitors, Some(AGAIN)));
        seats.push(visitors.seat(&links[1]).ok());
        assert!(seats.iter().all(Option::is_some));
        seats.pop();
        seats.pop();
        assert!(visitors.seat(&links[0]).is_ok(), "a place that was left can be taken");
        seats.extend(links[1..].iter().map(|link| visitors.seat(link).ok()));
        assert_eq!(seats.iter().flatten().count(), OF_ALL_MAX);
        seats.clear();
        assert!(visitors.0.lock().is_empty());
    }

    #[test]
    fn who_looks_at_a_deleted_link_is_told_and_nobody_else() {
        let visitors = Visitors::default();
        let links = [PairingLinkId::generate(), PairingLinkId::generate()];
        let seat = |link| visitors.seat(link).expect("there is room");
        let (one, another, other) = (seat(&links[0]), seat(&links[0]), seat(&links[1]));
        visitors.dismiss(&links[0]);
        assert!(one.lifeline.is_cancelled() && another.lifeline.is_cancelled() && !other.lifeline.is_cancelled());
        drop((one, another));
        visitors.dismiss(&links[0]);
        assert_eq!(visitors.0.lock().len(), 1);
    }
}
