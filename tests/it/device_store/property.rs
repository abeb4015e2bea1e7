//! Random sequences of calls: ours answers each as the reference does, and holds the same in the end.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::{Strategy, any};
use proptest::sample::select;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use rstest::rstest;
use sea_orm::Iterable;
use tokio::runtime::Runtime;
use wacore::store::InMemoryBackend;
use wacore::store::error::Result;
use wacore::store::traits::Backend;

use super::{Base, On};

mod app_sync;
mod messages;
mod protocol;
mod signal;

/// Longest sequence, calls.
const CALLS: usize = 40;
/// Distinct keys: few, so that they meet.
const KEYS: u8 = 4;
/// Distinct pre-key ids and other numbers: more than a block of pre-keys has.
const NUMBERS: u8 = 40;

/// The calls of one subject that change something or take it.
trait Subject: Iterable + Copy + Debug + 'static {
    /// Makes the call and tells its answer, if it has one.
    async fn make(store: &dyn Backend, step: &Step<Self>) -> Result<String>;

    /// Everything that the subject's calls may have left.
    async fn look(store: &dyn Backend, whose: Whose) -> Result<Vec<String>>;
}

/// Whose store it is, for the one question to which the reference's answer is not the law.
#[derive(Clone, Copy, Debug)]
enum Whose {
    Ours,
    Reference,
}

/// A call with all that a call may need.
#[derive(Clone, Debug)]
struct Step<C> {
    call: C,
    key: u8,
    number: u8,
    flag: bool,
    moment: i64,
    /// Keys (or numbers) and values; a key may come twice.
    batch: Vec<(u8, u8)>,
}

impl<C> Step<C> {
    /// A batch with names for keys.
    fn named(&self) -> Vec<(Arc<str>, Bytes)> {
        self.batch.iter().map(|(key, byte)| (Arc::from(name(*key)), value(*byte))).collect()
    }
}

/// One of [`KEYS`] names. Two are devices of one user.
fn name(key: u8) -> String {
    let key = key % KEYS;
    format!("{}:{}@lid", key / 2, key % 2)
}

fn names() -> impl Iterator<Item = String> {
    (0..KEYS).map(name)
}

fn value(byte: u8) -> Bytes {
    Bytes::from(vec![byte; usize::from(byte)])
}

#[rstest]
#[case(On::Sqlite, 120)]
#[case(On::Postgres, 25)]
fn random_calls_leave_what_they_leave_in_the_reference(#[case] on: On, #[case] cases: u32) {
    let runtime = Runtime::new().unwrap();
    let base = runtime.block_on(Base::on(on));
    compare::<signal::Call>(&runtime, &base, cases);
    compare::<app_sync::Call>(&runtime, &base, cases);
    compare::<protocol::Call>(&runtime, &base, cases);
    compare::<messages::Call>(&runtime, &base, cases);
}

fn compare<C: Subject>(runtime: &Runtime, base: &Base, cases: u32) {
    static SESSIONS: AtomicU32 = AtomicU32::new(0);
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new(config).run(&vec(step::<C>(), 1..CALLS), |steps| {
        let session = format!("s{}", SESSIONS.fetch_add(1, Ordering::Relaxed));
        runtime.block_on(async {
            let ours: Arc<dyn Backend> = Arc::new(base.store(&session).await);
            let reference: Arc<dyn Backend> = Arc::new(InMemoryBackend::new());
            for step in &steps {
                let (answer, expected) = (C::make(&*ours, step).await, C::make(&*reference, step).await);
                same(&format!("the answer to {step:?}"), answer.unwrap(), expected.unwrap())?;
            }
            let left = C::look(&*ours, Whose::Ours).await.unwrap();
            let expected = C::look(&*reference, Whose::Reference).await.unwrap();
            left.into_iter().zip(expected).try_for_each(|(left, expected)| same("what is left", left, expected))
        })
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}

fn step<C: Subject>() -> impl Strategy<Value = Step<C>> {
    let batch = vec((0..NUMBERS, any::<u8>()), 0..12);
    (select(C::iter().collect::<Vec<_>>()), 0..KEYS, 0..NUMBERS, any::<bool>(), 0_i64..6, batch)
        .prop_map(|(call, key, number, flag, moment, batch)| Step { call, key, number, flag, moment, batch })
}

fn same(what: &str, ours: String, reference: String) -> std::result::Result<(), TestCaseError> {
    if ours == reference {
        Ok(())
    } else {
        Err(TestCaseError::fail(format!("{what}: ours {ours}, reference {reference}")))
    }
}
