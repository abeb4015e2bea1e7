//! What a file is by its own bytes: its format, how large a picture is, and what is in a voice message. Reads no more than
//! that, and decodes nothing.

use serde::Serialize;

/// Samples a second in which an Ogg file of Opus counts, whatever it was recorded with; src: RFC 7845, 4.
const GRANULES: u64 = 48_000;

/// What is in an Ogg file of Opus.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct OpusFacts {
    /// Channels.
    pub channels: u8,
    /// Samples a second that it was recorded with, as its head says.
    pub sample_rate: u32,
    /// Packets of sound.
    pub packets: usize,
    /// How long it plays, rounded up.
    pub seconds: u64,
    /// How frames are put into packets: the code in their first byte, each once, in order.
    pub codes: Vec<u8>,
    /// Whether iPhones play it: mono, 16 kHz, and packets of code 3. They are pickier than the format.
    pub plays_on_iphones: bool,
}

/// The format of a file by its first bytes. `None` for what has no name here.
pub(crate) fn of(bytes: &[u8]) -> Option<&'static str> {
    let at = |offset: usize, magic: &[u8]| bytes.get(offset..offset + magic.len()) == Some(magic);
    let formats = [
        (at(0, &[0xff, 0xd8, 0xff]), "jpeg"),
        (at(0, b"\x89PNG\r\n\x1a\n"), "png"),
        (at(0, b"RIFF") && at(8, b"WEBP"), "webp"),
        (at(0, b"RIFF") && at(8, b"WAVE"), "wav"),
        (at(0, b"GIF8"), "gif"),
        (at(4, b"ftyp"), "mp4"),
        (at(0, b"OggS"), "ogg"),
        (at(0, b"%PDF-"), "pdf"),
        (at(0, b"PK\x03\x04"), "zip"),
        (at(0, b"ID3") || at(0, &[0xff, 0xfb]), "mp3"),
    ];
    formats.into_iter().find_map(|(is_it, name)| is_it.then_some(name))
}

/// Width and height of a picture, pixels.
pub(crate) fn dimensions(bytes: &[u8]) -> Option<[u32; 2]> {
    let big = |offset: usize, length: usize| {
        let bytes = bytes.get(offset..offset + length)?;
        Some(bytes.iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte)))
    };
    let little = |offset: usize, length: usize| {
        let bytes = bytes.get(offset..offset + length)?;
        Some(bytes.iter().rev().fold(0_u32, |number, byte| number << 8 | u32::from(*byte)))
    };
    match of(bytes)? {
        "png" => Some([big(16, 4)?, big(20, 4)?]),
        "gif" => Some([little(6, 2)?, little(8, 2)?]),
        "jpeg" => jpeg_dimensions(bytes),
        "webp" => match bytes.get(12..16)? {
            b"VP8X" => Some([little(24, 3)? + 1, little(27, 3)? + 1]),
            b"VP8 " => Some([little(26, 2)? & 0x3fff, little(28, 2)? & 0x3fff]),
            b"VP8L" => {
                let bits = little(21, 4)?;
                Some([(bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1])
            }
            _ => None,
        },
        _ => None,
    }
}

/// The frame header of a JPEG file says it, behind any number of other segments.
fn jpeg_dimensions(bytes: &[u8]) -> Option<[u32; 2]> {
    let is_frame = |marker: u8| matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc);
    let (_, frame) = JpegSegments(bytes.get(2..)?).find(|(marker, _)| is_frame(*marker))?;
    let two = |at: usize| Some(u32::from(*frame.get(at)?) << 8 | u32::from(*frame.get(at + 1)?));
    Some([two(3)?, two(1)?])
}

/// The segments of a JPEG file in front of the picture: marker and content.
struct JpegSegments<'a>(&'a [u8]);

impl<'a> Iterator for JpegSegments<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        while let [0xff, 0xff, ..] = self.0 {
            self.0 = &self.0[1..];
        }
        let [0xff, marker, high, low, ..] = *self.0 else { return None };
        let length = usize::from(high) << 8 | usize::from(low);
        let content = self.0.get(4..2 + length)?;
        self.0 = &self.0[2 + length..];
        // Behind the start of a scan there are no segments.
        (marker != 0xda).then_some((marker, content))
    }
}

