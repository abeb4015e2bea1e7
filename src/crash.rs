//! Named points at which a test can let the process die, as if it were killed there, a task panic, or whoever passes be held
//! up. A build without the `sandbox` feature has none.

#[cfg(feature = "sandbox")]
mod plan {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// Where to die, and how often that point is passed before.
    static PLAN: OnceLock<(String, AtomicU64)> = OnceLock::new();

    /// Lets the process die at the `number`th passing of a point.
    pub fn at(point: String, number: u64) {
        let _ = PLAN.set((point, AtomicU64::new(number))); // Only the first plan of a process counts.
    }

    /// Where nobody comes past.
    static STALL: OnceLock<String> = OnceLock::new();

    /// Holds up every thread that comes to a point, for good.
    pub fn stall_at(point: String) {
        let _ = STALL.set(point); // Only the first plan of a process counts.
    }

    /// A point is passed.
    pub fn point(name: &str) {
        while STALL.get().is_some_and(|stall| stall == name) {
            std::thread::park();
        }
        if is_planned(name) {
            std::process::abort();
        }
    }

    /// A point is passed at which the task panics instead.
    pub fn panic_point(name: &str) {
        assert!(!is_planned(name), "it was planned to panic at {name}");
    }

    fn is_planned(name: &str) -> bool {
        let planned = PLAN.get().filter(|(planned, _)| planned == name);
        planned.is_some_and(|(_, left)| left.fetch_sub(1, Ordering::SeqCst) == 1)
    }
}

#[cfg(feature = "sandbox")]
pub use plan::{at, panic_point, point, stall_at};

/// A point is passed at which a task panics instead.
#[cfg(not(feature = "sandbox"))]
pub fn panic_point(_name: &str) {}

/// A point is passed.
#[cfg(not(feature = "sandbox"))]
pub fn point(_name: &str) {}
