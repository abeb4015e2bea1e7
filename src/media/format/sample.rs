//! Small files of each format, for tests: what they say they are, and nothing else.

use image::codecs::gif::GifEncoder;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::codecs::webp::WebPEncoder;
use image::{DynamicImage, Frame, Rgb, RgbImage, RgbaImage};

use crate::media::format::ogg::{Writer, check_sum};
use crate::media::format::opus::{frame_samples, no_tags};

/// Samples at the beginning of a voice note that are not played.
const SKIPPED: u16 = 312;

/// A picture that is not of one colour.
fn colours(width: u32, height: u32) -> DynamicImage {
    let part = |at: u32, length: u32| u8::try_from(at * 255 / length).expect("it fits");
    DynamicImage::ImageRgb8(RgbImage::from_fn(width, height, |x, y| Rgb([part(x, width), part(y, height), 96])))
}

fn jpeg_of(image: &DynamicImage) -> Vec<u8> {
    let mut file = Vec::new();
    image.write_with_encoder(JpegEncoder::new_with_quality(&mut file, 90)).expect("memory takes it");
    file
}

/// A JPEG picture.
pub fn jpeg(width: u32, height: u32) -> Vec<u8> {
    jpeg_of(&colours(width, height))
}

/// A JPEG picture that is red on the left and blue on the right.
pub fn two_colours(width: u32, height: u32) -> Vec<u8> {
    let image = RgbImage::from_fn(width, height, |x, _| Rgb(if x < width / 2 { [255, 0, 0] } else { [0, 0, 255] }));
    jpeg_of(&DynamicImage::ImageRgb8(image))
}

/// A JPEG picture with EXIF in front, which says how it is to be turned.
pub fn with_exif(jpeg: &[u8], orientation: u8) -> Vec<u8> {
    let tag = [0x12, 0x01, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0];
    let exif = [&b"Exif\0\0II*\0\x08\0\0\0\x01\0"[..], &tag, &[0; 4]].concat();
    let length = u16::try_from(exif.len() + 2).expect("it fits").to_be_bytes();
    [&jpeg[..2], &[0xff, 0xe1], &length, &exif, &jpeg[2..]].concat()
}

/// A PNG picture.
pub fn png(width: u32, height: u32) -> Vec<u8> {
    let mut file = Vec::new();
    colours(width, height).write_with_encoder(PngEncoder::new(&mut file)).expect("memory takes it");
    file
}

/// A PNG picture with a text.
pub fn with_text(png: &[u8]) -> Vec<u8> {
    let text = b"tEXtComment\0taken at home";
    let length = u32::try_from(text.len() - 4).expect("it fits").to_be_bytes();
    // Behind its head.
    [&png[..33], &length, text, &chunk_sum(text).to_be_bytes(), &png[33..]].concat()
}

/// The sum of name and content of a chunk of PNG.
pub fn chunk_sum(chunk: &[u8]) -> u32 {
    let sum = chunk.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| if sum & 1 == 0 { sum >> 1 } else { sum >> 1 ^ 0xedb8_8320 })
    });
    !sum
}

/// A still WebP picture.
pub fn webp(width: u32, height: u32) -> Vec<u8> {
    let mut file = Vec::new();
    colours(width, height).write_with_encoder(WebPEncoder::new_lossless(&mut file)).expect("memory takes it");
    file
}

fn chunk(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).expect("it fits").to_le_bytes();
    [&name[..], &length, content, &[0][..content.len() % 2]].concat()
}

fn riff(chunks: &[u8]) -> Vec<u8> {
    let size = u32::try_from(chunks.len() + 4).expect("it fits").to_le_bytes();
    [&b"RIFF"[..], &size, b"WEBP", chunks].concat()
}

/// A WebP picture of small frames that moves.
pub fn animated_webp(width: u32, height: u32, frames: usize) -> Vec<u8> {
    let three = |number: u32| number.to_le_bytes()[..3].to_vec();
    let head = [vec![2, 0, 0, 0], three(width - 1), three(height - 1)].concat();
    let picture = webp(8, 8);
    let frame = [&[0; 6][..], &three(7), &three(7), &three(100), &[0], &picture[12..]].concat();
    let frames = chunk(b"ANMF", &frame).repeat(frames);
    riff(&[chunk(b"VP8X", &head), chunk(b"ANIM", &[0; 6]), frames].concat())
}

/// The same with EXIF, which its extended head tells of.
pub fn with_webp_exif(webp: &[u8], exif: &[u8]) -> Vec<u8> {
    let mut chunks = [&webp[12..], &chunk(b"EXIF", exif)].concat();
    chunks[8] |= 0x08;
    riff(&chunks)
}

/// A GIF picture of so many frames.
pub fn gif(frames: usize) -> Vec<u8> {
    let mut file = Vec::new();
    let frame = |shade| Frame::new(RgbaImage::from_pixel(6, 4, image::Rgba([shade, 20, 30, 255])));
    let shades = [50, 100, 150, 200];
    GifEncoder::new(&mut file).encode_frames(shades.into_iter().cycle().take(frames).map(frame)).expect("it is taken");
    file
}

/// Opus in OGG as encoders write it: one frame of 20 ms in a packet.
pub fn voice(channels: u8, frames: usize) -> Vec<u8> {
    opus_ending(channels, &vec![(9, 1); frames], None)
}

/// The same, whose sound ends there.
pub fn voice_ending(channels: u8, frames: usize, end: u64) -> Vec<u8> {
    opus_ending(channels, &vec![(9, 1); frames], Some(end))
}

