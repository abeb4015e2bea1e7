//! How often pair codes may be asked for. Each one rings somebody's phone, so whoever asks for many is told to wait.
//!
//! Visitors of a pairing link have no key, and so each link has a budget of its own that takes nothing from anybody else's.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use entity::ids::{PairingLinkId, SessionId};
use entity::timestamp::Timestamp;
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::account::PairRequest;
use crate::error::{Error, ErrorKind, Result};
use crate::session::types::PairCode;

/// Codes that one asker may ask for within the period: a few mistyped numbers, and as many codes as expire in it.
const CODES_MAX: usize = 5;
/// How long a code counts.
const PERIOD: Duration = Duration::from_secs(10 * 60);

/// On whose budget a pair code goes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Asker {
    /// All callers with keys that ask for codes of this session.
    Session(SessionId),
    /// All visitors of this pairing link.
    PairingLink(PairingLinkId),
}

/// When pair codes were asked for, as long as it counts.
#[derive(Clone, Debug, Default)]
pub struct PairCodes(Arc<Mutex<HashMap<Asker, VecDeque<Timestamp>>>>);

impl PairCodes {
    fn take(&self, asker: &Asker, now: Timestamp) -> Result<()> {
        let mut asked = self.0.lock();
        // Nobody is remembered for longer than it matters. A moment that is still to come is from before the clock was set back.
        asked.retain(|_, moments| {
            moments.retain(|moment| *moment <= now && now < moment.after(PERIOD));
            !moments.is_empty()
        });
        let moments = asked.entry(asker.clone()).or_default();
        if let Some(oldest) = moments.front().filter(|_| moments.len() >= CODES_MAX) {
            let minutes = PERIOD.as_secs() / 60;
            let detail = format!("{CODES_MAX} pair codes were asked for within {minutes} minutes: try again later");
            let wait = oldest.after(PERIOD).remaining(now);
            return Err(Error::new(ErrorKind::TooManyPairCodes, detail).retry_in(wait));
        }
        moments.push_back(now);
        Ok(())
    }
}

/// What somebody may still ask for.
#[derive(Debug)]
pub struct CodeBudget {
    /// Whose it is.
    pub asker: Asker,
    /// What was asked for.
    pub codes: PairCodes,
}

impl CodeBudget {
    /// Takes one code from it.
    ///
    /// # Errors
    /// `TooManyPairCodes`, with the wait until there is one more.
    pub fn take(&self, now: Timestamp) -> Result<()> {
        self.codes.take(&self.asker, now)
    }
}

/// A pair code that somebody waits for.
#[derive(Debug)]
pub struct WantedCode {
    /// For which phone.
    pub request: PairRequest,
    /// What it is taken from, if WhatsApp has to be asked.
    pub budget: CodeBudget,
    /// Who waits.
    pub reply: oneshot::Sender<Result<PairCode>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asker(id: &str) -> Asker {
        Asker::Session(SessionId::parse(id).expect("an id"))
    }

    #[test]
    fn five_codes_in_ten_minutes_and_each_counts_for_ten() {
        let (codes, start) = (PairCodes::default(), Timestamp::from_millis(1_000_000));
        let at = |minutes: u64| start.after(Duration::from_secs(minutes * 60));
        let ask = |minutes| codes.take(&asker("shop"), at(minutes));
        assert!((0..5).all(|minute| ask(minute).is_ok()));
        let refused = ask(6).expect_err("the sixth");
        assert_eq!(
            (refused.kind(), refused.retry_after()),
            (ErrorKind::TooManyPairCodes, Some(Duration::from_secs(240)))
        );
        assert!(codes.take(&asker("other"), at(6)).is_ok(), "nobody takes from another");
        assert!(ask(10).is_ok() && ask(10).is_err(), "the first one does not count any more");
    }

    #[test]
    fn nobody_is_remembered_for_longer_than_it_matters() {
        let (codes, start) = (PairCodes::default(), Timestamp::from_millis(1_000_000));
        for number in 0..100 {
            codes.take(&asker(&format!("s{number}")), start).expect("the first one");
        }
        codes.take(&asker("late"), start.after(PERIOD)).expect("the first one");
        assert_eq!(codes.0.lock().len(), 1);
        // The clock was set back by a day.
        codes.take(&asker("early"), Timestamp::from_millis(0)).expect("the first one");
        assert_eq!(codes.0.lock().len(), 1);
    }
}
