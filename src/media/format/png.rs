//! The chunks of PNG files; src: W3C PNG (third edition), 5. Tells metadata from what the picture needs.

use crate::media::format::number;
use crate::media::format::refusal::Refusal;

/// Most chunks. A picture of 32 MB in pieces of 8 kB has 4,096.
const CHUNKS_MAX: usize = 65_536;
/// What a file begins with.
const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";
/// What of a file changes how its picture looks. All else is text, times, places, and what programs put there for themselves.
const KEPT: [&[u8; 4]; 14] = [
    b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"cHRM", b"gAMA", b"iCCP", b"sBIT", b"sRGB", b"bKGD", b"pHYs",
    b"cICP", b"hIST",
];

/// What is in a PNG file.
#[derive(Debug, PartialEq, Eq)]
pub struct Png {
    /// Whether it moves.
    pub is_animated: bool,
    /// The file without what says where and with what it was made.
    pub stripped: Vec<u8>,
}

impl Png {
    /// Walks through a file.
    ///
    /// # Errors
    /// It is broken or cut off.
    pub fn read(bytes: &[u8]) -> Result<Self, Refusal> {
        if !bytes.starts_with(SIGNATURE) {
            return Err(Refusal::unsupported("must be a valid PNG picture: this one is broken"));
        }
        let mut png = Self { is_animated: false, stripped: SIGNATURE.to_vec() };
        let mut at = SIGNATURE.len();
        for _ in 0..CHUNKS_MAX {
            let length = number::length(number::big(bytes, at, 4).ok_or_else(Refusal::cut_off)?);
            // Length, name and sum stand around the content.
            let end = length.checked_add(12).and_then(|size| at.checked_add(size)).ok_or_else(Refusal::cut_off)?;
            let chunk = bytes.get(at..end).ok_or_else(Refusal::cut_off)?;
            let name = chunk.get(4..8).unwrap_or_default();
            if KEPT.iter().any(|kept| *kept == name) {
                png.stripped.extend_from_slice(chunk);
            }
            png.is_animated |= name == b"acTL";
            if name == b"IEND" {
                return Ok(png);
            }
            at = end;
        }
        Err(Refusal::unsupported(format!("must have at most {CHUNKS_MAX} chunks")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::format::sample;

    #[test]
    fn metadata_is_left_out_and_nothing_else() {
        let plain = sample::png(5, 3);
        let mut tagged = sample::with_text(&plain);
        assert!(tagged.windows(4).any(|window| window == b"tEXt"));
        tagged.extend_from_slice(b"what follows the end");
        assert_eq!(Png::read(&tagged).expect("it is valid"), Png { is_animated: false, stripped: plain });
    }

    #[test]
    fn what_is_cut_off_anywhere_is_refused() {
        let whole = sample::with_text(&sample::png(5, 3));
        for length in 0..whole.len() {
            assert!(Png::read(&whole[..length]).is_err(), "{length} of {}", whole.len());
        }
    }
}
