//! The chunks of WebP files; src: RFC 9649, 2. Tells whether one moves, how large it is, and metadata from what the picture needs.

use crate::media::format::number;
use crate::media::format::refusal::Refusal;

/// Most chunks at the top: frames of what moves, among others.
const CHUNKS_MAX: usize = 4096;
/// Flags of the extended head for the two kinds of metadata.
const METADATA_FLAGS: u8 = 0x08 | 0x04;
/// What makers of stickers write into the metadata of a sticker: which collection it is from. Phones show it.
const STICKER_PACK: &[u8] = b"sticker-pack";

/// What is in a WebP file.
#[derive(Debug, PartialEq, Eq)]
pub struct WebP {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// How many frames it has, if it moves.
    pub frames: usize,
    /// Whether it moves.
    pub is_animated: bool,
    /// The file without what says where and with what it was made; which collection a sticker is from stays.
    pub stripped: Vec<u8>,
}

impl WebP {
    /// Walks through a file.
    ///
    /// # Errors
    /// It is broken or cut off.
    pub fn read(bytes: &[u8]) -> Result<Self, Refusal> {
        let size = number::length(number::little(bytes, 4, 4).ok_or_else(Refusal::cut_off)?);
        if !bytes.starts_with(b"RIFF") || bytes.get(8..12) != Some(b"WEBP") {
            return Err(broken());
        }
        let inside = bytes.get(12..size.saturating_add(8)).ok_or_else(Refusal::cut_off)?;
        let mut webp = Self { width: 0, height: 0, frames: 0, is_animated: false, stripped: Vec::new() };
        let (mut kept, mut has_metadata) = (Vec::new(), false);
        let mut rest = inside;
        let mut extended = None;
        for count in 0.. {
            if rest.is_empty() {
                break;
            }
            if count >= CHUNKS_MAX {
                return Err(Refusal::unsupported(format!("must have at most {CHUNKS_MAX} chunks")));
            }
            let chunk = Chunk::first(rest)?;
            rest = chunk.behind;
            if matches!(chunk.name, b"EXIF" | b"XMP ") && !has_word(chunk.content, STICKER_PACK) {
                continue;
            }
            has_metadata |= matches!(chunk.name, b"EXIF" | b"XMP ");
            if chunk.name == b"VP8X" && extended.is_none() {
                extended = Some(kept.len() + 8);
            }
            kept.extend_from_slice(chunk.whole);
            webp.take(&chunk)?;
        }
        if let Some(flags) = extended.and_then(|at| kept.get_mut(at))
            && !has_metadata
        {
            *flags &= !METADATA_FLAGS;
        }
        webp.finish(&kept)
    }

    /// What a chunk tells of the picture.
    fn take(&mut self, chunk: &Chunk<'_>) -> Result<(), Refusal> {
        let content = chunk.content;
        let size = match chunk.name {
            b"VP8X" => three(content, 4).zip(three(content, 7)).map(|(width, height)| (width + 1, height + 1)),
            b"VP8 " => two(content, 6).zip(two(content, 8)).map(|(width, height)| (width & 0x3fff, height & 0x3fff)),
            b"VP8L" => number::little(content, 1, 4).and_then(|bits| {
                let part = |bits: u64| u32::try_from(bits & 0x3fff).ok();
                Some((part(bits)? + 1, part(bits >> 14)? + 1))
            }),
            b"ANIM" => {
                self.is_animated = true;
                return Ok(());
            }
            b"ANMF" => {
                self.frames += 1;
                return self.check_frame(content);
            }
            _ => return Ok(()),
        };
        let (width, height) = size.ok_or_else(broken)?;
        // The extended head comes first, and says how large all of it is.
        if self.width == 0 {
            (self.width, self.height) = (width, height);
        }
        Ok(())
    }

