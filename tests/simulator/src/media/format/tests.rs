//! Heads of files as the formats' documents describe them.

use super::{dimensions, has_metadata, is_animated, of, opus};
use crate::media::sample;

#[test]
fn formats_and_dimensions_are_read_from_the_first_bytes() {
    let jpeg = [
        &[0xff, 0xd8, 0xff, 0xe0, 0, 16][..],
        b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0",
        &[0xff, 0xff, 0xdb, 0, 4, 0, 1],
        &[0xff, 0xc2, 0, 17, 8, 0, 50, 0, 70, 3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1],
    ]
    .concat();
    let extended = b"RIFF\x20\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\x45\0\0\x31\0\0";
    let lossy = b"RIFF\x20\0\0\0WEBPVP8 \x20\0\0\0\x10\x02\0\x9d\x01\x2a\x46\0\x32\0";
    let lossless = [&b"RIFF\x20\0\0\0WEBPVP8L\x20\0\0\0\x2f"[..], &(69_u32 | 49 << 14).to_le_bytes()].concat();
    let cases: [(&[u8], &str); 7] = [
        (&jpeg, "jpeg"),
        (extended, "webp"),
        (lossy, "webp"),
        (&lossless, "webp"),
        (b"GIF89a\x46\0\x32\0", "gif"),
        (&sample::png(70, 50), "png"),
        (&sample::webp(70, 50), "webp"),
    ];
    for (bytes, format) in cases {
        assert_eq!((of(bytes), dimensions(bytes)), (Some(format), Some([70, 50])), "{format}");
        assert_eq!(dimensions(&bytes[..9]), None, "{format}");
    }
    assert_eq!((of(b"hello"), dimensions(b"hello"), of(b"\0\0\0\x18ftypmp42")), (None, None, Some("mp4")));
}

#[test]
fn what_a_picture_tells_of_its_maker_is_found() {
    let exif = [&b"Exif\0\0"[..], &[0; 6]].concat();
    let jpeg = |marker: u8| [&[0xff, 0xd8, 0xff, marker, 0, 14][..], &exif, &[0xff, 0xda, 0, 2, 0xff, 0xe1]].concat();
    assert!(has_metadata(&jpeg(0xe1)) && !has_metadata(&jpeg(0xe0)));
    let png = sample::png(2, 2);
    let (head, rest) = png.split_at(33);
    let with = |name: &[u8]| [head, &4_u32.to_be_bytes(), name, b"MM\0*sum.", rest].concat();
    assert!(has_metadata(&with(b"eXIf")) && !has_metadata(&with(b"gAMA")) && !has_metadata(&png));
    let webp = |name: &[u8]| [&b"RIFF\x20\0\0\0WEBPVP8L\x01\0\0\0\x2f\0"[..], name, b"\x02\0\0\0ab"].concat();
    assert!(has_metadata(&webp(b"EXIF")) && has_metadata(&webp(b"XMP ")) && !has_metadata(&webp(b"ANIM")));
    assert!(is_animated(&webp(b"ANIM")) && !is_animated(&webp(b"EXIF")) && !is_animated(&png));
}

#[test]
fn voice_messages_are_taken_apart() {
    let voice = sample::voice(7);
    let facts = opus(&voice).unwrap();
    assert_eq!((facts.channels, facts.sample_rate, facts.seconds), (1, 16_000, 7));
    assert_eq!((facts.packets, facts.codes.as_slice(), facts.plays_on_iphones), (117, &[3][..], true));
    let mut touched = voice.clone();
    *touched.last_mut().unwrap() ^= 1;
    assert_eq!(opus(&touched), None, "a page with a wrong sum");
    assert_eq!(opus(&voice[..voice.len() - 1]), None, "half a page");
    assert_eq!(opus(b"OggS"), None);
}
