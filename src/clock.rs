//! Where the time comes from. The only reader of the system clock.

pub mod trust;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use entity::timestamp::Timestamp;

/// The time of day: the system's, or one that a test moves by hand.
#[derive(Clone, Debug)]
pub struct Clock(Option<Arc<AtomicI64>>);

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self(None)
    }

    /// A clock that stands still at `start` until it is advanced.
    pub fn manual(start: Timestamp) -> Self {
        Self(Some(Arc::new(AtomicI64::new(start.millis()))))
    }

    /// The present moment.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks the system")]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            None => chrono::Utc::now().into(),
            Some(millis) => Timestamp::from_millis(millis.load(Ordering::Relaxed)),
        }
    }

    /// Sets a manual clock, forward or back; the system's clock takes no orders.
    pub fn set(&self, to: Timestamp) {
        if let Some(millis) = &self.0 {
            millis.store(to.millis(), Ordering::Relaxed);
        }
    }

    /// Moves a manual clock forward; the system's clock takes no orders.
    pub fn advance(&self, by: Duration) {
        if let Some(millis) = &self.0 {
            millis.fetch_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX), Ordering::Relaxed);
        }
    }
}
