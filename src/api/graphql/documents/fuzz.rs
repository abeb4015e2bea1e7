//! No document costs much, whatever it says: many are made at random, and each is read and validated as every request's is.
//!
//! Two things are asserted of each. The steps of `guard` and `expansion` are counted, and grow with the length of the text
//! and not with what it amounts to. All of it together, the parser and the framework's validation included, where nobody counts
//! steps, is measured: in processor time of this thread, so that no other process matters; as the least of several tries, so
//! that no interruption does; and in costs of a plain document, taken in the same process, so that neither the machine nor the
//! build does.

mod attack;

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_graphql::extensions::{Extension, ExtensionContext, ExtensionFactory, NextValidation};
use async_graphql::parser::parse_query;
use async_graphql::{Request, ServerError, ValidationResult};
use futures::FutureExt;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rustix::time::{ClockId, clock_gettime};

use crate::api::graphql::documents::Document;
use crate::api::graphql::graph::{Built, builder};
use crate::api::graphql::{expansion, guard};

/// Most that a document may cost, in costs of the plain one, which comes to some 6 ms in an optimised build (parsing it takes
/// 4.3, measured): well within the 50 ms that no document may exceed. The costliest that were found cost 1.2 of it.
const COST_MAX: u32 = 3;
/// How often a document is measured that seems to cost more. What disturbs a measurement only adds to it.
const TRIES: usize = 5;
/// Documents of a usual run.
const DOCUMENTS: usize = 30;
/// How long the long run takes.
const LONG_RUN: Duration = Duration::from_secs(60);

/// An ordinary document that is as large as may be: it has nearly as many fields as are let through.
fn plain() -> String {
    format!("{{ me {{ {} }} }}", "name ".repeat(4_900))
}

/// Ends every request behind its validation: there is nothing here to answer it from.
struct NothingMore;

impl ExtensionFactory for NothingMore {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

#[async_trait::async_trait]
impl Extension for NothingMore {
    async fn validation(
        &self,
        ctx: &ExtensionContext<'_>,
        next: NextValidation<'_>,
    ) -> Result<ValidationResult, Vec<ServerError>> {
        next.run(ctx).await?;
        Err(vec![ServerError::new("it is valid", None)])
    }
}

/// All that is done with a document before anything is answered.
struct Reading(Built);

impl Reading {
    fn new() -> Self {
        Self(builder().extension(NothingMore).finish())
    }

    /// Reads a document. The processor time that it took.
    fn cost(&self, text: &str) -> Duration {
        let begun = processor_time();
        if let Ok(document) = Document::read(text) {
            let mut request = Request::new(text);
            if document.give(&mut request).is_ok() {
                let answer = self.0.execute(request).now_or_never();
                assert!(
                    answer.is_some_and(|answer| answer.is_err()),
                    "it ends behind its validation, for which nothing waits"
                );
            }
        }
        processor_time().saturating_sub(begun)
    }

    fn least_cost(&self, text: &str) -> Duration {
        (0..TRIES).map(|_| self.cost(text)).min().unwrap_or_default()
    }
}

/// How long this thread has run.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// Makes documents for as long as this goes on, and looks at each.
fn fuzz(mut goes_on: impl FnMut() -> bool) {
    let reading = Reading::new();
    let cost_max = reading.least_cost(&plain()) * COST_MAX;
    let config = Config { cases: 1, failure_persistence: None, ..Config::default() };
    while goes_on() {
        // One document a runner: it is at its end after so many.
        let outcome = TestRunner::new(config.clone()).run(&attack::documents(), |text| {
            if let Ok(scan) = guard::scan(&text) {
                prop_assert!(scan.steps <= 3 * text.len() + 3, "{scan:?} for {} bytes", text.len());
                if let Ok(Ok(found)) = parse_query(&text).map(|document| expansion::measure(&document)) {
                    prop_assert!(found.steps <= text.len(), "{} steps for {} bytes", found.steps, text.len());
                }
            }
            if reading.cost(&text) > cost_max {
                let least = reading.least_cost(&text);
                prop_assert!(least <= cost_max, "{least:?} of at most {cost_max:?} for {} bytes", text.len());
            }
            Ok(())
        });
        // The smallest document that fails as well: it belongs into a test of its own.
        outcome.unwrap_or_else(|failure| panic!("{failure}"));
    }
}

#[test]
fn no_document_costs_much() {
    let mut documents = 0..DOCUMENTS;
    fuzz(|| documents.next().is_some());
}

#[test]
#[ignore = "it takes a minute: a step of .ci/run"]
fn no_document_costs_much_in_a_minute_of_attacks() {
    let begun = Instant::now();
    fuzz(|| begun.elapsed() < LONG_RUN);
}
