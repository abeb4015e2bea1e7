//! What a file is called: the SHA-256 of its bytes.

use std::fmt;

/// SHA-256 of a file.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileHash(pub [u8; 32]);

impl FileHash {
    /// From bytes that were kept or received. None unless there are 32.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// From 64 hexadecimal digits. None if it is anything else.
    pub fn from_hex(text: &str) -> Option<Self> {
        let (text, mut bytes) = (text.as_bytes(), [0; 32]);
        if text.len() != 64 {
            return None;
        }
        for (byte, digits) in bytes.iter_mut().zip(text.chunks_exact(2)) {
            let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
            *byte = digit(digits[0])? << 4 | digit(digits[1])?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Display for FileHash {
    /// 64 hexadecimal digits, in small letters.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for FileHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FileHash({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_written_in_hexadecimal_digits_and_read_again() {
        let hash = FileHash(std::array::from_fn(|index| u8::try_from(index * 8).expect("it fits")));
        assert_eq!(FileHash::from_hex(&hash.to_string()), Some(hash));
        assert_eq!(FileHash::from_bytes(&hash.0), Some(hash));
        let digits = hash.to_string();
        for other in ["", "00", &digits[1..], &digits.replace('8', "g"), &format!("{digits}0"), &"é".repeat(32)] {
            assert_eq!(FileHash::from_hex(other), None, "{other}");
        }
    }
}
