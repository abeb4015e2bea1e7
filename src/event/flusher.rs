//! The flusher waits until the disk has what the journal writer has committed; then it tells whoever waits for it, and everybody who
//! follows. Nothing is told before: a power cut would take it away again. It has a thread of its own, because everything waits for it.

use std::sync::Arc;

use futures::future::BoxFuture;
use metrics::counter;
use sea_orm::DbErr;
use tokio::sync::mpsc;

use crate::db::fault::failed;
use crate::error::Error;
use crate::event::journal::job::Job;
use crate::event::recent::RecentEvents;
use crate::event::record::EventRow;
use crate::lifecycle::last_run::LastRun;

/// What the journal writer has committed, until the disk has it.
pub(super) enum Unflushed {
    /// It has written these.
    Written {
        /// Who is told.
        jobs: Vec<Job>,
        /// What happened.
        events: Vec<Arc<EventRow>>,
        /// Ends when the disk has it.
        flushed: BoxFuture<'static, std::result::Result<(), DbErr>>,
    },
    /// What was written up to here is not known.
    Uncertain {
        /// The position of the newest event.
        head: i64,
    },
}

pub(super) async fn flush_and_tell(recent: Arc<RecentEvents>, mut queue: mpsc::Receiver<Unflushed>, last_run: LastRun) {
    while let Some(unflushed) = queue.recv().await {
        match unflushed {
            Unflushed::Uncertain { head } => recent.forget(head),
            Unflushed::Written { jobs, events, flushed } => match flushed.await {
                Ok(()) => tell(&recent, jobs, &events),
                // Nobody hears of what the disk may not have.
                Err(error) => fail(jobs, failed(error)),
            },
        }
        last_run.note();
    }
}

fn tell(recent: &RecentEvents, jobs: Vec<Job>, events: &[Arc<EventRow>]) {
    for event in events {
        counter!("waypost_events_total", "type" => event.event_type.as_str()).increment(1);
    }
    recent.publish(events);
    jobs.into_iter().for_each(|job| job.end(Ok(())));
}

/// Tells those who submitted these that they are not written.
pub(super) fn fail(jobs: impl IntoIterator<Item = Job>, error: Error) {
    let (kind, detail) = (error.kind(), error.to_string());
    let cause: Arc<dyn std::error::Error + Send + Sync> = Arc::new(error);
    for job in jobs {
        job.end(Err(Error::new(kind, detail.clone()).because(Arc::clone(&cause))));
    }
}
