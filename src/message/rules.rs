//! The rules that messages keep. Each refusal names the field and the rule.

use std::time::Duration;

use entity::words::chat::ChatState;
use sha2::{Digest as _, Sha256};

use crate::error::{Error, Result};

/// Longest text, characters. WhatsApp's apps take no longer one.
pub const TEXT_MAX: usize = 65_536;
/// Longest reference or key of a client, characters.
pub const KEY_MAX: usize = 255;
/// Most people whom a message mentions.
pub const MENTIONS_MAX: usize = 1_024;
/// Longest name of a document, characters.
pub const FILE_NAME_MAX: usize = 255;
/// Numbers that say how loud a voice message is. src: WhatsApp's apps, which draw as many
pub const WAVEFORM_PARTS: usize = 64;
/// Longest voice message, as a client may say it is, seconds.
pub const SECONDS_MAX: u32 = 24 * 60 * 60;
/// Largest picture that stands for a video, bytes: it is a part of the message itself.
pub(super) const THUMBNAIL_MAX: usize = 64 * 1024;
/// Most people who are to see one status.
pub const STATUS_MAX: usize = 1_000;
/// How long a message waits when nothing is said.
pub(super) const EXPIRES_AFTER: Duration = Duration::from_secs(24 * 60 * 60);
/// Longest time for which it is shown that somebody types, seconds. Phones show it no longer without being told again.
pub const TYPING_MAX: u32 = 25;
/// Messages that are marked as read at once, at most. src: whatsapp-rust receipt.rs, so many are in one stanza.
pub const READ_MAX: usize = 256;
/// Longest emoji, bytes. The longest that phones offer has 35: two people with skin tones, joined.
pub const EMOJI_MAX: usize = 64;
/// How long a text can be given another one. Phones take no edit that comes later. src: WhatsApp's apps
pub(super) const EDIT_WINDOW: Duration = Duration::from_secs(15 * 60);
/// How long a message can be removed for everybody. src: WhatsApp's apps, about two days
pub(super) const REVOKE_WINDOW: Duration = Duration::from_secs(2 * 24 * 60 * 60);

/// Longest name or address of a place, characters.
pub const LABEL_MAX: usize = 1_000;
/// Most contacts in a message.
pub const CONTACTS_MAX: usize = 100;
/// Longest name of a contact, and of where they work, characters.
pub const CONTACT_NAME_MAX: usize = 256;
/// Most numbers of a contact.
pub const PHONES_MAX: usize = 20;
/// Longest kind of a number, characters: with the number it fits one line of a card.
pub const PHONE_TYPE_MAX: usize = 20;
/// Fewest pictures and videos of an album: one alone is none.
pub const ALBUM_MIN: usize = 2;
/// Most pictures and videos of an album.
pub const ALBUM_MAX: usize = 30;
/// Longest question of a poll, characters. src: WhatsApp's apps
pub const QUESTION_MAX: usize = 255;
/// Longest option of a poll, characters. src: WhatsApp's apps
pub const OPTION_MAX: usize = 100;
/// Fewest options of a poll.
pub const OPTIONS_MIN: usize = 2;
/// Most options of a poll. src: WhatsApp's apps
pub const OPTIONS_MAX: usize = 12;
/// Longest name of an event, characters. src: WhatsApp's apps
pub const EVENT_NAME_MAX: usize = 100;
/// Longest description of an event, characters. src: WhatsApp's apps
pub const DESCRIPTION_MAX: usize = 2_048;
/// Most guests whom somebody brings to an event.
pub const EXTRA_GUESTS_MAX: u32 = 99;

/// A text that can be sent.
///
/// # Errors
/// `Invalid`.
pub(super) fn text(field: &str, text: String) -> Result<String> {
    if text.trim().is_empty() {
        return Err(Error::invalid(field, "must not be empty"));
    }
    if text.chars().count() > TEXT_MAX {
        return Err(Error::invalid(field, format!("must have at most {TEXT_MAX} characters")));
    }
    Ok(text)
}

/// A short text of one line.
///
/// # Errors
/// `Invalid`.
pub(super) fn label(field: &str, text: String, most: usize) -> Result<String> {
    let is_fine = !text.trim().is_empty() && text.chars().count() <= most && !text.chars().any(char::is_control);
    if is_fine {
        return Ok(text);
    }
    Err(Error::invalid(field, format!("must have 1 to {most} characters, and none that only controls")))
}

