//! How much the journal writer puts into one transaction. A transaction costs nearly the same with one entry as with thirty,
//! and each one wakes everybody who follows it. So the writer waits a few milliseconds for more entries, unless somebody waits
//! for one of those that it has.

use std::time::{Duration, Instant};

use tokio::sync::{Notify, mpsc};

use crate::event::journal::job::{BATCH, Job};

/// Entries of a transaction from which on the writer is busy.
const BUSY: usize = 8;
/// Shortest time between the beginnings of two transactions of a busy writer: each page of an index that a transaction changes
/// is written whole, for ten entries as for one.
const BUSY_INTERVAL: Duration = Duration::from_millis(10);
/// It waits no longer if nothing arrives for this time: then everybody may be waiting for what it has.
const LULL: Duration = Duration::from_millis(1);
/// Shortest time between the beginnings of two transactions that write nothing but what can wait. Measured at 200 messages a
/// second: each of them would else have a transaction of its own, and so would whatever follows from it.
// It was 25 ms, with 25 in the outcome writer and 20 in the scheduler: 1.02 ms of processor time for a message on its way to a receiver,
// and 0.70 with 40, 40 and 10, where 99 of 100 are there within 45 ms instead of 31.
const LINGER: Duration = Duration::from_millis(40);
/// Entries with which that is not waited for: they come so fast that a transaction has enough of them anyway.
pub(super) const ENOUGH: usize = 32;

/// The transaction before.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PreviousBatch {
    /// None before the first.
    began: Option<Instant>,
    is_busy: bool,
}

impl PreviousBatch {
    /// One that begins now and writes these.
    pub(super) fn of(jobs: &[Job]) -> Self {
        Self { began: Some(Instant::now()), is_busy: jobs.len() >= BUSY }
    }
}

/// Adds the entries that arrive while there is a reason to wait. Who submits one says when there is none: the writer is not woken
/// by each.
pub(super) async fn gather(queue: &mut mpsc::Receiver<Job>, jobs: &mut Vec<Job>, last: PreviousBatch, urgent: &Notify) {
    let Some(began) = last.began else { return };
    let until = tokio::time::Instant::from_std(began + LINGER);
    let mut is_over = false;
    // An entry that somebody waits for is written at once, with those before it.
    while jobs.len() < ENOUGH && jobs.iter().all(|job| job.entry.can_wait) {
        match queue.try_recv() {
            Ok(job) => jobs.push(job),
            // The time is over, or nothing comes any more.
            Err(_) if is_over || queue.is_closed() => return,
            Err(_) => is_over = tokio::time::timeout_at(until, urgent.notified()).await.is_err(),
        }
    }
    if last.is_busy {
        gather_until(queue, jobs, began + BUSY_INTERVAL).await;
    }
}

/// Adds the entries that arrive until then, as long as more arrive.
async fn gather_until(queue: &mut mpsc::Receiver<Job>, jobs: &mut Vec<Job>, until: Instant) {
    while jobs.len() < BATCH && Instant::now() < until {
        tokio::time::sleep(LULL).await;
        let before = jobs.len();
        jobs.extend(std::iter::from_fn(|| queue.try_recv().ok()).take(BATCH - before));
        if jobs.len() == before {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;
    use crate::event::entry::{EntryNumber, JournalEntry};

    fn job(can_wait: bool) -> Job {
        let entry = JournalEntry { can_wait, ..JournalEntry::default() };
        Job { entry_number: EntryNumber::default(), entry, done: oneshot::channel().0 }
    }

    /// How many are written together, of one that is there and those that come while it waits.
    async fn together(first: bool, last: PreviousBatch, others: impl IntoIterator<Item = bool>) -> usize {
        let ((sender, mut queue), urgent) = (mpsc::channel(BATCH), Notify::new());
        let mut jobs = vec![job(first)];
        let send = async {
            for can_wait in others {
                sender.send(job(can_wait)).await.expect("there is room");
                if !can_wait || sender.max_capacity() - sender.capacity() >= ENOUGH {
                    urgent.notify_one();
                }
            }
        };
        tokio::join!(gather(&mut queue, &mut jobs, last, &urgent), send);
        jobs.len()
    }

    #[tokio::test]
    async fn what_can_wait_takes_along_what_comes_and_whoever_stands_there_is_not_kept() {
        let last = || PreviousBatch { began: Some(Instant::now()), is_busy: false };
        assert_eq!(together(true, last(), [true, true]).await, 3, "until the time is over");
        assert_eq!(together(true, last(), [true, false, true]).await, 3, "until somebody waits");
        assert_eq!(together(false, last(), [true]).await, 1, "somebody waits");
        assert_eq!(together(true, last(), [true; 2 * ENOUGH]).await, ENOUGH);
        assert_eq!(together(true, PreviousBatch::default(), [true]).await, 1, "the first is written at once");
        let long_ago = Instant::now().checked_sub(LINGER).expect("the machine runs longer");
        let rested = PreviousBatch { began: Some(long_ago), is_busy: false };
        assert_eq!(together(true, rested, []).await, 1, "so is one after a rest");
    }

    #[tokio::test]
    async fn a_busy_writer_takes_what_is_there() {
        let last = PreviousBatch { began: Some(Instant::now()), is_busy: true };
        assert_eq!(together(false, last, [false; 100]).await, 101);
    }
}
