//! The rules that messages keep. Each refusal names the field and the rule.

use entity::timestamp::Timestamp;
use entity::words::chat::ChatState;
use sha2::{Digest as _, Sha256};
use std::time::Duration;

use crate::account::{Identity, PhoneNumber};
use crate::error::{Error, ErrorKind, Result};
use crate::message::preview::wanted::{self, WantedPreview};
use crate::message::types::{MessageContent, NewMessage, TextContent};

/// Longest text, characters. WhatsApp's apps take no longer one.
pub const TEXT_MAX: usize = 65_536;
/// Longest reference or key of a client, characters.
pub const KEY_MAX: usize = 255;
/// Most people whom a message mentions.
pub const MENTIONS_MAX: usize = 1_024;
/// How far ahead a message can be scheduled, and how long it can wait.
const AHEAD_MAX: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// How long a message waits when nothing is said.
pub(super) const EXPIRES_AFTER: Duration = Duration::from_secs(24 * 60 * 60);
/// Longest time for which it is shown that somebody types, seconds. Phones show it no longer without being told again.
pub const TYPING_MAX: u32 = 25;
/// Messages that are marked as read at once, at most. src: whatsapp-rust receipt.rs, so many are in one stanza.
pub const READ_MAX: usize = 256;
/// Digits of a LID, at most.
const LID_MAX: usize = 20;
/// Longest emoji, bytes. The longest that phones offer has 35: two people with skin tones, joined.
pub const EMOJI_MAX: usize = 64;
/// How long a text can be given another one. Phones take no edit that comes later. src: WhatsApp's apps
pub(super) const EDIT_WINDOW: Duration = Duration::from_secs(15 * 60);
/// How long a message can be removed for everybody. src: WhatsApp's apps, about two days
pub(super) const REVOKE_WINDOW: Duration = Duration::from_secs(2 * 24 * 60 * 60);

/// Somebody to whom a message can go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Person {
    /// By their phone number.
    Number(PhoneNumber),
    /// By their LID, digits only.
    Lid(String),
}

impl Person {
    /// Reads a phone number in any usual spelling, or a JID of a person.
    ///
    /// # Errors
    /// `InvalidRecipient`, with the rule.
    pub(super) fn parse(field: &str, text: &str) -> Result<Self> {
        let refused = |rule: &str| Error::about(ErrorKind::InvalidRecipient, field, rule);
        let is_digits = |user: &str| !user.is_empty() && user.bytes().all(|byte| byte.is_ascii_digit());
        match text.trim().split_once('@') {
            Some((user, "lid")) if is_digits(user) && user.len() <= LID_MAX => Ok(Self::Lid(user.to_owned())),
            Some((user, "s.whatsapp.net")) if is_digits(user) => number(field, user),
            Some((_, "g.us" | "newsletter" | "broadcast")) => {
                Err(refused("must be a person: messages to groups, channels and lists cannot be sent yet"))
            }
            Some(_) => Err(refused("must be a phone number, or a JID that ends with @s.whatsapp.net or @lid")),
            None => number(field, text),
        }
    }

    /// The JID that says the same.
    pub(super) fn jid(&self) -> String {
        match self {
            Self::Number(number) => format!("{}@s.whatsapp.net", number.digits()),
            Self::Lid(lid) => format!("{lid}@lid"),
        }
    }

    /// Whether this is the account itself.
    pub(super) fn is(&self, own: &Identity) -> bool {
        match self {
            Self::Number(number) => *number == own.phone_number,
            Self::Lid(lid) => own.lid.as_deref().is_some_and(|own| own.split('@').next() == Some(lid)),
        }
    }
}

fn number(field: &str, text: &str) -> Result<Person> {
    let read = PhoneNumber::parse(field, text);
    read.map(Person::Number).map_err(|error| {
        let told = error.to_string();
        let rule = told.strip_prefix(&format!("`{field}` ")).unwrap_or(&told);
        Error::about(ErrorKind::InvalidRecipient, field, rule)
    })
}

/// A message that keeps the rules, as far as it can be said without looking anything up.
#[derive(Clone)]
pub(super) struct Checked {
    pub(super) to: Person,
    pub(super) text: String,
    pub(super) preview: Option<WantedPreview>,
    pub(super) reply_to: Option<String>,
    pub(super) mentions: Vec<Person>,
    /// Some if it is to be sent later.
    pub(super) send_at: Option<Timestamp>,
    pub(super) expires_at: Timestamp,
    pub(super) client_reference: Option<String>,
    /// SHA-256 of what was asked for.
    pub(super) fingerprint: Vec<u8>,
}

