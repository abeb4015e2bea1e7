//! What is in a video by its boxes, and the boxes of an invented one; src: ISO/IEC 14496-12.

use serde::Serialize;

use crate::media::format;

/// Units of time in a second of an invented video.
const TIMESCALE: u32 = 1000;

/// What the boxes of a video say.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct VideoFacts {
    /// How long it plays, rounded up.
    pub seconds: u64,
    /// Pixels of the first track that has any; 0 when none has.
    pub width: u32,
    /// Pixels of the same track.
    pub height: u32,
}

/// What the boxes of a video say. `None` when it is no MP4 file, or broken.
pub(crate) fn facts(bytes: &[u8]) -> Option<VideoFacts> {
    if format::of(bytes) != Some("mp4") {
        return None;
    }
    let movie = find(bytes, b"moov")?;
    let head = find(movie, b"mvhd")?;
    // The second version has longer numbers.
    let (timescale, duration) = match head.first()? {
        0 => (number(head, 12, 4)?, number(head, 16, 4)?),
        _ => (number(head, 20, 4)?, number(head, 24, 8)?),
    };
    let tracks = boxes(movie).into_iter().filter(|(name, _)| *name == b"trak");
    let pixels = tracks.filter_map(|(_, track)| {
        let head = find(track, b"tkhd")?;
        // Sixteen bits behind the point.
        let end = head.len().checked_sub(8)?;
        Some((number(head, end, 4)? >> 16, number(head, end + 4, 4)? >> 16))
    });
    let (width, height) = pixels.into_iter().find(|(width, _)| *width > 0).unwrap_or_default();
    (timescale > 0).then(|| VideoFacts {
        seconds: duration.div_ceil(timescale),
        width: width as u32,
        height: height as u32,
    })
}

fn number(bytes: &[u8], at: usize, length: usize) -> Option<u64> {
    let bytes = bytes.get(at..at + length)?;
    Some(bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

fn find<'a>(bytes: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    boxes(bytes).into_iter().find_map(|(found, content)| (found == name).then_some(content))
}

/// Name and content of the boxes in a row, as far as they are whole.
fn boxes(mut bytes: &[u8]) -> Vec<(&[u8], &[u8])> {
    let mut boxes = Vec::new();
    while let (Some(size), Some(name)) = (number(bytes, 0, 4), bytes.get(4..8)) {
        let (head, size) = match size {
            0 => (8, Some(bytes.len() as u64)),
            1 => (16, number(bytes, 8, 8)),
            size => (8, Some(size)),
        };
        let end = size.and_then(|size| usize::try_from(size).ok()).unwrap_or(usize::MAX);
        let Some(content) = bytes.get(head..end) else { break };
        boxes.push((name, content));
        bytes = &bytes[end..];
    }
    boxes
}

/// A video with the right boxes and noise where its pictures should be.
pub(crate) fn sample(width: u32, height: u32, seconds: u32, noise: &[u8]) -> Vec<u8> {
    let mut movie_head = vec![0; 100];
    movie_head[12..16].copy_from_slice(&TIMESCALE.to_be_bytes());
    movie_head[16..20].copy_from_slice(&(seconds * TIMESCALE).to_be_bytes());
    let mut track_head = vec![0; 84];
    track_head[76..80].copy_from_slice(&(width << 16).to_be_bytes());
    track_head[80..84].copy_from_slice(&(height << 16).to_be_bytes());
    let track = a_box(b"trak", &a_box(b"tkhd", &track_head));
    let movie = a_box(b"moov", &[a_box(b"mvhd", &movie_head), track].concat());
    [a_box(b"ftyp", b"isom\0\0\x02\0isommp42"), movie, a_box(b"mdat", noise)].concat()
}

fn a_box(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
    [&(content.len() as u32 + 8).to_be_bytes()[..], name, content].concat()
}

#[cfg(test)]
mod tests {
    use super::{VideoFacts, a_box, facts, sample};

    #[test]
    fn the_boxes_of_a_video_are_read() {
        let video = sample(640, 480, 5, b"noise");
        assert_eq!(facts(&video), Some(VideoFacts { seconds: 5, width: 640, height: 480 }));
        // Cut behind its heads it still says what it is, before them it does not.
        assert!(facts(&video[..video.len() - 5]).is_some());
        assert_eq!(facts(&video[..100]), None);
        assert_eq!(facts(b"no video at all"), None);
        // The second version of the head, and no track: what music is.
        let mut head = vec![1; 112];
        head[20..24].copy_from_slice(&90_000_u32.to_be_bytes());
        head[24..32].copy_from_slice(&90_001_u64.to_be_bytes());
        let music = [a_box(b"ftyp", b"M4A \0\0\0\0"), a_box(b"moov", &a_box(b"mvhd", &head))].concat();
        assert_eq!(facts(&music), Some(VideoFacts { seconds: 2, width: 0, height: 0 }));
    }
}
