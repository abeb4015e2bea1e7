//! Opus: the head of a stream, and the frames in a packet; src: RFC 7845 and RFC 6716, 3. Nothing is decoded.

use crate::media::format::number;

/// Samples of a second, in which positions are counted, whatever the sound was recorded with.
pub const SAMPLES_PER_SECOND: u64 = 48_000;
/// Most bytes of a frame.
const FRAME_MAX: usize = 1275;
/// Most samples of a packet: 120 ms.
const PACKET_SAMPLES_MAX: u64 = 5760;
/// Where in the head the rate is with which the sound was recorded.
const RATE: usize = 12;

/// The head of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Channels.
    pub channels: u8,
    /// Samples at the beginning that are not played.
    pub skipped: u16,
    /// Samples a second with which it was recorded. Says nothing of how it is coded.
    pub rate: u32,
    /// How channels are mapped; 0 for one or two in the usual order.
    pub mapping: u8,
    bytes: Vec<u8>,
}

impl Head {
    /// Reads the first packet of a stream. None if it is not the head of Opus, of the first version.
    pub fn read(packet: &[u8]) -> Option<Self> {
        let is_head = packet.starts_with(b"OpusHead") && packet.len() >= 19 && packet[8] & 0xf0 == 0;
        let head = Self {
            channels: *packet.get(9)?,
            skipped: u16::try_from(number::little(packet, 10, 2)?).ok()?,
            rate: u32::try_from(number::little(packet, RATE, 4)?).ok()?,
            mapping: *packet.get(18)?,
            bytes: packet.to_vec(),
        };
        (is_head && head.channels > 0).then_some(head)
    }

    /// The same head, with another rate.
    pub fn with_rate(&self, rate: u32) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        bytes[RATE..RATE + 4].copy_from_slice(&rate.to_le_bytes());
        bytes
    }
}

/// Tags of a stream that say nothing.
pub fn no_tags() -> Vec<u8> {
    let vendor = b"waypost";
    let length = u32::try_from(vendor.len()).unwrap_or_default();
    [&b"OpusTags"[..], &length.to_le_bytes(), vendor, &0_u32.to_le_bytes()].concat()
}

/// How many tags there are. None if it is no packet of tags.
pub fn tags(packet: &[u8]) -> Option<u64> {
    let vendor = number::length(number::little(packet, 8, 4)?);
    packet.starts_with(b"OpusTags").then_some(())?;
    number::little(packet, vendor.checked_add(12)?, 4)
}

/// The frames of a packet.
#[derive(Debug, PartialEq, Eq)]
pub struct Frames<'a> {
    /// How they are coded: the upper five bits of the packet's first byte.
    pub config: u8,
    /// Whether they have two channels.
    pub is_stereo: bool,
    /// How they are put into the packet: the lower two bits of its first byte.
    pub code: u8,
    /// Their bytes. One without any stands for silence.
    pub frames: Vec<&'a [u8]>,
}

impl<'a> Frames<'a> {
    /// Reads a packet. None if it is broken.
    pub fn read(packet: &'a [u8]) -> Option<Self> {
        let (first, rest) = packet.split_first()?;
        let (config, is_stereo, code) = (first >> 3, first & 4 != 0, first & 3);
        let frames = match code {
            0 => vec![rest],
            1 => {
                let (one, other) = rest.split_at(rest.len() / 2);
                (one.len() == other.len()).then(|| vec![one, other])?
            }
            2 => {
                let (length, rest) = length(rest)?;
                let (one, other) = rest.split_at_checked(length)?;
                vec![one, other]
            }
            _ => many(rest)?,
        };
        let packet = Self { config, is_stereo, code, frames };
        let is_valid =
            packet.frames.iter().all(|frame| frame.len() <= FRAME_MAX) && packet.samples() <= PACKET_SAMPLES_MAX;
        is_valid.then_some(packet)
    }

    /// Samples of all frames together.
    pub fn samples(&self) -> u64 {
        // At most 63 frames.
        frame_samples(self.config) * u64::try_from(self.frames.len()).unwrap_or(u64::MAX)
    }
}

/// Samples of a frame that is coded like this.
pub fn frame_samples(config: u8) -> u64 {
    match config {
        0..=11 => [480, 960, 1920, 2880][usize::from(config & 3)],
        12..=15 => [480, 960][usize::from(config & 1)],
        _ => [120, 240, 480, 960][usize::from(config & 3)],
    }
}

/// The frames of a packet of any number of them.
fn many(bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let (head, mut rest) = bytes.split_first()?;
    let count = usize::from(head & 0x3f);
    if head & 0x40 != 0 {
        let mut padding = 0;
        loop {
            let (more, behind) = rest.split_first()?;
            rest = behind;
            // A full byte stands for one less, and says that another follows.
            padding += usize::from(*more).min(254);
            if *more < u8::MAX {
                break;
            }
        }
        rest = rest.get(..rest.len().checked_sub(padding)?)?;
    }
    match (count, head & 0x80 != 0) {
        (0, _) => None,
        (_, false) if rest.is_empty() => Some(vec![rest; count]),
        (_, false) => rest.len().is_multiple_of(count).then(|| rest.chunks(rest.len() / count).collect()),
        (_, true) => {
            let mut lengths = Vec::with_capacity(count);
            for _ in 1..count {
                let (length, behind) = length(rest)?;
                lengths.push(length);
                rest = behind;
            }
            let mut frames = Vec::with_capacity(count);
            for length in lengths {
                let (frame, behind) = rest.split_at_checked(length)?;
                frames.push(frame);
                rest = behind;
            }
            frames.push(rest);
            Some(frames)
        }
    }
}

