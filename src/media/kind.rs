//! What a file is: by its own bytes, never by what somebody says of it.

/// What is said of bytes that say nothing of themselves.
pub const UNKNOWN: &str = "application/octet-stream";
/// How many of a file's first bytes are looked at. Some signatures of documents stand behind the first entries of their archive.
const LOOKED_AT: usize = 8 * 1024;

/// The first bytes of a file that comes in piece by piece.
#[derive(Debug, Default)]
pub struct Beginning(Vec<u8>);

impl Beginning {
    /// Takes the next bytes.
    pub fn take(&mut self, bytes: &[u8]) {
        let count = bytes.len().min(LOOKED_AT - self.0.len());
        self.0.extend_from_slice(&bytes[..count]);
    }

    /// What the file is.
    pub fn mimetype(&self) -> &'static str {
        mimetype(&self.0)
    }
}

/// What a file is that begins with these bytes, as far as they say.
pub fn mimetype(beginning: &[u8]) -> &'static str {
    infer::get(beginning).map_or(UNKNOWN, |found| found.mime_type())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_what_its_first_bytes_say() {
        let rows: [(&[u8], &str); 8] = [
            (b"\xff\xd8\xff\xe0\0\x10JFIF", "image/jpeg"),
            (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "image/png"),
            (b"RIFF\x24\0\0\0WEBPVP8 ", "image/webp"),
            (b"%PDF-1.7\n", "application/pdf"),
            (b"\0\0\0\x18ftypisom\0\0\0\0isomiso2", "video/mp4"),
            (b"PK\x03\x04\x14\0\0\0\0\0", "application/zip"),
            (b"name,price\ntea,3\n", UNKNOWN),
            (b"", UNKNOWN),
        ];
        for (bytes, expected) in rows {
            assert_eq!(mimetype(bytes), expected, "{bytes:?}");
            let mut beginning = Beginning::default();
            bytes.chunks(3).for_each(|piece| beginning.take(piece));
            assert_eq!(beginning.mimetype(), expected, "{bytes:?}");
        }
    }

    #[test]
    fn only_the_beginning_is_looked_at() {
        let mut beginning = Beginning::default();
        for _ in 0..10 {
            beginning.take(&[0; 3_000]);
        }
        assert_eq!(beginning.0.len(), LOOKED_AT);
    }
}
