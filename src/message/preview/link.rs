//! Finds the link of a text of which a page is fetched.

use crate::egress;

/// What a link begins with, in small letters.
const BEGINNINGS: [&str; 2] = ["https://", "http://"];
/// Signs that end a link: nobody writes them in one.
const ENDS: &[char] = &['<', '>', '"', '`', '{', '}', '|', '\\', '^'];
/// Signs that belong to the sentence when they are the last ones.
const TRAILING: &[char] = &['.', ',', ';', ':', '!', '?', '\'', '*', '_', '~'];
/// Longest link, bytes. Servers take no longer ones.
const LINK_MAX: usize = 2_048;

/// The first `http` or `https` link of a text, as it stands there.
pub(super) fn first(text: &str) -> Option<&str> {
    let mut from = 0;
    while let Some(colon) = text[from..].find("://") {
        let colon = from + colon;
        from = colon + "://".len();
        if let Some(link) = begin(text, colon).and_then(|begin| link(&text[begin..])) {
            return Some(link);
        }
    }
    None
}

/// Where a link begins whose `://` is at `colon`. What is a part of another word is none.
fn begin(text: &str, colon: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    BEGINNINGS.into_iter().find_map(|beginning| {
        let scheme = beginning.len() - "://".len();
        let begin = colon.checked_sub(scheme)?;
        let is_it = bytes[begin..colon].eq_ignore_ascii_case(&beginning.as_bytes()[..scheme]);
        // Only behind this check it is certain that a character begins there.
        let is_word = |char: char| char.is_alphanumeric();
        (is_it && !text[..begin].ends_with(is_word)).then_some(begin)
    })
}

/// The link with which a text begins.
fn link(text: &str) -> Option<&str> {
    let ends = |char: char| char.is_whitespace() || char.is_control() || ENDS.contains(&char);
    // Not looked for beyond the longest one, or a text of nothing but beginnings would take time with its square.
    let end = text.char_indices().take(LINK_MAX + 1).find(|(_, char)| ends(*char)).map(|(at, _)| at);
    let mut link = &text[..end.unwrap_or(text.len())];
    if link.len() > LINK_MAX {
        return None;
    }
    // A bracket that was opened in the link belongs to it.
    let (has_round, has_square) = (link.contains('('), link.contains('['));
    let is_trailing = |char: char| match char {
        ')' => !has_round,
        ']' => !has_square,
        char => TRAILING.contains(&char),
    };
    link = link.trim_end_matches(is_trailing);
    egress::is_web_address(link).then_some(link)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_first_link_of_a_text_is_found_without_what_belongs_to_the_sentence() {
        let rows = [
            ("see https://shop.example/tea.", Some("https://shop.example/tea")),
            ("HTTPS://Shop.example!", Some("HTTPS://Shop.example")),
            ("(http://shop.example/a?b=c&d=%20)", Some("http://shop.example/a?b=c&d=%20")),
            ("https://wiki.example/Tea_(drink)", Some("https://wiki.example/Tea_(drink)")),
            ("\u{1f375}https://shop.example\n\nhttps://other.example", Some("https://shop.example")),
            ("ftp://a.example http://b.example", Some("http://b.example")),
            ("xhttps://a.example", None),
            ("https://", None),
            ("https:// a", None),
            ("shop.example, www.shop.example", None),
            ("://", None),
            ("", None),
        ];
        for (text, found) in rows {
            assert_eq!(first(text), found, "{text}");
        }
        assert_eq!(first(&format!("https://a.example/{}", "x".repeat(LINK_MAX))), None);
    }

    #[test]
    fn a_text_of_nothing_but_beginnings_is_read_in_no_time() {
        for part in ["http://", "http://[", "://", "http://(", "http://a)"] {
            let begun = Instant::now();
            let _ = first(&part.repeat(65_536 / part.len()));
            assert!(begun.elapsed() < Duration::from_secs(20), "{part}: {:?}", begun.elapsed());
        }
    }

    proptest! {
        #[test]
        fn what_is_found_stands_in_the_text_and_is_an_address(text in "[a-z:/.()<é ]{0,40}(https?://[a-zé.()/ ]{0,20}){0,3}") {
            if let Some(link) = first(&text) {
                prop_assert!(text.contains(link) && egress::is_web_address(link));
            }
        }
    }
}
