//! The time of day, for moments that two processes on one machine compare. Durations inside one process are `Instant`s.

/// Microseconds since 1970.
pub(crate) fn unix_micros() -> u64 {
    let since = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

/// Seconds from one such moment to a later one.
pub(crate) fn seconds_between(earlier_micros: u64, later_micros: u64) -> f64 {
    later_micros.saturating_sub(earlier_micros) as f64 / 1e6
}
