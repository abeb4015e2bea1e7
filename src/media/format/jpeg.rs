//! The segments of JPEG files; src: ITU-T T.81, annex B. Tells metadata from what the picture needs, and leaves it out without
//! touching the picture.

use std::ops::Range;

use crate::media::format::number;
use crate::media::format::refusal::Refusal;

/// Most segments, scans included. Cameras write some dozen; an ICC profile may come in 255.
const SEGMENTS_MAX: usize = 4096;
/// Most scans. Usual are ten of a progressive picture; each is a walk over all pixels for who decodes it.
const SCANS_MAX: usize = 64;

/// What is in a JPEG file.
#[derive(Debug, PartialEq, Eq)]
pub struct Jpeg {
    /// Components of its pixels: 1 grey, 3 colours, 4 those of printers, which not every phone shows.
    pub components: u8,
    /// What of the file is no metadata, in order.
    kept: Vec<Range<usize>>,
}

impl Jpeg {
    /// Walks through a file.
    ///
    /// # Errors
    /// It is broken, cut off, or made to cost time.
    pub fn read(bytes: &[u8]) -> Result<Self, Refusal> {
        let mut jpeg = Self { components: 0, kept: Vec::new() };
        jpeg.keep(0..2);
        let (mut at, mut scans) = (2, 0);
        for _ in 0..SEGMENTS_MAX {
            let segment = Segment::at(bytes, at)?;
            at = segment.range.end;
            let content = bytes.get(segment.content.clone()).unwrap_or_default();
            match segment.marker {
                END => {
                    jpeg.keep(segment.range);
                    return if scans > 0 && jpeg.components > 0 { Ok(jpeg) } else { Err(broken()) };
                }
                SCAN => {
                    scans += 1;
                    if scans > SCANS_MAX {
                        return Err(Refusal::unsupported(format!("must have at most {SCANS_MAX} scans")));
                    }
                    at = behind_scan(bytes, at)?;
                    jpeg.keep(segment.range.start..at);
                }
                marker => {
                    if is_frame(marker) {
                        jpeg.components = *content.get(5).ok_or_else(broken)?;
                    }
                    if !is_metadata(marker, content) {
                        jpeg.keep(segment.range);
                    }
                }
            }
        }
        Err(Refusal::unsupported(format!("must have at most {SEGMENTS_MAX} segments")))
    }

    /// The file without what says where and with what the picture was taken, and without what other programs put behind it.
    pub fn stripped(&self, bytes: &[u8]) -> Vec<u8> {
        self.kept.iter().flat_map(|range| bytes.get(range.clone()).unwrap_or_default()).copied().collect()
    }

    fn keep(&mut self, range: Range<usize>) {
        match self.kept.last_mut() {
            Some(last) if last.end == range.start => last.end = range.end,
            _ => self.kept.push(range),
        }
    }
}

/// End of the picture.
const END: u8 = 0xd9;
/// Start of a scan.
const SCAN: u8 = 0xda;

/// A marker and what belongs to it.
struct Segment {
    marker: u8,
    range: Range<usize>,
    content: Range<usize>,
}

impl Segment {
    fn at(bytes: &[u8], start: usize) -> Result<Self, Refusal> {
        let behind = bytes.get(start..).ok_or_else(Refusal::cut_off)?;
        // Any number of bytes may fill the room before a marker.
        let fill = behind.iter().take_while(|byte| **byte == 0xff).count();
        let marker = *behind.get(fill).ok_or_else(Refusal::cut_off)?;
        let head = start + fill + 1;
        match (fill, marker) {
            (0, _) | (_, 0 | 0xd8) => Err(broken()),
            // Markers that have no content.
            (_, END | 0x01 | 0xd0..=0xd7) => Ok(Self { marker, range: start..head, content: head..head }),
            _ => {
                let length = number::length(number::big(bytes, head, 2).ok_or_else(Refusal::cut_off)?);
                let end = head + length;
                match (length < 2, end > bytes.len()) {
                    (true, _) => Err(broken()),
                    (_, true) => Err(Refusal::cut_off()),
                    _ => Ok(Self { marker, range: start..end, content: head + 2..end }),
                }
            }
        }
    }
}

/// The place of the next marker behind a scan. In a scan a 0xff is followed by a zero, or by the marker of a restart.
fn behind_scan(bytes: &[u8], mut at: usize) -> Result<usize, Refusal> {
    loop {
        let behind = bytes.get(at..).ok_or_else(Refusal::cut_off)?;
        at += behind.iter().position(|byte| *byte == 0xff).ok_or_else(Refusal::cut_off)?;
        match bytes.get(at + 1) {
            None => return Err(Refusal::cut_off()),
            Some(0 | 0xd0..=0xd7) => at += 2,
            Some(_) => return Ok(at),
        }
    }
}

fn is_frame(marker: u8) -> bool {
    matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc)
}

/// What the picture needs of what programs add: the head of JFIF, if no second picture is in it, the colour profile, and how Adobe's
/// programs wrote the colours.
fn is_metadata(marker: u8, content: &[u8]) -> bool {
    match marker {
        0xe0 => !content.starts_with(b"JFIF\0") || content.len() > 14,
        0xe2 => !content.starts_with(b"ICC_PROFILE\0"),
        0xee => !content.starts_with(b"Adobe"),
        0xe1..=0xef | 0xfe => true,
        _ => false,
    }
}

fn broken() -> Refusal {
    Refusal::unsupported("must be a valid JPEG picture: this one is broken")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::format::sample;

    #[test]
    fn metadata_is_left_out_and_nothing_else() {
        let plain = sample::jpeg(40, 20);
        assert_eq!(Jpeg::read(&plain).expect("it is valid").stripped(&plain), plain);
        let mut tagged = sample::with_exif(&plain, 6);
        assert!(tagged.windows(4).any(|window| window == b"Exif"));
        // What a phone puts behind the picture: a video of the moment, another picture.
        tagged.extend_from_slice(b"a second picture with its place");
        let jpeg = Jpeg::read(&tagged).expect("it is valid");
        assert_eq!((jpeg.components, jpeg.stripped(&tagged)), (3, plain));
    }

    #[test]
    fn what_is_cut_off_anywhere_is_refused() {
        let whole = sample::with_exif(&sample::jpeg(24, 24), 1);
        for length in 2..whole.len() {
            assert!(Jpeg::read(&whole[..length]).is_err(), "{length} of {}", whole.len());
        }
    }

    #[test]
    fn too_many_scans_are_refused() {
        let mut file = sample::jpeg(8, 8);
        file.truncate(file.len() - 2);
        for _ in 0..SCANS_MAX {
            file.extend_from_slice(&[0xff, SCAN, 0, 2, 0]);
        }
        file.extend_from_slice(&[0xff, END]);
        assert!(matches!(Jpeg::read(&file), Err(Refusal::Unsupported(rule)) if rule.contains("64 scans")));
    }
}
