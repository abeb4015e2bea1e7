//! The boxes of MP4 files: how long a video is, how large, and what is in it; src: ISO/IEC 14496-12. Reads heads of boxes and small
//! ones, wherever in the file they are, and never what is between them.

use std::io::{Read, Seek, SeekFrom};

use crate::media::format::number;
use crate::media::format::refusal::Refusal;

/// Most boxes that are looked at. A movie has some dozen for each track; one in pieces has two for each second.
const BOXES_MAX: u32 = 20_000;
/// Most tracks that are looked at.
const TRACKS_MAX: usize = 64;
/// Most bytes that are read of a box: the longest that is of interest has 108.
const CONTENT_MAX: u64 = 256;

/// What is in an MP4 file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Movie {
    /// Of which family of formats it is: its main brand.
    pub brand: [u8; 4],
    /// How long it is, if it says so.
    pub seconds: Option<u32>,
    /// The first track with pictures.
    pub video: Option<Video>,
    /// The first track with sound.
    pub sound: Option<Sound>,
}

/// A track with pictures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Video {
    /// Width in pixels, as it is shown.
    pub width: u32,
    /// Height in pixels, as it is shown.
    pub height: u32,
    /// How it is coded: the name of its samples, if it says so.
    pub codec: Option<[u8; 4]>,
}

/// A track with sound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sound {
    /// How it is coded: the name of its samples, if it says so.
    pub codec: Option<[u8; 4]>,
}

impl Movie {
    /// Reads a file of so many bytes.
    ///
    /// # Errors
    /// It is no MP4 file, broken, or cut off.
    pub fn read(reader: impl Read + Seek, size: u64) -> Result<Self, Refusal> {
        let mut boxes = Boxes { reader, left: BOXES_MAX };
        let (mut movie, mut has_type, mut has_movie) = (Self::default(), false, false);
        let mut at = 0;
        while let Some(found) = boxes.head(at, size)? {
            match &found.name {
                b"ftyp" if !has_type => {
                    let content = boxes.content(&found)?;
                    movie.brand = four(&content, 0).ok_or_else(broken)?;
                    has_type = true;
                }
                b"moov" if !has_movie => {
                    movie.take(&mut boxes, &found)?;
                    has_movie = true;
                }
                _ => {}
            }
            at = found.end;
        }
        if has_type && has_movie { Ok(movie) } else { Err(broken()) }
    }

    fn take(&mut self, boxes: &mut Boxes<impl Read + Seek>, movie: &Found) -> Result<(), Refusal> {
        let (mut at, mut tracks, mut timescale, mut length) = (movie.begin, 0, 0, None);
        while let Some(found) = boxes.head(at, movie.end)? {
            match &found.name {
                b"mvhd" => {
                    let content = boxes.content(&found)?;
                    (timescale, length) = length_of(&content).ok_or_else(broken)?;
                }
                b"mvex" => {
                    let inner = boxes.inside(&found, b"mehd")?;
                    // Of a movie in pieces the head says 0, or nothing true.
                    let in_pieces = inner.and_then(|head| number::big(&head, 4, if long(&head) { 8 } else { 4 }));
                    length = length.or(in_pieces);
                }
                b"trak" if tracks < TRACKS_MAX => {
                    tracks += 1;
                    self.take_track(boxes, &found)?;
                }
                _ => {}
            }
            at = found.end;
        }
        self.seconds = length.and_then(|length| number::seconds(length, timescale));
        Ok(())
    }

    fn take_track(&mut self, boxes: &mut Boxes<impl Read + Seek>, track: &Found) -> Result<(), Refusal> {
        let head = boxes.inside(track, b"tkhd")?.unwrap_or_default();
        let (width, height) = shown_size(&head).unwrap_or_default();
        let (mut handler, mut codec) = (None, None);
        if let Some(media) = boxes.find(track, b"mdia")? {
            handler = boxes.inside(&media, b"hdlr")?.and_then(|handler| four(&handler, 8));
            if let Some(information) = boxes.find(&media, b"minf")?
                && let Some(samples) = boxes.find(&information, b"stbl")?
            {
                codec = boxes.inside(&samples, b"stsd")?.and_then(|samples| four(&samples, 12));
            }
        }
        match handler.as_ref() {
            Some(b"soun") => {
                self.sound.get_or_insert(Sound { codec });
            }
            Some(b"vide") => {
                self.video.get_or_insert(Video { width, height, codec });
            }
            // Of a track that does not say what it is: only pictures have a size.
            None if width > 0 => {
                self.video.get_or_insert(Video { width, height, codec });
            }
            _ => {}
        }
        Ok(())
    }
}

