//! How long sound is that is in no box: MP3, AAC and AMR. Reads heads of frames and decodes nothing.

use std::io::{BufReader, Read, Seek, SeekFrom};

use crate::media::format::number;
use crate::media::format::reading::fill;
use crate::media::format::refusal::Refusal;

/// The first frame of MP3 begins at most so many bytes behind the tags; some programs fill the room between.
const SEARCH: usize = 65_536;
/// Bits of the head that are the same in all frames of a file: marker, version, layer, and samples a second.
const SAME_BITS: u32 = 0xfffe_0c00;
/// Samples a second of AAC, by their number in the head.
const AAC_RATES: [u64; 13] =
    [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];
/// What an AMR file begins with.
const AMR: &[u8] = b"#!AMR\n";
/// Frames of AMR in a second.
const AMR_FRAMES: u64 = 50;

/// Seconds of an MP3 file of so many bytes: from the number of its frames if it is told, else by the bits a second of its first frame.
///
/// # Errors
/// It is no MP3 file, or broken.
pub fn mp3_seconds(reader: &mut (impl Read + Seek), size: u64) -> Result<u32, Refusal> {
    let mut tag = [0; 10];
    reader.seek(SeekFrom::Start(0))?;
    reader.read_exact(&mut tag)?;
    let begin = if tag.starts_with(b"ID3") { behind_tag(&tag) } else { 0 };
    reader.seek(SeekFrom::Start(begin))?;
    let mut bytes = Vec::new();
    reader.take(u64::try_from(SEARCH).unwrap_or(u64::MAX)).read_to_end(&mut bytes).map_err(Refusal::Disk)?;
    let (at, frame) = first_frame(&bytes).ok_or_else(|| broken("MP3"))?;
    let behind = bytes.get(at..).unwrap_or_default();
    let seconds = match frame.count(behind) {
        Some(frames) => number::seconds(frames.saturating_mul(frame.samples), frame.rate),
        None => {
            let place = begin.saturating_add(u64::try_from(at).unwrap_or(u64::MAX));
            number::seconds(size.saturating_sub(place).saturating_mul(8), frame.bits)
        }
    };
    seconds.filter(|seconds| *seconds > 0).ok_or_else(|| broken("MP3"))
}

/// Where the tags end, as their head says: in numbers of seven bits.
fn behind_tag(head: &[u8; 10]) -> u64 {
    let length = head[6..].iter().fold(0, |length, byte| length << 7 | u64::from(byte & 0x7f));
    let foot = if head[5] & 0x10 == 0 { 0 } else { 10 };
    10 + length + foot
}

/// The head of a frame of MP3.
struct Frame {
    /// Samples.
    samples: u64,
    /// Samples a second.
    rate: u64,
    /// Bits a second.
    bits: u64,
    /// Bytes, with the head.
    length: usize,
    /// Bytes in front of what may say how many frames there are.
    side: usize,
}

impl Frame {
    fn read(head: u32) -> Option<Self> {
        // MPEG version 1, 2 or 2.5, and the third layer.
        let (version, layer) = (head >> 19 & 3, head >> 17 & 3);
        if head >> 21 != 0x7ff || version == 1 || layer != 1 {
            return None;
        }
        let is_first = version == 3;
        let place = usize::try_from(head >> 12 & 15).ok()?;
        let kilobits = if is_first {
            [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0]
        } else {
            [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0]
        }[place];
        let rates = [[11_025, 12_000, 8_000], [0; 3], [22_050, 24_000, 16_000], [44_100, 48_000, 32_000]];
        let rate = *rates.get(usize::try_from(version).ok()?)?.get(usize::try_from(head >> 10 & 3).ok()?)?;
        let is_mono = head >> 6 & 3 == 3;
        let (samples, bits) = (if is_first { 1152 } else { 576 }, kilobits * 1000);
        let length = samples / 8 * bits / rate + u64::from(head >> 9 & 1);
        let side = match (is_first, is_mono) {
            (true, false) => 32,
            (true, true) | (false, false) => 17,
            (false, true) => 9,
        };
        (bits > 0).then_some(Self { samples, rate, bits, length: number::length(length), side })
    }

    /// How many frames the file has, if its first one says so instead of sound.
    fn count(&self, bytes: &[u8]) -> Option<u64> {
        let at = 4 + self.side;
        let name = bytes.get(at..at + 4)?;
        let says = matches!(name, b"Xing" | b"Info") && number::big(bytes, at + 4, 4)? & 1 != 0;
        if says {
            return number::big(bytes, at + 8, 4).filter(|frames| *frames > 0);
        }
        (bytes.get(36..40)? == b"VBRI").then(|| number::big(bytes, 50, 4)).flatten().filter(|frames| *frames > 0)
    }
}

/// The first frame behind which another one follows, or the file ends.
fn first_frame(bytes: &[u8]) -> Option<(usize, Frame)> {
    let head = |at| number::big(bytes, at, 4).and_then(|head| u32::try_from(head).ok());
    (0..bytes.len()).find_map(|at| {
        let this = head(at)?;
        let frame = Frame::read(this)?;
        let behind = at + frame.length;
        let follows = head(behind).is_some_and(|next| next & SAME_BITS == this & SAME_BITS);
        (follows || behind == bytes.len()).then_some((at, frame))
    })
}

