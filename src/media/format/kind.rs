//! What a file is by its first bytes, and how the names of such files end.

use crate::media::format::number;

/// The media type of what nobody knows.
pub const UNKNOWN: &str = "application/octet-stream";

/// So many first bytes tell all that can be told.
pub const FIRST_BYTES: usize = 8192;

/// Media types, and how the names of such files end. The first ending of a type is its usual one.
const EXTENSIONS: &[(&str, &str)] = &[
    ("application/epub+zip", "epub"),
    ("application/gzip", "gz"),
    ("application/json", "json"),
    ("application/msword", "doc"),
    ("application/pdf", "pdf"),
    ("application/rtf", "rtf"),
    ("application/vnd.ms-excel", "xls"),
    ("application/vnd.ms-powerpoint", "ppt"),
    ("application/vnd.oasis.opendocument.presentation", "odp"),
    ("application/vnd.oasis.opendocument.spreadsheet", "ods"),
    ("application/vnd.oasis.opendocument.text", "odt"),
    ("application/vnd.openxmlformats-officedocument.presentationml.presentation", "pptx"),
    ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"),
    ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx"),
    ("application/x-7z-compressed", "7z"),
    ("application/x-tar", "tar"),
    ("application/zip", "zip"),
    ("audio/aac", "aac"),
    ("audio/amr", "amr"),
    ("audio/flac", "flac"),
    ("audio/mp4", "m4a"),
    ("audio/mpeg", "mp3"),
    ("audio/ogg", "ogg"),
    ("audio/wav", "wav"),
    ("image/avif", "avif"),
    ("image/bmp", "bmp"),
    ("image/gif", "gif"),
    ("image/heif", "heic"),
    ("image/jpeg", "jpg"),
    ("image/png", "png"),
    ("image/svg+xml", "svg"),
    ("image/tiff", "tiff"),
    ("image/webp", "webp"),
    ("text/csv", "csv"),
    ("text/html", "html"),
    ("text/plain", "txt"),
    ("text/vcard", "vcf"),
    ("text/xml", "xml"),
    ("video/3gpp", "3gp"),
    ("video/mp4", "mp4"),
    ("video/quicktime", "mov"),
    ("video/webm", "webm"),
    ("video/x-matroska", "mkv"),
];

/// The media type of a file by its first bytes (`FIRST_BYTES` of them, or all). `application/octet-stream` if they do not say.
pub fn media_type(first: &[u8]) -> &'static str {
    if is_mpeg_sound(first) {
        return "audio/mpeg";
    }
    match infer::get(first).map(|kind| kind.mime_type()) {
        // One name for one format, where there are several.
        Some("audio/m4a") => "audio/mp4",
        Some("audio/opus") => "audio/ogg",
        Some("audio/x-flac") => "audio/flac",
        Some("audio/x-wav") => "audio/wav",
        Some("video/x-m4v") => "video/mp4",
        Some("text/xml") if mentions(first, b"<svg") => "image/svg+xml",
        Some(known) => known,
        // Brands of MP4 are many, and made up at will.
        None if first.get(4..8) == Some(b"ftyp") && first.get(8..11) == Some(b"3gp") => "video/3gpp",
        None if first.get(4..8) == Some(b"ftyp") => "video/mp4",
        None if first.starts_with(b"BEGIN:VCARD") => "text/vcard",
        None if is_text(first) && mentions(first, b"<svg") => "image/svg+xml",
        None if is_text(first) => "text/plain",
        None => UNKNOWN,
    }
}

/// How the names of files of a media type end, without the point. None for a type that has no usual ending.
pub fn extension(media_type: &str) -> Option<&'static str> {
    let bare = media_type.split(';').next().unwrap_or_default().trim();
    EXTENSIONS.iter().find_map(|(name, extension)| name.eq_ignore_ascii_case(bare).then_some(*extension))
}

/// Whether it begins as MPEG sound does, of the third layer: with a tag, or with the head of a frame. There are more such heads than
/// the one that is asked for elsewhere.
fn is_mpeg_sound(first: &[u8]) -> bool {
    let head = number::big(first, 0, 2).unwrap_or_default();
    first.starts_with(b"ID3") || (head & 0xffe6 == 0xffe2 && head & 0x18 != 0x08)
}

/// Whether it is text that people read: whole characters, and of those that control only the ones that part lines and words.
fn is_text(first: &[u8]) -> bool {
    let text = match std::str::from_utf8(first) {
        Ok(text) => text,
        // The last character may be cut off with the rest of the file.
        Err(error) if error.error_len().is_none() && first.len() >= FIRST_BYTES => {
            std::str::from_utf8(&first[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return false,
    };
    !text.is_empty() && !text.chars().any(|c| c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{c}'))
}

fn mentions(first: &[u8], word: &[u8]) -> bool {
    first.windows(word.len()).any(|window| window == word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::format::sample;

    #[test]
    fn a_file_is_what_its_first_bytes_say() {
        let files: &[(&[u8], &str)] = &[
            (&sample::jpeg(8, 8), "image/jpeg"),
            (&sample::png(8, 8), "image/png"),
            (&sample::webp(8, 8), "image/webp"),
            (&sample::gif(2), "image/gif"),
            (&sample::voice(1, 3), "audio/ogg"),
            (&sample::video(64, 48, 2), "video/mp4"),
            (&sample::mp3(3), "audio/mpeg"),
            (b"\xff\xf3\x40\xc4", "audio/mpeg"),
            (b"\0\0\0\x18ftypM4A \0\0\0\0M4A mp42", "audio/mp4"),
            (b"\0\0\0\x18ftyp3gp5\0\0\0\x003gp4isom", "video/3gpp"),
            (b"\0\0\0\x18ftypzzzz\0\0\0\0zzzzisom", "video/mp4"),
            (b"\0\0\0\x18ftypqt  \0\0\0\0qt  qt  ", "video/quicktime"),
            (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "image/heif"),
            (b"\0\0\0\x18ftypavif\0\0\0\0avifmif1", "image/avif"),
            (b"II*\0\x08\0\0\0\0\0\0\0", "image/tiff"),
            (b"BM\x46\0\0\0\0\0\0\0", "image/bmp"),
            (b"%PDF-1.7\n", "application/pdf"),
            (b"PK\x03\x04\x14\0", "application/zip"),
            (b"\xff\xf1\x50\x80\x02\x1f\xfc", "audio/aac"),
            (&sample::amr(2), "audio/amr"),
            (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml"),
            (b"<?xml version='1.0'?><svg/>", "image/svg+xml"),
            ("Grüße\n".as_bytes(), "text/plain"),
            (b"BEGIN:VCARD\r\n", "text/vcard"),
            (b"\0\x01\x02\x03", UNKNOWN),
            (b"", UNKNOWN),
        ];
        for (bytes, expected) in files {
            assert_eq!(media_type(bytes), *expected, "{:?}", &bytes[..bytes.len().min(16)]);
        }
    }

    #[test]
    fn names_end_as_is_usual() {
        assert_eq!(extension("audio/ogg; codecs=opus"), Some("ogg"));
        assert_eq!(extension("IMAGE/JPEG"), Some("jpg"));
        assert_eq!((extension(UNKNOWN), extension("")), (None, None));
    }
}
