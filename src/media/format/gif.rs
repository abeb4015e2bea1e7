//! GIF files: whether they are whole, and whether they move; src: GIF89a specification, 17 to 27.

use crate::media::format::number;
use crate::media::format::refusal::Refusal;

/// Whether the picture moves.
///
/// # Errors
/// It is broken or cut off.
pub fn is_animated(bytes: &[u8]) -> Result<bool, Refusal> {
    frames(bytes).map(|frames| frames > 1).ok_or_else(Refusal::cut_off)
}

/// How many pictures are in it. None unless it has an end.
fn frames(bytes: &[u8]) -> Option<usize> {
    let mut frames = 0;
    let mut at = 13 + colours(*bytes.get(10)?);
    loop {
        match *bytes.get(at)? {
            // An extension: what kind it is, and its content.
            0x21 => at = behind_blocks(bytes, at + 2)?,
            // A picture: where it is, its colours, how long its codes are, and its content.
            0x2c => {
                frames += 1;
                at = behind_blocks(bytes, at + 11 + colours(*bytes.get(at + 9)?))?;
            }
            0x3b => return Some(frames),
            _ => return None,
        }
    }
}

/// Bytes of a table of colours, as its flags say.
fn colours(flags: u8) -> usize {
    if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}

/// The place behind blocks of content, each with its length in front; one of length 0 ends them.
fn behind_blocks(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let length = number::length(number::big(bytes, at, 1)?);
        at += 1 + length;
        if length == 0 {
            return Some(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::format::sample;

    #[test]
    fn pictures_are_counted_to_the_end() {
        assert!(matches!(is_animated(&sample::gif(1)), Ok(false)));
        assert!(matches!(is_animated(&sample::gif(2)), Ok(true)));
        let whole = sample::gif(2);
        for length in 0..whole.len() {
            assert!(is_animated(&whole[..length]).is_err(), "{length} of {}", whole.len());
        }
    }
}