/// A box: its name, and where its content is.
struct Found {
    name: [u8; 4],
    begin: u64,
    end: u64,
}

/// The boxes of a file.
struct Boxes<R> {
    reader: R,
    left: u32,
}

impl<R: Read + Seek> Boxes<R> {
    /// The box that begins there, inside one that ends there. None at the end.
    fn head(&mut self, at: u64, end: u64) -> Result<Option<Found>, Refusal> {
        let room = end.saturating_sub(at);
        if room == 0 {
            return Ok(None);
        }
        self.left = self
            .left
            .checked_sub(1)
            .ok_or_else(|| Refusal::unsupported(format!("must be an MP4 file of at most {BOXES_MAX} parts")))?;
        if room < 8 {
            return Err(Refusal::cut_off());
        }
        self.reader.seek(SeekFrom::Start(at))?;
        let mut head = [0; 16];
        self.reader.read_exact(&mut head[..8])?;
        let (length, size) = match number::big(&head, 0, 4).unwrap_or_default() {
            // Up to the end of what it is in.
            0 => (8, room),
            1 => {
                self.reader.read_exact(&mut head[8..])?;
                (16, number::big(&head, 8, 8).unwrap_or_default())
            }
            size => (8, size),
        };
        if size < length {
            return Err(broken());
        }
        if size > room {
            return Err(Refusal::cut_off());
        }
        Ok(Some(Found { name: four(&head, 4).unwrap_or_default(), begin: at + length, end: at + size }))
    }

    /// The first box of this name inside another.
    fn find(&mut self, outer: &Found, name: &[u8; 4]) -> Result<Option<Found>, Refusal> {
        let mut at = outer.begin;
        while let Some(found) = self.head(at, outer.end)? {
            if found.name == *name {
                return Ok(Some(found));
            }
            at = found.end;
        }
        Ok(None)
    }

    /// What is in the first box of this name inside another.
    fn inside(&mut self, outer: &Found, name: &[u8; 4]) -> Result<Option<Vec<u8>>, Refusal> {
        let found = self.find(outer, name)?;
        found.map(|found| self.content(&found)).transpose()
    }

    /// The first bytes of a box.
    fn content(&mut self, found: &Found) -> Result<Vec<u8>, Refusal> {
        self.reader.seek(SeekFrom::Start(found.begin))?;
        let mut content = vec![0; number::length((found.end - found.begin).min(CONTENT_MAX))];
        self.reader.read_exact(&mut content)?;
        Ok(content)
    }
}

/// Whether the numbers of a box are the long ones of its second version.
fn long(content: &[u8]) -> bool {
    content.first().is_some_and(|version| *version > 0)
}

/// Units of a second, and how many of them a movie is long, if it says so.
fn length_of(head: &[u8]) -> Option<(u64, Option<u64>)> {
    let (scale, length, unknown) = if long(head) {
        (number::big(head, 20, 4)?, number::big(head, 24, 8)?, u64::MAX)
    } else {
        (number::big(head, 12, 4)?, number::big(head, 16, 4)?, u64::from(u32::MAX))
    };
    Some((scale, Some(length).filter(|length| *length > 0 && *length != unknown)))
}

/// Width and height as they are shown: a phone that is held upright writes lying pictures, and a matrix that turns them.
fn shown_size(head: &[u8]) -> Option<(u32, u32)> {
    let matrix: usize = if long(head) { 52 } else { 40 };
    let at = |place: usize| number::big(head, matrix + place, 4);
    // Sixteen bits are behind the point.
    let whole = |place| at(place).and_then(|number| u32::try_from(number >> 16).ok());
    let (width, height) = (whole(36)?, whole(40)?);
    let is_turned = at(0)? == 0 && at(16)? == 0 && at(4)? != 0 && at(12)? != 0;
    Some(if is_turned { (height, width) } else { (width, height) })
}