/// Mono Opus in OGG: how each packet is coded, and how many frames it has.
pub fn opus(packets: &[(u8, u8)]) -> Vec<u8> {
    opus_ending(1, packets, None)
}

fn opus_ending(channels: u8, packets: &[(u8, u8)], end: Option<u64>) -> Vec<u8> {
    let mut file = Vec::new();
    let mut writer = Writer::new(&mut file, 77);
    let head = [&b"OpusHead\x01"[..], &[channels], &SKIPPED.to_le_bytes(), &48_000_u32.to_le_bytes(), &[0; 3]].concat();
    for packet in [head, no_tags()] {
        writer.push(&packet, 0).expect("memory takes it");
        writer.end_page(false).expect("memory takes it");
    }
    let mut position = 0;
    for ((config, frames), place) in packets.iter().zip(1_u8..=255) {
        let content = [place; 40];
        let stereo = if channels == 2 { 4 } else { 0 };
        let packet = match frames {
            1 => [&[config << 3 | stereo][..], &content].concat(),
            // Frames of equal length.
            count => [&[config << 3 | stereo | 3, *count][..], &content.repeat(usize::from(*count))].concat(),
        };
        position += frame_samples(*config) * u64::from(*frames);
        writer.push(&packet, position).expect("memory takes it");
    }
    writer.finish(end.unwrap_or(position)).expect("memory takes it");
    file
}

/// Mends the sums of the pages of an OGG file that was changed, as an attacker would.
pub fn with_sums(file: &mut [u8]) {
    let mut at = 0;
    while let Some(count) = file.get(at + 26).map(|count| usize::from(*count)) {
        let lengths = file.get(at + 27..at + 27 + count).unwrap_or_default();
        let size = 27 + count + lengths.iter().map(|length| usize::from(*length)).sum::<usize>();
        let Some(page) = file.get_mut(at..at + size) else { return };
        page[22..26].fill(0);
        let sum = check_sum(0, page).to_le_bytes();
        page[22..26].copy_from_slice(&sum);
        at += size;
    }
}

/// A box of MP4.
pub fn a_box(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let size = u32::try_from(content.len() + 8).expect("it fits").to_be_bytes();
    [&size[..], name, content].concat()
}

fn movie_head(seconds: u32) -> Vec<u8> {
    let mut head = vec![0; 100];
    head[12..16].copy_from_slice(&1000_u32.to_be_bytes());
    head[16..20].copy_from_slice(&(seconds * 1000).to_be_bytes());
    a_box(b"mvhd", &head)
}

fn track(handler: &[u8; 4], codec: &[u8; 4], width: u32, height: u32) -> Vec<u8> {
    let mut head = vec![0; 84];
    for (at, part) in [(40, 0x1_0000_u32), (56, 0x1_0000), (76, width << 16), (80, height << 16)] {
        head[at..at + 4].copy_from_slice(&part.to_be_bytes());
    }
    let samples = [&[0, 0, 0, 0, 0, 0, 0, 1][..], &a_box(codec, &[0; 8])].concat();
    let information = a_box(b"minf", &a_box(b"stbl", &a_box(b"stsd", &samples)));
    let handler = a_box(b"hdlr", &[&[0; 8][..], handler, &[0; 13]].concat());
    let media = a_box(b"mdia", &[handler, information].concat());
    a_box(b"trak", &[a_box(b"tkhd", &head), media].concat())
}

/// The box in which the sound and the pictures of a movie would be.
pub fn media_data() -> Vec<u8> {
    a_box(b"mdat", b"noise")
}

/// An MP4 video of H.264 and AAC.
pub fn video(width: u32, height: u32, seconds: u32) -> Vec<u8> {
    video_of(b"isom", b"avc1", width, height, seconds)
}

/// A video of this brand and coding, with sound.
pub fn video_of(brand: &[u8; 4], codec: &[u8; 4], width: u32, height: u32, seconds: u32) -> Vec<u8> {
    let tracks = [track(b"vide", codec, width, height), track(b"soun", b"mp4a", 0, 0)].concat();
    let movie = a_box(b"moov", &[movie_head(seconds), tracks].concat());
    [a_box(b"ftyp", &[&brand[..], &[0; 4]].concat()), movie, media_data()].concat()
}

/// AAC in MP4.
pub fn music(seconds: u32) -> Vec<u8> {
    let movie = a_box(b"moov", &[movie_head(seconds), track(b"soun", b"mp4a", 0, 0)].concat());
    [a_box(b"ftyp", b"M4A \0\0\0\0"), movie, media_data()].concat()
}

/// MP3 of so many frames of 26 ms.
pub fn mp3(frames: usize) -> Vec<u8> {
    // 128 kbit/s at 44,100 Hz, two channels.
    [&[0xff, 0xfb, 0x90, 0][..], &[0; 413]].concat().repeat(frames)
}

/// AAC of so many frames of 23 ms.
pub fn aac(frames: usize) -> Vec<u8> {
    let length: u8 = 27;
    [&[0xff, 0xf1, 0x50, 0x80, length >> 3, length << 5 | 0x1f, 0xfc][..], &[0; 20]].concat().repeat(frames)
}

/// AMR of so many frames of 20 ms.
pub fn amr(frames: usize) -> Vec<u8> {
    [&b"#!AMR\n"[..], &[&[0x3c][..], &[0; 31]].concat().repeat(frames)].concat()
}