/// Checks a message.
///
/// # Errors
/// `Invalid`, `InvalidRecipient`.
pub(super) fn message(new: NewMessage, now: Timestamp) -> Result<Checked> {
    let fingerprint = fingerprint(&new)?;
    let NewMessage { to, content, reply_to, mentions, send_at, expires_at, client_reference } = new;
    let to = Person::parse("to", &to)?;
    let MessageContent::Text(TextContent { text, link_preview }) = content;
    let text = self::text("content.text", text)?;
    let preview = link_preview.map(|preview| wanted::preview(preview, &text)).transpose()?.flatten();
    let mentions = mentions.unwrap_or_default();
    if mentions.len() > MENTIONS_MAX {
        return Err(Error::invalid("mentions", format!("must have at most {MENTIONS_MAX} people")));
    }
    let mentions = mentions.iter().map(|mention| Person::parse("mentions", mention)).collect::<Result<_>>()?;
    let send_at = send_at.map(|moment| ahead("send_at", moment, now)).transpose()?;
    let begin = send_at.unwrap_or(now);
    let expires_at = match expires_at {
        Some(moment) => ahead("expires_at", moment, begin)?,
        None => begin.after(EXPIRES_AFTER),
    };
    let reply_to = reply_to.map(|id| key("reply_to", id)).transpose()?;
    let client_reference = client_reference.map(|reference| key("client_reference", reference)).transpose()?;
    Ok(Checked { to, text, preview, reply_to, mentions, send_at, expires_at, client_reference, fingerprint })
}

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

/// A moment that is still to come, and not too far.
fn ahead(field: &str, moment: Timestamp, begin: Timestamp) -> Result<Timestamp> {
    if moment <= begin {
        let what = if field == "send_at" { "the present moment" } else { "the moment at which it is to be sent" };
        return Err(Error::invalid(field, format!("must be behind {what}")));
    }
    if moment > begin.after(AHEAD_MAX) {
        return Err(Error::invalid(field, "must be at most 30 days ahead"));
    }
    Ok(moment)
}

/// What tells one request from another: SHA-256 of all that is asked for.
pub(super) fn fingerprint(asked: &impl serde::Serialize) -> Result<Vec<u8>> {
    let written = serde_json::to_vec(asked).map_err(Error::internal)?;
    Ok(Sha256::digest(written).to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::types::LinkPreview;

    fn new(to: &str, text: &str) -> NewMessage {
        let content = MessageContent::Text(TextContent { text: text.to_owned(), link_preview: None });
        NewMessage {
            to: to.to_owned(),
            content,
            reply_to: None,
            mentions: None,
            send_at: None,
            expires_at: None,
            client_reference: None,
        }
    }

    #[test]
    fn a_person_is_named_by_number_or_jid_and_nobody_else_is() {
        for spelling in ["+1 555 010-0077", "15550100077", "0015550100077", "15550100077@s.whatsapp.net"] {
            assert_eq!(Person::parse("to", spelling).expect(spelling).jid(), "15550100077@s.whatsapp.net");
        }
        assert_eq!(Person::parse("to", "100000000000077@lid").expect("a LID").jid(), "100000000000077@lid");
        for other in ["120363000000000001@g.us", "status@broadcast", "1@newsletter", "a@b", "@lid", "", "call me"] {
            assert_eq!(Person::parse("to", other).expect_err(other).kind(), ErrorKind::InvalidRecipient, "{other}");
        }
    }

    #[test]
    fn what_breaks_a_rule_is_refused_with_its_field() {
        let now = Timestamp::from_millis(1_000_000);
        let month = Duration::from_secs(31 * 24 * 60 * 60);
        let fine = || new("15550100077", "tea");
        let url = Some("https://x.example".to_owned());
        let preview = LinkPreview { url, title: None, description: None, thumbnail: None, fetch: false };
        let linked = TextContent { text: "tea".to_owned(), link_preview: Some(preview) };
        let rows = [
            (new("15550100077", " \n"), "`content.text` must not be empty"),
            (new("15550100077", &"x".repeat(65_537)), "`content.text` must have at most 65536 characters"),
            (NewMessage { send_at: Some(now), ..fine() }, "`send_at` must be behind the present moment"),
            (NewMessage { send_at: Some(now.after(month)), ..fine() }, "`send_at` must be at most 30 days ahead"),
            (
                NewMessage { expires_at: Some(now), ..fine() },
                "`expires_at` must be behind the moment at which it is to be sent",
            ),
            (
                NewMessage { client_reference: Some(String::new()), ..fine() },
                "`client_reference` must have 1 to 255 printable characters",
            ),
            (
                NewMessage { mentions: Some(vec!["x".to_owned()]), ..fine() },
                "`mentions` must be a phone number; `x` cannot be part of one",
            ),
            (
                NewMessage { content: MessageContent::Text(linked), ..fine() },
                "`content.link_preview.url` must stand in the text",
            ),
        ];
        for (new, refusal) in rows {
            assert_eq!(message(new, now).err().expect(refusal).to_string(), refusal);
        }
        assert!(message(fine(), now).is_ok());
        assert!(message(new("15550100077", &"é".repeat(65_536)), now).is_ok());
    }

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

    #[test]
    fn two_messages_are_the_same_request_only_if_all_is_the_same() {
        let one = fingerprint(&new("15550100077", "tea")).expect("it is JSON");
        assert_eq!(one, fingerprint(&new("15550100077", "tea")).expect("it is JSON"));
        assert_ne!(one, fingerprint(&new("15550100077", "coffee")).expect("it is JSON"));
        assert_ne!(one, fingerprint(&new("15550100078", "tea")).expect("it is JSON"));
    }
}
