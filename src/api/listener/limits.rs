//! How many connections there may be, and how long each may keep others waiting.

use std::time::Duration;

/// Connections at the same time when nobody says otherwise.
// There is no bound by address: behind a proxy all have the same.
const CONNECTIONS: usize = 8192;
/// Most connections that have not said anything yet.
const NEWCOMERS: usize = 1024;

/// How long a connection may take.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// For its first byte, and for the whole head of a request once it has begun.
    pub head: Duration,
    /// Between two requests.
    pub idle: Duration,
    /// To take anything of what waits for it.
    pub take: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self { head: Duration::from_secs(10), idle: Duration::from_secs(60), take: Duration::from_secs(60) }
    }
}

/// The limits of connections.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections that have said something.
    pub connections_max: usize,
    /// Connections that have not, beside them.
    pub newcomers_max: usize,
    /// Connections that were told to go and have not gone yet, beside them.
    pub leaving_max: usize,
    /// How long they may take.
    pub timing: Timing,
}

impl Limits {
    /// The limits of a process that may open so many files and sockets, none for any number. Half of them are kept back.
    pub fn new(wanted: Option<usize>, descriptors: Option<u64>, timing: Timing) -> Self {
        let share = descriptors.map_or(usize::MAX, |number| usize::try_from(number / 2).unwrap_or(usize::MAX));
        // With the newcomers and the leaving ones, eleven twelfths of the share.
        let connections_max = wanted.unwrap_or(CONNECTIONS).min(share / 3 * 2).max(1);
        Self {
            connections_max,
            newcomers_max: (connections_max / 4).clamp(1, NEWCOMERS),
            leaving_max: (connections_max / 8).clamp(1, NEWCOMERS),
            timing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_descriptors_are_kept_back_whatever_is_wanted() {
        for descriptors in [8, 64, 256, 1024, 4096, 1_048_576] {
            for wanted in [None, Some(1), Some(1000), Some(1_000_000)] {
                let limits = Limits::new(wanted, Some(descriptors), Timing::default());
                let sum = limits.connections_max + limits.newcomers_max + limits.leaving_max;
                assert!(sum as u64 <= descriptors / 2, "{wanted:?} of {descriptors}: {limits:?}");
                assert!(limits.connections_max <= wanted.unwrap_or(CONNECTIONS));
            }
        }
        assert_eq!(Limits::new(None, None, Timing::default()).connections_max, CONNECTIONS);
        assert_eq!(Limits::new(Some(20_000), Some(1_048_576), Timing::default()).connections_max, 20_000);
    }
}
