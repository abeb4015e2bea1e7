//! What changes about a session, one thing after the other, for streams of events.

use std::time::Duration;

use entity::words::session::SessionStatus;
use futures::stream::{self, Stream, StreamExt};

use crate::session::types::{Live, PairCode, QrCode, Status, Update};

/// How often a silent stream says that it is alive. Proxies cut what is silent for a minute.
pub(super) const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// One thing that is new.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Change {
    /// What the session is doing, or why.
    Status(Status),
    /// A QR code to show instead of the one before, and what the session is doing.
    Qr(QrCode, SessionStatus),
    /// A pair code to show.
    PairCode(PairCode),
}

/// What each state has that the one before had not.
pub(super) fn changes<S: Stream<Item = Update>>(updates: S) -> impl Stream<Item = Change> + use<S> {
    let news = updates.scan(None, |told: &mut Option<Live>, update| {
        let live = update.snapshot.live;
        let news = news(told.as_ref(), &live);
        *told = Some(live);
        std::future::ready(Some(stream::iter(news)))
    });
    news.flatten()
}

fn news(told: Option<&Live>, live: &Live) -> Vec<Change> {
    let status = Some(live.status()).filter(|status| told.map(Live::status).as_ref() != Some(status));
    let qr = live.qr.clone().filter(|qr| told.and_then(|told| told.qr.as_ref()) != Some(qr));
    let pair_code = live.pair_code.clone().filter(|code| told.and_then(|told| told.pair_code.as_ref()) != Some(code));
    let changes =
        [status.map(Change::Status), qr.map(|qr| Change::Qr(qr, live.status)), pair_code.map(Change::PairCode)];
    changes.into_iter().flatten().collect()
}
