//! Secrets that are handed out: random, recognisable, kept only as digests.

use secrecy::SecretString;
use sha2::{Digest as _, Sha256};

/// SHA-256 of a token. A token has 256 random bits, so that nothing slower is needed.
pub type Digest = [u8; 32];

/// The digits of base62, in the order of their values.
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Digits that 32 bytes need: 43 times log2(62) is 256.03 bits.
const RANDOM_DIGITS: usize = 43;
/// Digits that a checksum of 32 bits needs.
const CHECK_DIGITS: usize = 6;

/// A new token: the prefix, 32 random bytes in base62, and a checksum by which a scanner knows a leaked one.
pub fn generate(prefix: &str) -> SecretString {
    let random = base62(&rand::random::<[u8; 32]>(), RANDOM_DIGITS);
    format!("{prefix}{random}{}", checksum(prefix, &random)).into()
}

/// Whether a text can be a token of ours at all: right length, right digits, right checksum.
pub fn is_well_formed(prefix: &str, text: &str) -> bool {
    let Some(digits) = text.strip_prefix(prefix).filter(|digits| digits.len() == RANDOM_DIGITS + CHECK_DIGITS) else {
        return false;
    };
    digits.is_ascii() && checksum(prefix, &digits[..RANDOM_DIGITS]) == digits[RANDOM_DIGITS..]
}

/// The digest by which a token is known.
pub fn digest(token: &str) -> Digest {
    Sha256::digest(token.as_bytes()).into()
}

/// The first 32 bits of the digest of what goes before it.
fn checksum(prefix: &str, random: &str) -> String {
    base62(&digest(&format!("{prefix}{random}"))[..4], CHECK_DIGITS)
}

/// A number of so many digits, the most significant first.
fn base62(bytes: &[u8], digits: usize) -> String {
    let mut number = bytes.to_vec();
    let mut text = vec![b'0'; digits];
    for digit in text.iter_mut().rev() {
        let mut rest = 0;
        for byte in &mut number {
            let value = rest * 256 + u32::from(*byte);
            *byte = (value / 62) as u8;
            rest = value % 62;
        }
        *digit = DIGITS[rest as usize];
    }
    text.into_iter().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn a_token_has_its_prefix_32_bytes_and_a_checksum() {
        let token = generate("wp_");
        let text = token.expose_secret();
        assert_eq!(text.len(), 3 + RANDOM_DIGITS + CHECK_DIGITS);
        assert!(is_well_formed("wp_", text));
        assert_ne!(text, generate("wp_").expose_secret());
    }

    #[test]
    fn base62_is_a_number_in_62_digits() {
        assert_eq!(base62(&[0], 2), "00");
        assert_eq!(base62(&[61], 2), "0z");
        assert_eq!(base62(&[62], 2), "10");
        assert_eq!(base62(&[255, 255, 255, 255], CHECK_DIGITS), "4gfFC3");
        assert!(base62(&[255; 32], RANDOM_DIGITS) > base62(&[254; 32], RANDOM_DIGITS));
    }

    #[test]
    fn a_token_with_another_letter_is_none() {
        let token = generate("wp_");
        let text = token.expose_secret();
        for at in [3, 20, text.len() - 1] {
            let other = if text.as_bytes()[at] == b'x' { "y" } else { "x" };
            let changed = format!("{}{other}{}", &text[..at], &text[at + 1..]);
            assert!(!is_well_formed("wp_", &changed), "{at}");
        }
        for text in ["", "wp_", "wp_short", &text[..text.len() - 1], &format!("{text}x"), &text.replace("wp_", "wq_")] {
            assert!(!is_well_formed("wp_", text), "{text}");
        }
    }
}