/// A key or a reference of a client, or the id of a message.
///
/// # Errors
/// `Invalid`.
pub(super) fn key(field: &str, text: String) -> Result<String> {
    let length = text.chars().count();
    if !(1..=KEY_MAX).contains(&length) || text.chars().any(char::is_control) {
        return Err(Error::invalid(field, format!("must have 1 to {KEY_MAX} printable characters")));
    }
    Ok(text)
}

/// One emoji, which may be made of several characters: with a skin tone, a flag, or people who are joined.
///
/// # Errors
/// `Invalid`.
pub(super) fn emoji(field: &str, text: String) -> Result<String> {
    if text.len() > EMOJI_MAX || !is_one_emoji(&text) {
        return Err(Error::invalid(field, format!("must be one emoji of at most {EMOJI_MAX} bytes")));
    }
    Ok(text)
}

/// Whether a text is one character as people see it, and none that stands on every keyboard. Which characters are emojis changes with
/// every year's phones, so there is no list.
fn is_one_emoji(text: &str) -> bool {
    const JOINER: char = '\u{200d}';
    const KEYCAP: char = '\u{20e3}';
    let is_letter_of_flag = |char: char| ('\u{1f1e6}'..='\u{1f1ff}').contains(&char);
    let changes_another = |char: char| matches!(char, JOINER | KEYCAP | '\u{fe0e}' | '\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}' | '\u{e0020}'..='\u{e007f}');
    if text.is_ascii() || text.chars().any(|char| char.is_control() || char.is_whitespace()) {
        return false;
    }
    if text.chars().all(is_letter_of_flag) {
        return text.chars().count() == 2;
    }
    let mut before = None;
    let mut seen = 0;
    for char in text.chars() {
        // The first one stands for itself, be it a skin tone alone.
        if before.is_none() || (!changes_another(char) && before != Some(JOINER)) {
            seen += 1;
        }
        before = Some(char);
    }
    let is_plain = |char: char| char.is_ascii() && !text.contains(KEYCAP);
    seen == 1 && !text.starts_with([JOINER, KEYCAP]) && !text.starts_with(is_plain) && before != Some(JOINER)
}

/// How long it is shown that somebody types.
///
/// # Errors
/// `Invalid`.
pub(super) fn typing_time(state: ChatState, seconds: u32) -> Result<Duration> {
    if state == ChatState::Paused {
        return Err(Error::invalid("seconds", "must not be there when somebody stops"));
    }
    if !(1..=TYPING_MAX).contains(&seconds) {
        return Err(Error::invalid("seconds", format!("must be from 1 to {TYPING_MAX}")));
    }
    Ok(Duration::from_secs(seconds.into()))
}

/// What tells one request from another: SHA-256 of all that is asked for.
pub(super) fn fingerprint(asked: &impl serde::Serialize) -> Result<Vec<u8>> {
    let written = serde_json::to_vec(asked).map_err(Error::internal)?;
    Ok(Sha256::digest(written).to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reaction_is_one_emoji() {
        let keycap = "1\u{fe0f}\u{20e3}";
        let family = "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}\u{200d}\u{1f466}";
        let kiss = "\u{1f469}\u{1f3fb}\u{200d}\u{2764}\u{fe0f}\u{200d}\u{1f48b}\u{200d}\u{1f468}\u{1f3fb}";
        let scotland = "\u{1f3f4}\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}";
        for one in ["👍", "👍🏽", "❤️", "❤", "🇵🇹", "🅰️", "©️", "🏽", keycap, family, kiss, scotland]
        {
            assert!(emoji("emoji", one.to_owned()).is_ok(), "{one}");
        }
        let long = format!("👍{}", "\u{200d}👍".repeat(10));
        let dangling = "👍\u{200d}";
        for other in
            ["", " ", "a", "tea", "1", ":)", "👍👍", "👍 ", "👍\n", "🇵🇹🇵", "🇵", "a👍", "\u{200d}", dangling, &long]
        {
            let refusal = emoji("emoji", other.to_owned()).expect_err(other).to_string();
            assert_eq!(refusal, "`emoji` must be one emoji of at most 64 bytes", "{other}");
        }
    }
}
