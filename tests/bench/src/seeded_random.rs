//! Random choices that can be made again: the same seed, the same choices. Good enough for moments and pauses, for no secret.

use crate::wall_clock::unix_micros;

/// What the seed of a run is when none is given.
pub(crate) fn fresh_seed() -> u64 {
    // A million seeds are enough to choose from, and short enough to be typed again.
    unix_micros() % 1_000_000
}

/// A source of choices.
#[derive(Clone, Debug)]
pub(crate) struct SeededRandom(u64);

impl SeededRandom {
    /// The source that this seed stands for. Each `stream` of a seed makes choices of its own.
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        let mut random = Self(seed);
        Self(random.next() ^ stream.wrapping_mul(0xA076_1D64_78BD_642F))
    }

    /// A number from 0 to below `end`; 0 if that is none.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        // The remainder favours small numbers by less than one in a billion here.
        self.next().checked_rem(end).unwrap_or(0)
    }

    /// The next step of SplitMix64 (Steele, Lea, Flood 2014).
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::SeededRandom;

    #[test]
    fn the_same_seed_makes_the_same_choices_and_each_stream_its_own() {
        let throw = |seed, stream| {
            let mut random = SeededRandom::new(seed, stream);
            (0..20).map(|_| random.below(1000)).collect::<Vec<_>>()
        };
        assert_eq!(throw(7, 1), throw(7, 1));
        assert_ne!(throw(7, 1), throw(7, 2));
        assert_ne!(throw(7, 1), throw(8, 1));
        assert_eq!(SeededRandom::new(7, 1).below(0), 0);
    }
}
