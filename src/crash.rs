//! Named points at which a test can let the process die, as if it were killed there. A build without the `sandbox` feature
//! has none.

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

    /// A point is passed.
    pub fn point(name: &str) {
        if let Some((planned, left)) = PLAN.get()
            && planned == name
            && left.fetch_sub(1, Ordering::SeqCst) == 1
        {
            std::process::abort();
        }
    }
}

#[cfg(feature = "sandbox")]
pub use plan::{at, point};

/// A point is passed.
#[cfg(not(feature = "sandbox"))]
pub fn point(_name: &str) {}
