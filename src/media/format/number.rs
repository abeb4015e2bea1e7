//! Numbers in files, whose places and lengths nobody has checked yet.

/// A number of at most eight bytes, the highest first. None behind the end of the bytes.
pub fn big(bytes: &[u8], at: usize, length: usize) -> Option<u64> {
    let bytes = bytes.get(at..at.checked_add(length)?)?;
    Some(bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

/// A number of at most eight bytes, the lowest first. None behind the end of the bytes.
pub fn little(bytes: &[u8], at: usize, length: usize) -> Option<u64> {
    let bytes = bytes.get(at..at.checked_add(length)?)?;
    Some(bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

/// A length in memory.
pub fn length(number: u64) -> usize {
    // What does not fit is behind the end of every file that is in memory.
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// Whole seconds of so many parts of a second, rounded up: nothing that can be heard has a length of 0.
pub fn seconds(parts: u64, parts_per_second: u64) -> Option<u32> {
    (parts_per_second > 0).then(|| u32::try_from(parts.div_ceil(parts_per_second)).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_in_both_orders_and_not_behind_the_end() {
        assert_eq!(big(&[1, 2, 3], 1, 2), Some(0x0203));
        assert_eq!(little(&[1, 2, 3], 1, 2), Some(0x0302));
        assert_eq!((big(&[1], 0, 2), little(&[1], usize::MAX, 2)), (None, None));
        assert_eq!((seconds(1, 48_000), seconds(96_000, 48_000), seconds(1, 0)), (Some(1), Some(2), None));
    }
}
