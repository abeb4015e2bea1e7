//! Texts that others chose and that a column must hold: ids, which may be part of a table's key, and names. WhatsApp's own apps
//! make short ones; whatever another program makes must not be able to stop a session. Texts in events need none of this: they
//! are written as JSON, which can spell everything.

use std::borrow::Cow;

use sha2::{Digest, Sha256};

/// Longest id that is kept as it came, bytes. PostgreSQL indexes no more than 2.7 kB.
const ID_BYTES: usize = 256;

/// Longest name that is kept, characters. WhatsApp's own apps allow 25.
const NAME_CHARS: usize = 100;

/// The id, unless it is too long, or has a NUL, for which PostgreSQL has no place. Different ids stay different but for NULs.
pub(super) fn id(text: &str) -> Cow<'_, str> {
    if text.len() > ID_BYTES {
        let digest = Sha256::digest(text.as_bytes());
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        return Cow::Owned(format!("sha256:{hex}"));
    }
    match text.contains('\0') {
        true => Cow::Owned(text.replace('\0', "\u{fffd}")),
        false => Cow::Borrowed(text),
    }
}

/// The name, cut to what a person can mean by one, and without NULs. None if it is empty.
pub(super) fn name(text: &str) -> Option<String> {
    let name: String = text.chars().take(NAME_CHARS).map(|c| if c == '\0' { '\u{fffd}' } else { c }).collect();
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_no_column_can_hold_becomes_one_that_can() {
        assert_eq!(name("Ada"), Some("Ada".to_owned()));
        assert_eq!(name("A\0b"), Some("A\u{fffd}b".to_owned()));
        assert_eq!(name(&"é".repeat(500)), Some("é".repeat(NAME_CHARS)));
        assert_eq!(name(""), None);
    }

    #[test]
    fn an_id_that_no_key_can_hold_becomes_one_that_can() {
        assert_eq!(id("3EB0C431C26A1916E07E"), "3EB0C431C26A1916E07E");
        assert_eq!(id("a\0b"), "a\u{fffd}b");
        let (one, other) = ("x".repeat(3_000), format!("{}y", "x".repeat(2_999)));
        assert_eq!(id(&one).len(), 71);
        assert_ne!(id(&one), id(&other));
        assert_eq!(id(&"\0".repeat(300)), id(&"\0".repeat(300)));
    }
}