/// A length of one or two bytes, and what is behind it.
fn length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    match first {
        0..=251 => Some((usize::from(*first), rest)),
        _ => {
            let (second, rest) = rest.split_first()?;
            Some((usize::from(*second) * 4 + usize::from(*first), rest))
        }
    }
}

/// A packet of mono frames that are coded alike, at most 48 of at most 1,275 bytes, in the way that takes any number of them: code 3.
pub fn packed(config: u8, frames: &[Vec<u8>]) -> Vec<u8> {
    let are_equal = frames.windows(2).all(|pair| pair[0].len() == pair[1].len());
    let count = u8::try_from(frames.len()).unwrap_or_default() & 0x3f;
    let mut packet = vec![config << 3 | 3, count | if are_equal { 0 } else { 0x80 }];
    if !are_equal {
        // The last one's length is what is left.
        for frame in &frames[..frames.len() - 1] {
            packet.extend(length_bytes(frame.len()));
        }
    }
    packet.extend(frames.iter().flatten());
    packet
}

fn length_bytes(length: usize) -> Vec<u8> {
    if length < 252 {
        return vec![u8::try_from(length).unwrap_or_default()];
    }
    let first = 252 + (length & 3);
    vec![u8::try_from(first).unwrap_or_default(), u8::try_from((length - first) / 4).unwrap_or_default()]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_head_is_read_and_gets_another_rate() {
        let bytes = b"OpusHead\x01\x01\x38\x01\x80\xbb\0\0\0\0\0";
        let head = Head::read(bytes).expect("it is a head");
        assert_eq!((head.channels, head.skipped, head.rate, head.mapping), (1, 312, 48_000, 0));
        assert_eq!(Head::read(&head.with_rate(16_000)).map(|head| head.rate), Some(16_000));
        assert_eq!(head.with_rate(48_000), bytes);
        for broken in [&b""[..], b"OpusHead", b"OpusTags\x01\x01\x38\x01\x80\xbb\0\0\0\0\0", &bytes[..18]] {
            assert_eq!(Head::read(broken), None);
        }
        assert_eq!(Head::read(b"OpusHead\x10\x01\x38\x01\x80\xbb\0\0\0\0\0"), None);
        assert_eq!((tags(&no_tags()), tags(b"OpusTags"), tags(b"OpusHead\0\0\0\0\0\0\0\0")), (Some(0), None, None));
    }

    #[test]
    fn frames_are_as_long_as_their_coding_says() {
        let tenths = [10, 20, 40, 60, 10, 20, 40, 60, 10, 20, 40, 60, 10, 20, 10, 20].map(|ms| ms * 48);
        assert_eq!((0..16).map(frame_samples).collect::<Vec<_>>(), tenths);
        assert_eq!((16..20).map(frame_samples).collect::<Vec<_>>(), [120, 240, 480, 960]);
    }

    #[test]
    fn frames_are_found_in_each_of_the_four_codes() {
        let frames = |packet: &[u8]| {
            Frames::read(packet).map(|read| read.frames.iter().map(|frame| frame.to_vec()).collect::<Vec<_>>())
        };
        assert_eq!(frames(&[9 << 3, 1, 2]), Some(vec![vec![1, 2]]));
        assert_eq!(frames(&[9 << 3 | 1, 1, 2]), Some(vec![vec![1], vec![2]]));
        assert_eq!(frames(&[9 << 3 | 2, 2, 1, 2, 3]), Some(vec![vec![1, 2], vec![3]]));
        assert_eq!(frames(&[9 << 3 | 3, 3, 1, 2, 3]), Some(vec![vec![1], vec![2], vec![3]]));
        assert_eq!(frames(&[9 << 3 | 3, 0x83, 0, 1, 7, 8, 9]), Some(vec![vec![], vec![7], vec![8, 9]]));
        // With two bytes of padding.
        assert_eq!(frames(&[9 << 3 | 3, 0x41, 2, 7, 0, 0]), Some(vec![vec![7]]));
        assert_eq!(frames(&[9 << 3]), Some(vec![vec![]]));
        // Nothing; halves that are not equal; a length behind the end; no frames; 120 ms and more; too much padding.
        for broken in
            [&[][..], &[9 << 3 | 1, 1], &[9 << 3 | 2, 9, 1], &[75, 0], &[75, 7, 1, 2, 3, 4, 5, 6, 7], &[75, 0x41, 9, 1]]
        {
            assert_eq!(Frames::read(broken), None, "{broken:?}");
        }
        assert_eq!(Frames::read(&[vec![9 << 3], vec![0; 1276]].concat()), None);
    }

    proptest! {
        #[test]
        fn what_was_packed_is_found_again(frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..=FRAME_MAX), 1..=6)) {
            let packet = packed(9, &frames);
            let read = Frames::read(&packet).expect("it is valid");
            prop_assert_eq!((read.config, read.is_stereo, read.code), (9, false, 3));
            prop_assert_eq!(read.frames, frames);
        }
    }
}
