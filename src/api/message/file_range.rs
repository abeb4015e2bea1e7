//! The part of a file that a client asks for. src: RFC 9110, 14.

/// What is to be sent of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// All of it.
    Whole,
    /// So many bytes from here on: one at least.
    From { start: u64, length: u64 },
    /// The file has no such part.
    Nothing,
}

/// The part that the header names, of a file of this size. What is no single range of bytes is taken for none, as a server may: the client
/// gets the whole then, and is told so by the status.
pub(super) fn part(range: Option<&str>, size: u64) -> Part {
    let Some((first, last)) = range.and_then(single) else { return Part::Whole };
    match (first, last) {
        (Some(first), last) => {
            let last = last.unwrap_or(u64::MAX).min(size.saturating_sub(1));
            if first >= size { Part::Nothing } else { Part::From { start: first, length: last - first + 1 } }
        }
        // The last so many.
        (None, Some(count)) => {
            let length = count.min(size);
            if length == 0 { Part::Nothing } else { Part::From { start: size - length, length } }
        }
        (None, None) => Part::Whole,
    }
}

/// The first and the last byte, as far as they are named. None for what is not one range of bytes.
fn single(range: &str) -> Option<(Option<u64>, Option<u64>)> {
    let (unit, range) = range.split_once('=')?;
    let (first, last) = range.trim().split_once('-')?;
    let number = |text: &str| match text {
        "" => Some(None),
        // `parse` takes a plus sign as well.
        _ if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok().map(Some),
        _ => None,
    };
    let (first, last) = (number(first.trim_end())?, number(last.trim_start())?);
    let is_range = match (first, last) {
        (Some(first), Some(last)) => first <= last,
        (None, None) => false,
        _ => true,
    };
    (unit.trim().eq_ignore_ascii_case("bytes") && is_range).then_some((first, last))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ranges_are_those_of_the_standard() {
        let from = |start, length| Part::From { start, length };
        for (range, expected) in [
            ("bytes=0-0", from(0, 1)),
            ("bytes=0-499", from(0, 500)),
            ("bytes=500-", from(500, 500)),
            ("bytes=-200", from(800, 200)),
            ("bytes=-5000", from(0, 1000)),
            ("bytes=999-5000", from(999, 1)),
            ("Bytes= 1-2 ", from(1, 2)),
            ("bytes=1000-", Part::Nothing),
            ("bytes=-0", Part::Nothing),
            ("bytes=5-2", Part::Whole),
            ("bytes=0-1,3-4", Part::Whole),
            ("bytes=-", Part::Whole),
            ("bytes=a-b", Part::Whole),
            ("bytes=+1-2", Part::Whole),
            ("lines=1-2", Part::Whole),
            ("bytes=99999999999999999999-", Part::Whole),
            ("", Part::Whole),
        ] {
            assert_eq!(part(Some(range), 1000), expected, "{range}");
        }
        assert_eq!(part(None, 1000), Part::Whole);
        assert_eq!((part(Some("bytes=0-"), 0), part(Some("bytes=-1"), 0)), (Part::Nothing, Part::Nothing));
    }

    proptest! {
        #[test]
        fn no_part_is_outside_of_its_file(range in "(bytes=)?[0-9]{0,20}-?[0-9]{0,20}", size: u64) {
            if let Part::From { start, length } = part(Some(&range), size) {
                prop_assert!(length > 0 && start.checked_add(length).is_some_and(|end| end <= size));
            }
        }
    }
}