fn four(bytes: &[u8], at: usize) -> Option<[u8; 4]> {
    bytes.get(at..at.checked_add(4)?)?.try_into().ok()
}

fn broken() -> Refusal {
    Refusal::unsupported("must be a valid MP4 file: this one is broken")
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::media::format::sample::{self, a_box};

    fn read(file: &[u8]) -> Result<Movie, Refusal> {
        Movie::read(Cursor::new(file), u64::try_from(file.len()).expect("it fits"))
    }

    #[test]
    fn a_video_says_how_long_and_how_large_it_is() {
        let movie = read(&sample::video(640, 480, 5)).expect("it is valid");
        let video = Video { width: 640, height: 480, codec: Some(*b"avc1") };
        assert_eq!((&movie.brand, movie.seconds, movie.video), (b"isom", Some(5), Some(video)));
        assert_eq!(movie.sound, Some(Sound { codec: Some(*b"mp4a") }));
    }

    #[test]
    fn music_has_no_pictures() {
        let movie = read(&sample::music(7)).expect("it is valid");
        assert_eq!((movie.seconds, movie.video, movie.sound.is_some()), (Some(7), None, true));
    }

    #[test]
    fn an_upright_video_has_its_size_as_it_is_shown() {
        let mut file = sample::video(640, 480, 5);
        let head = file.windows(4).position(|window| window == b"tkhd").expect("it is there") + 4;
        let matrix: Vec<u8> =
            [0_u32, 0x1_0000, 0, 0xffff_0000, 0, 0].iter().flat_map(|part| part.to_be_bytes()).collect();
        file[head + 40..head + 64].copy_from_slice(&matrix);
        assert_eq!(read(&file).expect("it is valid").video.map(|video| (video.width, video.height)), Some((480, 640)));
    }

    #[test]
    fn long_numbers_and_a_head_behind_the_pictures_are_read() {
        let mut head = vec![1; 112];
        head[20..24].copy_from_slice(&90_000_u32.to_be_bytes());
        head[24..32].copy_from_slice(&90_001_u64.to_be_bytes());
        // The pictures in a box with a long size.
        let pictures = [&1_u32.to_be_bytes()[..], b"mdat", &20_u64.to_be_bytes(), b"data"].concat();
        let movie = a_box(b"moov", &a_box(b"mvhd", &head));
        let file = [a_box(b"ftyp", b"mp42\0\0\0\0"), pictures, movie].concat();
        assert_eq!(read(&file).expect("it is valid").seconds, Some(2));
    }

    #[test]
    fn a_movie_in_pieces_says_elsewhere_how_long_it_is() {
        let mut head = vec![0; 100];
        head[12..16].copy_from_slice(&1000_u32.to_be_bytes());
        let pieces = a_box(b"mvex", &a_box(b"mehd", &[[0; 4], 4500_u32.to_be_bytes()].concat()));
        let file = |pieces: &[u8]| {
            [a_box(b"ftyp", b"iso5\0\0\0\0"), a_box(b"moov", &[&a_box(b"mvhd", &head)[..], pieces].concat())].concat()
        };
        assert_eq!(read(&file(&pieces)).expect("it is valid").seconds, Some(5));
        assert_eq!(read(&file(&[])).expect("it is valid").seconds, None);
    }

    #[test]
    fn what_is_cut_off_or_no_movie_is_refused() {
        let whole = sample::video(64, 48, 1);
        for length in 0..whole.len() {
            // Between two boxes nothing shows that another should follow, but without its head a movie is none.
            assert!(read(&whole[..length]).is_err() || whole[length..].starts_with(&sample::media_data()), "{length}");
        }
        assert!(read(&a_box(b"ftyp", b"isom\0\0\0\0")).is_err());
        assert!(read(&a_box(b"moov", &a_box(b"mvhd", &[0; 100]))).is_err());
        assert!(read(&[0, 0, 0, 4, b'f', b't', b'y', b'p']).is_err());
    }

    #[test]
    fn boxes_without_end_are_refused() {
        let many = [a_box(b"ftyp", b"isom\0\0\0\0"), a_box(b"free", b"").repeat(30_000)].concat();
        assert!(matches!(read(&many), Err(Refusal::Unsupported(rule)) if rule.contains("20000 parts")));
    }
}