/// Seconds of an AAC file (ADTS): by its frames, all of which are walked through.
///
/// # Errors
/// It is no such file, broken, or cut off.
pub fn aac_seconds(reader: impl Read + Seek) -> Result<u32, Refusal> {
    let mut reader = BufReader::new(reader);
    reader.seek(SeekFrom::Start(0))?;
    let (mut blocks, mut rate) = (0_u64, 0);
    loop {
        let mut head = [0; 7];
        match fill(&mut reader, &mut head)? {
            0 => break,
            1..7 => return Err(Refusal::cut_off()),
            _ => {}
        }
        let place = usize::from(head[2] >> 2 & 15);
        let this_rate = AAC_RATES.get(place).copied().ok_or_else(|| broken("AAC"))?;
        let length = u64::from(head[3] & 3) << 11 | u64::from(head[4]) << 3 | u64::from(head[5] >> 5);
        if head[0] != 0xff || head[1] & 0xf6 != 0xf0 || length < 7 {
            return Err(broken("AAC"));
        }
        rate = if blocks == 0 { this_rate } else { rate };
        blocks = blocks.saturating_add(u64::from(head[6] & 3) + 1);
        skip(&mut reader, length - 7)?;
    }
    number::seconds(blocks.saturating_mul(1024), rate).filter(|seconds| *seconds > 0).ok_or_else(|| broken("AAC"))
}

/// Seconds of an AMR file with one channel: by its frames, all of which are walked through.
///
/// # Errors
/// It is no such file, broken, or cut off.
pub fn amr_seconds(reader: impl Read + Seek) -> Result<u32, Refusal> {
    let mut reader = BufReader::new(reader);
    reader.seek(SeekFrom::Start(0))?;
    let mut begin = [0; AMR.len()];
    reader.read_exact(&mut begin)?;
    if begin != AMR {
        return Err(broken("AMR"));
    }
    let mut frames = 0_u64;
    let mut head = [0; 1];
    while fill(&mut reader, &mut head)? == 1 {
        let length = match head[0] >> 3 & 15 {
            kind @ 0..=8 => [12, 13, 15, 17, 19, 20, 26, 31, 5][usize::from(kind)],
            // Nothing was sent.
            15 => 0,
            _ => return Err(broken("AMR")),
        };
        frames = frames.saturating_add(1);
        skip(&mut reader, length)?;
    }
    number::seconds(frames, AMR_FRAMES).filter(|seconds| *seconds > 0).ok_or_else(|| broken("AMR"))
}

/// Passes over the rest of a frame, which must be there.
fn skip(reader: &mut BufReader<impl Read + Seek>, length: u64) -> Result<(), Refusal> {
    if length == 0 {
        return Ok(());
    }
    // To the last byte, and over that by reading it: behind the end of a file one may go as well.
    reader.seek_relative(i64::try_from(length - 1).unwrap_or(i64::MAX))?;
    reader.read_exact(&mut [0])?;
    Ok(())
}

fn broken(format: &str) -> Refusal {
    Refusal::unsupported(format!("must be a valid {format} file: this one is broken"))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::media::format::sample;

    fn mp3(file: &[u8]) -> Result<u32, Refusal> {
        mp3_seconds(&mut Cursor::new(file), u64::try_from(file.len()).expect("it fits"))
    }

    #[test]
    fn mp3_is_as_long_as_its_bits_or_its_frames_say() {
        // Frames of 1,152 samples at 44,100 Hz.
        assert_eq!(mp3(&sample::mp3(100)).expect("it is valid"), 3);
        // Tags of 300 bytes in front, and noise behind them.
        let tags = [&b"ID3\x04\0\0\0\0\x02\x2c"[..], &[0; 300], b"noise"].concat();
        assert_eq!(mp3(&[tags, sample::mp3(100)].concat()).expect("it is valid"), 3);
        // A first frame that says how many there are: 1,000.
        let mut told = sample::mp3(3);
        told[36..40].copy_from_slice(b"Xing");
        told[40..48].copy_from_slice(&[0, 0, 0, 1, 0, 0, 3, 0xe8]);
        assert_eq!(mp3(&told).expect("it is valid"), 27);
    }

    #[test]
    fn aac_and_amr_are_as_long_as_their_frames() {
        assert_eq!(aac_seconds(Cursor::new(sample::aac(100))).expect("it is valid"), 3);
        assert_eq!(amr_seconds(Cursor::new(sample::amr(120))).expect("it is valid"), 3);
        for (cut, whole) in [(1, sample::aac(3)), (10, sample::aac(3))] {
            assert!(aac_seconds(Cursor::new(&whole[..whole.len() - cut])).is_err());
        }
        let whole = sample::amr(3);
        assert!(amr_seconds(Cursor::new(&whole[..whole.len() - 1])).is_err());
    }

    #[test]
    fn what_is_no_sound_is_refused() {
        for file in [&b""[..], b"ID3", b"ID3\x04\0\0\x7f\x7f\x7f\x7f", b"#!AMR\n", &[0xff; 100], &[0; 100]] {
            assert!(mp3(file).is_err(), "{file:?}");
            assert!(aac_seconds(Cursor::new(file)).is_err(), "{file:?}");
            assert!(amr_seconds(Cursor::new(file)).is_err(), "{file:?}");
        }
    }
}