/// The chunks of a PNG or WebP file: name and content.
fn chunks(bytes: &[u8]) -> Vec<(&[u8], &[u8])> {
    let is_png = of(bytes) == Some("png");
    let mut rest = bytes.get(if is_png { 8 } else { 12 }..).unwrap_or_default();
    let mut chunks = Vec::new();
    while let Some((head, behind)) = rest.split_at_checked(8) {
        let (first, second) = head.split_at(4);
        let (name, length) = if is_png { (second, first) } else { (first, second) };
        let number = |sum: usize, byte: &u8| sum << 8 | usize::from(*byte);
        let length = if is_png { length.iter().fold(0, number) } else { length.iter().rev().fold(0, number) };
        let Some(content) = behind.get(..length) else { break };
        chunks.push((name, content));
        // A sum, or a byte that makes the length even.
        let gap = if is_png { 4 } else { length % 2 };
        rest = behind.get(length + gap..).unwrap_or_default();
    }
    chunks
}

/// Whether it is a WebP picture that moves.
pub(crate) fn is_animated(bytes: &[u8]) -> bool {
    of(bytes) == Some("webp") && chunks(bytes).iter().any(|(name, _)| *name == b"ANIM")
}

/// Whether a picture has a part that says where and with what it was taken: EXIF or XMP.
pub(crate) fn has_metadata(bytes: &[u8]) -> bool {
    match of(bytes) {
        Some("jpeg") => JpegSegments(&bytes[2..]).any(|(marker, _)| marker == 0xe1),
        Some("png") => chunks(bytes)
            .iter()
            .any(|(name, content)| *name == b"eXIf" || (*name == b"iTXt" && content.starts_with(b"XML:com.adobe.xmp"))),
        Some("webp") => chunks(bytes).iter().any(|(name, _)| matches!(*name, b"EXIF" | b"XMP ")),
        _ => false,
    }
}

/// What is in an Ogg file of Opus. `None` when it is none, or broken.
pub(crate) fn opus(bytes: &[u8]) -> Option<OpusFacts> {
    let Ogg { packets, last_granule } = Ogg::read(bytes)?;
    let (head, rest) = packets.split_first()?;
    let (tags, sound) = rest.split_first()?;
    if !head.starts_with(b"OpusHead") || head.len() < 19 || !tags.starts_with(b"OpusTags") || sound.is_empty() {
        return None;
    }
    let (channels, skipped) = (head[9], u64::from(u16::from_le_bytes([head[10], head[11]])));
    let sample_rate = u32::from_le_bytes([head[12], head[13], head[14], head[15]]);
    let mut codes = Vec::new();
    for packet in sound {
        let code = packet.first()? & 3;
        if !codes.contains(&code) {
            codes.push(code);
        }
    }
    Some(OpusFacts {
        channels,
        sample_rate,
        packets: sound.len(),
        seconds: last_granule.saturating_sub(skipped).div_ceil(GRANULES),
        plays_on_iphones: channels == 1 && sample_rate == 16_000 && codes == [3],
        codes,
    })
}

/// The packets of an Ogg file with one stream; src: RFC 3533.
struct Ogg {
    packets: Vec<Vec<u8>>,
    last_granule: u64,
}

impl Ogg {
    fn read(mut bytes: &[u8]) -> Option<Self> {
        let mut ogg = Self { packets: Vec::new(), last_granule: 0 };
        let mut open: Vec<u8> = Vec::new();
        while !bytes.is_empty() {
            let head = bytes.get(..27).filter(|head| head.starts_with(b"OggS\0"))?;
            let lengths = bytes.get(27..27 + usize::from(head[26]))?;
            let begin = 27 + lengths.len();
            let end = begin + lengths.iter().map(|length| usize::from(*length)).sum::<usize>();
            let (page, rest) = bytes.split_at_checked(end)?;
            let sum = u32::from_le_bytes([page[22], page[23], page[24], page[25]]);
            if page_sum(page) != sum {
                return None;
            }
            ogg.last_granule = u64::from_le_bytes(page[6..14].try_into().ok()?);
            let mut at = begin;
            for length in lengths {
                open.extend_from_slice(&page[at..at + usize::from(*length)]);
                at += usize::from(*length);
                if *length < 255 {
                    ogg.packets.push(std::mem::take(&mut open));
                }
            }
            bytes = rest;
        }
        open.is_empty().then_some(ogg)
    }
}

/// The checksum of a page, whose own field counts as zero.
pub(crate) fn page_sum(page: &[u8]) -> u32 {
    let mut sum = 0_u32;
    for (at, byte) in page.iter().enumerate() {
        sum ^= u32::from(if (22..26).contains(&at) { 0 } else { *byte }) << 24;
        for _ in 0..8 {
            sum = if sum & 0x8000_0000 == 0 { sum << 1 } else { sum << 1 ^ 0x04c1_1db7 };
        }
    }
    sum
}

#[cfg(test)]
#[path = "format/tests.rs"]
mod tests;