    /// A frame lies inside the picture, and has a picture of its own.
    fn check_frame(&self, content: &[u8]) -> Result<(), Refusal> {
        let at = |place| three(content, place).ok_or_else(broken);
        let fits = at(0)? * 2 + at(6)? < self.width && at(3)? * 2 + at(9)? < self.height;
        let mut rest = content.get(16..).ok_or_else(broken)?;
        let mut has_picture = false;
        while !rest.is_empty() {
            let chunk = Chunk::first(rest)?;
            has_picture |= matches!(chunk.name, b"VP8 " | b"VP8L");
            rest = chunk.behind;
        }
        if fits && has_picture { Ok(()) } else { Err(broken()) }
    }

    fn finish(mut self, kept: &[u8]) -> Result<Self, Refusal> {
        if self.width == 0 || self.height == 0 || (self.is_animated && self.frames == 0) {
            return Err(broken());
        }
        let size = u32::try_from(kept.len() + 4).map_err(|_| broken())?;
        self.stripped = [&b"RIFF"[..], &size.to_le_bytes(), b"WEBP", kept].concat();
        Ok(self)
    }
}

/// A chunk at the beginning of bytes.
struct Chunk<'a> {
    name: &'a [u8],
    content: &'a [u8],
    whole: &'a [u8],
    behind: &'a [u8],
}

impl<'a> Chunk<'a> {
    fn first(bytes: &'a [u8]) -> Result<Self, Refusal> {
        let length = number::length(number::little(bytes, 4, 4).ok_or_else(Refusal::cut_off)?);
        let end = length.checked_add(8).ok_or_else(Refusal::cut_off)?;
        let content = bytes.get(8..end).ok_or_else(Refusal::cut_off)?;
        // A byte makes an odd length even.
        let (whole, behind) = bytes.split_at_checked(end + length % 2).ok_or_else(Refusal::cut_off)?;
        Ok(Self { name: bytes.get(..4).unwrap_or_default(), content, whole, behind })
    }
}

fn two(bytes: &[u8], at: usize) -> Option<u32> {
    number::little(bytes, at, 2).and_then(|number| u32::try_from(number).ok())
}

fn three(bytes: &[u8], at: usize) -> Option<u32> {
    number::little(bytes, at, 3).and_then(|number| u32::try_from(number).ok())
}

fn has_word(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}

fn broken() -> Refusal {
    Refusal::unsupported("must be a valid WebP picture: this one is broken")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::format::sample;

    #[test]
    fn a_still_picture_and_one_that_moves_are_told_apart() {
        let still = sample::webp(30, 20);
        let read = WebP::read(&still).expect("it is valid");
        assert_eq!((read.width, read.height, read.is_animated), (30, 20, false));
        assert_eq!(read.stripped, still);
        let read = WebP::read(&sample::animated_webp(512, 512, 3)).expect("it is valid");
        assert_eq!((read.width, read.height, read.frames, read.is_animated), (512, 512, 3, true));
    }

    #[test]
    fn metadata_is_left_out_and_where_a_sticker_is_from_stays() {
        let animated = sample::animated_webp(512, 512, 1);
        let tagged = sample::with_webp_exif(&animated, b"taken at home");
        assert_eq!(tagged[20] & METADATA_FLAGS, 0x08);
        assert_eq!(WebP::read(&tagged).expect("it is valid").stripped, animated);
        let collected = sample::with_webp_exif(&animated, b"{\"sticker-pack-id\":\"a\"}");
        assert_eq!(WebP::read(&collected).expect("it is valid").stripped, collected);
    }

    #[test]
    fn what_is_cut_off_anywhere_is_refused_as_is_a_frame_outside() {
        let whole = sample::animated_webp(512, 512, 2);
        for length in 0..whole.len() {
            assert!(WebP::read(&whole[..length]).is_err(), "{length} of {}", whole.len());
        }
        let mut outside = whole;
        let frame = outside.windows(4).position(|window| window == b"ANMF").expect("it has frames");
        outside[frame + 9] = 1;
        assert!(WebP::read(&outside).is_err());
    }
}
