//! What a file is: by its own bytes, never by what somebody says of it.

use crate::media::format::kind::{FIRST_BYTES, media_type};

/// The first bytes of a file that comes in piece by piece.
#[derive(Debug, Default)]
pub struct Beginning(Vec<u8>);

impl Beginning {
    /// Takes the next bytes.
    pub fn take(&mut self, bytes: &[u8]) {
        let count = bytes.len().min(FIRST_BYTES - self.0.len());
        self.0.extend_from_slice(&bytes[..count]);
    }

    /// What the file is.
    pub fn mimetype(&self) -> &'static str {
        media_type(&self.0)
    }
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
            (b"name,price\ntea,3\n", "text/plain"),
            (b"", "application/octet-stream"),
        ];
        for (bytes, expected) in rows {
            assert_eq!(media_type(bytes), expected, "{bytes:?}");
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
        assert_eq!(beginning.0.len(), FIRST_BYTES);
    }
}
