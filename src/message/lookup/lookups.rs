//! Questions about the numbers of one session, gathered: what is asked while a question is under way, or a moment after another, goes
//! out together with it, and whoever asks about the same number shares its answer.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::account::PhoneNumber;
use crate::error::{Error, Result};

/// Numbers of one question, at most. Address books are asked about in questions of hundreds; people who write to strangers are not to
/// look like that.
pub(in crate::message) const TOGETHER: usize = 50;
/// Numbers of one session that wait to be asked about, at most: twenty questions.
const WAITING: usize = 1_000;
/// How long the first question waits for more numbers. Requests that come at once are in within that time, and nobody notices it.
pub(in crate::message) const GATHER: Duration = Duration::from_millis(5);

/// What became of looking for somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::message) enum Found {
    /// Messages reach them under this JID.
    At(String),
    /// Nobody on WhatsApp has this number.
    Nobody,
}

/// What somebody who asked is told.
pub(in crate::message) type Answer = oneshot::Receiver<Result<Found>>;

/// The questions of one session.
#[derive(Debug, Default)]
pub(in crate::message) struct Lookups {
    waiting: VecDeque<Lookup>,
    under_way: Vec<Lookup>,
}

/// A question about one number.
#[derive(Debug)]
struct Lookup {
    number: PhoneNumber,
    /// Who wants to know it.
    askers: Vec<oneshot::Sender<Result<Found>>>,
}

impl Lookups {
    /// Asks about a number. None if too many wait already.
    pub(in crate::message) fn join(&mut self, number: &PhoneNumber) -> Option<Answer> {
        let (asker, answer) = oneshot::channel();
        let is_full = self.waiting.len() >= WAITING;
        let same = self.under_way.iter_mut().chain(&mut self.waiting).find(|lookup| lookup.number == *number);
        match same {
            Some(lookup) => lookup.askers.push(asker),
            None if is_full => return None,
            None => self.waiting.push_back(Lookup { number: number.clone(), askers: vec![asker] }),
        }
        Some(answer)
    }

    /// The numbers of the next question. Empty if nobody waits for an answer any more.
    pub(in crate::message) fn take(&mut self) -> Vec<PhoneNumber> {
        self.waiting.retain(|lookup| lookup.askers.iter().any(|asker| !asker.is_closed()));
        let count = self.waiting.len().min(TOGETHER);
        self.under_way = self.waiting.drain(..count).collect();
        self.under_way.iter().map(|lookup| lookup.number.clone()).collect()
    }

    /// Tells those who asked about these numbers what came of it. Whoever asked about another number of the question is told nothing.
    pub(in crate::message) fn tell(&mut self, answers: Vec<(PhoneNumber, Result<Found>)>) {
        for (number, answer) in answers {
            let Some(place) = self.under_way.iter().position(|lookup| lookup.number == number) else { continue };
            let mut answer = Some(answer);
            for asker in self.under_way.swap_remove(place).askers {
                let told = answer.take();
                answer = told.as_ref().map(same);
                if let Some(told) = told {
                    let _ = asker.send(told); // Whoever asked may have gone.
                }
            }
        }
    }
}

/// The same answer for somebody else. What caused a failure is told once.
fn same(answer: &Result<Found>) -> Result<Found> {
    match answer {
        Ok(found) => Ok(found.clone()),
        Err(error) => Err(same_error(error)),
    }
}

/// The same failure for somebody else, without its cause.
pub(in crate::message) fn same_error(error: &Error) -> Error {
    let same = Error::new(error.kind(), error.to_string());
    match error.retry_after() {
        Some(wait) => same.retry_in(wait),
        None => same,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn number(last: usize) -> PhoneNumber {
        PhoneNumber::parse("n", &format!("1555010{last:04}")).expect("a number")
    }

    fn at(last: usize) -> Found {
        Found::At(format!("1555010{last:04}@s.whatsapp.net"))
    }

    #[test]
    fn what_is_asked_together_goes_out_together_and_each_gets_its_own_answer() {
        let mut lookups = Lookups::default();
        let mut answers: Vec<_> = (0..3).map(|last| lookups.join(&number(last)).expect("there is room")).collect();
        let mut again = lookups.join(&number(1)).expect("there is room");
        let mut asked = lookups.take();
        assert_eq!(asked, [number(0), number(1), number(2)]);
        // Also who asks while the question is under way.
        let mut late = lookups.join(&number(2)).expect("there is room");
        let mut other = lookups.join(&number(3)).expect("there is room");
        asked.reverse();
        lookups.tell(vec![(number(2), Ok(at(2))), (number(0), Ok(at(0))), (number(1), Ok(Found::Nobody))]);
        let told: Vec<_> = answers.iter_mut().map(|answer| answer.try_recv().expect("told").expect("said")).collect();
        assert_eq!(told, [at(0), Found::Nobody, at(2)]);
        assert_eq!(again.try_recv().expect("told").expect("said"), Found::Nobody);
        assert_eq!(late.try_recv().expect("told").expect("said"), at(2));
        assert!(other.try_recv().is_err(), "it was not in the question");
        assert_eq!(lookups.take(), [number(3)]);
    }

    #[test]
    fn a_question_that_fails_fails_for_all_who_asked_it_with_the_reason() {
        let mut lookups = Lookups::default();
        let mut answers: Vec<_> = (0..2).map(|_| lookups.join(&number(1)).expect("there is room")).collect();
        let wait = Duration::from_secs(7);
        let failure = Error::new(ErrorKind::Upstream, "too often").retry_in(wait).because("why");
        assert_eq!(lookups.take(), [number(1)]);
        lookups.tell(vec![(number(1), Err(failure))]);
        for answer in &mut answers {
            let told = answer.try_recv().expect("told").expect_err("it failed");
            assert_eq!((told.kind(), told.to_string().as_str()), (ErrorKind::Upstream, "too often"));
            assert_eq!(told.retry_after(), Some(wait));
        }
        assert!(lookups.take().is_empty());
    }

    #[test]
    fn a_question_has_no_more_numbers_than_it_may_and_none_that_nobody_waits_for() {
        let mut lookups = Lookups::default();
        let answers: Vec<_> = (0..TOGETHER + 7).map(|last| lookups.join(&number(last))).collect();
        drop(lookups.join(&number(9_999)));
        assert_eq!(lookups.take().len(), TOGETHER);
        lookups.tell((0..TOGETHER).map(|last| (number(last), Ok(Found::Nobody))).collect());
        assert_eq!(lookups.take().len(), 7);
        drop(answers);
        let all: Vec<_> = (0..WAITING).map(|last| lookups.join(&number(last + 100))).collect();
        assert!(all.iter().all(Option::is_some));
        assert!(lookups.join(&number(9_998)).is_none(), "too many wait");
        assert!(lookups.join(&number(100)).is_some(), "that is asked already");
    }
}
