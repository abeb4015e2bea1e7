//! Reads what a page says about itself in its head: `og:title`, `og:description`, `og:image`, or else its title and its description.
//!
//! It is no parser of HTML: it looks at tags, passes over comments and scripts, and never goes back, so whatever the page is, it takes
//! time with its length and no more.

use crate::message::preview::character_reference;
use crate::message::preview::wanted::{DESCRIPTION_MAX, TITLE_MAX};

/// Attributes of one tag that are looked at.
const ATTRIBUTES_MAX: usize = 32;
/// Longest address of a picture, characters.
const ADDRESS_MAX: usize = 2_048;
/// Elements in which there is text and no tag until they end.
const WITHOUT_TAGS: [&str; 6] = ["script", "style", "template", "textarea", "noscript", "svg"];

/// What a page says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) title: Option<String>,
    pub(super) description: Option<String>,
    /// Where its picture is, as the page writes it.
    pub(super) image: Option<String>,
}

/// What was found, as it is written.
#[derive(Default)]
struct Found<'a> {
    title: Option<&'a str>,
    description: Option<&'a str>,
    image: Option<&'a str>,
    /// What is shown elsewhere of a page, if it says nothing for those who link to it.
    own_title: Option<&'a str>,
    own_description: Option<&'a str>,
}

/// Reads a page, or its beginning.
pub(super) fn page(html: &str) -> Page {
    let mut found = Found::default();
    let mut rest = html;
    while let Some((_, tag)) = rest.split_once('<') {
        rest = match tag.strip_prefix("!--") {
            Some(comment) => comment.split_once("-->").map_or("", |(_, behind)| behind),
            None => found.tag(tag),
        };
        if found.is_complete() {
            break;
        }
    }
    found.page()
}

impl<'a> Found<'a> {
    /// Looks at a tag, behind its first sign. Gives what is behind it.
    fn tag(&mut self, tag: &'a str) -> &'a str {
        let end = tag.find(|char: char| !char.is_ascii_alphanumeric()).unwrap_or(tag.len());
        let (name, rest) = tag.split_at(end);
        if name.is_empty() {
            // A tag that ends an element, or a sign in a text.
            return tag;
        }
        let (attributes, behind) = attributes(rest);
        if name.eq_ignore_ascii_case("meta") {
            self.meta(&attributes);
        } else if name.eq_ignore_ascii_case("title") {
            let (title, behind) = until_end(behind, name);
            self.own_title = self.own_title.or(title);
            return behind;
        } else if WITHOUT_TAGS.iter().any(|element| name.eq_ignore_ascii_case(element)) {
            return until_end(behind, name).1;
        }
        behind
    }

    fn meta(&mut self, attributes: &[(&'a str, &'a str)]) {
        let get = |wanted: &str| {
            attributes.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| *value)
        };
        let (Some(key), Some(content)) = (get("property").or_else(|| get("name")), get("content")) else { return };
        let place = match key.trim().to_ascii_lowercase().as_str() {
            "og:title" => &mut self.title,
            "og:description" => &mut self.description,
            "og:image" | "og:image:url" => &mut self.image,
            "description" => &mut self.own_description,
            _ => return,
        };
        // Of several, the first.
        *place = place.or(Some(content));
    }

    fn is_complete(&self) -> bool {
        self.title.is_some() && self.description.is_some() && self.image.is_some()
    }

    fn page(self) -> Page {
        let Self { title, description, image, own_title, own_description } = self;
        let first =
            |texts: [Option<&str>; 2], most: usize| texts.into_iter().flatten().find_map(|text| cleaned(text, most));
        let address = |text: &str| {
            Some(character_reference::decoded(text.trim())).filter(|text| text.chars().count() <= ADDRESS_MAX)
        };
        Page {
            title: first([title, own_title], TITLE_MAX),
            description: first([description, own_description], DESCRIPTION_MAX),
            image: image.and_then(address).filter(|address| !address.is_empty()),
        }
    }
}

/// The attributes of a tag, and what is behind the tag. One whose value does not end, as where a page was cut off, has none.
fn attributes(tag: &str) -> (Vec<(&str, &str)>, &str) {
    let mut found = Vec::new();
    let mut rest = tag;
    loop {
        rest = rest.trim_start_matches(|char: char| char.is_ascii_whitespace() || char == '/');
        if let Some(behind) = rest.strip_prefix('>') {
            return (found, behind);
        }
        // Whatever the first sign is, it is a part of the name: each turn goes on.
        let ends_name = |char: char| char.is_ascii_whitespace() || matches!(char, '=' | '>' | '/');
        let Some(first) = rest.chars().next() else { return (found, "") };
        let end = rest[first.len_utf8()..].find(ends_name).map_or(rest.len(), |end| end + first.len_utf8());
        let (name, behind) = rest.split_at(end);
        let behind = behind.trim_ascii_start();
        let value;
        (value, rest) = behind.strip_prefix('=').map_or(("", behind), |behind| self::value(behind.trim_ascii_start()));
        if found.len() < ATTRIBUTES_MAX {
            found.push((name, value));
        }
    }
}

/// The value of an attribute, and what is behind it.
fn value(text: &str) -> (&str, &str) {
    match text.chars().next() {
        Some(quote @ ('"' | '\'')) => text[1..].split_once(quote).unwrap_or_default(),
        _ => {
            let end = text.find(|char: char| char.is_ascii_whitespace() || char == '>');
            end.map_or(("", ""), |end| text.split_at(end))
        }
    }
}

/// The text of an element up to the tag that ends it, and what is behind that. No text if it does not end.
fn until_end<'a>(text: &'a str, name: &str) -> (Option<&'a str>, &'a str) {
    let is_end = |at: usize| {
        let tag = &text.as_bytes()[at + "</".len()..];
        tag.get(..name.len()).is_some_and(|found| found.eq_ignore_ascii_case(name.as_bytes()))
    };
    let end = text.match_indices("</").map(|(at, _)| at).find(|at| is_end(*at));
    end.map_or((None, ""), |end| (Some(&text[..end]), &text[end + "</".len() + name.len()..]))
}

/// A text as people read it, in one line and not too long. None if nothing is left of it, or it cannot be read.
fn cleaned(text: &str, most: usize) -> Option<String> {
    let text = character_reference::decoded(text);
    let words = text.split(|char: char| char.is_whitespace() || char.is_control()).filter(|word| !word.is_empty());
    let mut line = String::new();
    for word in words {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if let Some((end, _)) = line.char_indices().nth(most) {
        line.truncate(line[..end].trim_end().len());
    }
    let is_readable = !line.contains(char::REPLACEMENT_CHARACTER);
    (is_readable && !line.is_empty()).then_some(line)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use proptest::prelude::*;

    use super::*;

    fn texts(html: &str) -> [Option<String>; 3] {
        let Page { title, description, image } = page(html);
        [title, description, image]
    }

    fn some(texts: [&str; 3]) -> [Option<String>; 3] {
        texts.map(|text| (!text.is_empty()).then(|| text.to_owned()))
    }

    #[test]
    fn a_page_says_what_is_shown_of_it() {
        let rows = [
            (
                r#"<!DOCTYPE html><HTML><head><title>Shop</title><META Property="og:title" Content='Tea &amp; "cake"'>
                   <meta content="Twelve kinds,
                     all of them black" property=og:description />
                   <meta property="og:image" content="/tea.jpg?a=1&amp;b=2"></head>"#,
                ["Tea & \"cake\"", "Twelve kinds, all of them black", "/tea.jpg?a=1&b=2"],
            ),
            ("<title> A\n shop </title><meta name=description content=tea>", ["A shop", "tea", ""]),
            ("<meta name='og:title' content=one><meta property='og:title' content=two>", ["one", "", ""]),
            ("<!-- <meta property=og:title content=no> --><title>yes</title>", ["yes", "", ""]),
            ("<script>'<meta property=og:title content=no>'</SCRIPT ><title>yes</title>", ["yes", "", ""]),
            ("<svg><title>no</title></svg><title>yes</title>", ["yes", "", ""]),
            ("<meta property='og:title' content=''><title>yes</title>", ["yes", "", ""]),
            ("<p title='<meta property=og:title content=no>'>a < b</p><title>yes</title>", ["yes", "", ""]),
            ("<meta property=og:title content=\"cut o", ["", "", ""]),
            ("<title>cut o", ["", "", ""]),
            ("<meta property=og:title content=\u{fffd}x><title>yes</title>", ["yes", "", ""]),
            ("no tags", ["", "", ""]),
            ("", ["", "", ""]),
        ];
        for (html, said) in rows {
            assert_eq!(texts(html), some(said), "{html}");
        }
    }

    #[test]
    fn what_is_long_is_cut_off() {
        let html = format!("<title>{0}</title><meta name=description content={0}>", "é".repeat(5_000));
        let Page { title, description, .. } = page(&html);
        assert_eq!(title.map(|title| title.chars().count()), Some(TITLE_MAX));
        assert_eq!(description.map(|description| description.chars().count()), Some(DESCRIPTION_MAX));
    }

    #[test]
    fn no_page_takes_more_time_than_its_length() {
        let parts = [
            "<",
            "<a",
            "<a ",
            "<!--",
            "<script>",
            "</",
            "<title>",
            "<title></",
            "<meta ",
            "<meta content=\"",
            "<meta a='",
            "&",
            "&#",
            "<a b=",
            "=",
            "/",
            "<script></scrip",
            "<a b=\"c\" ",
        ];
        for part in parts {
            // Sixteen times what is read of a page: with its square it would take hours.
            let html = part.repeat(1024 * 1024 / part.len());
            let begun = Instant::now();
            let _ = page(&html);
            let _ = page(&format!("<title>{html}</title>"));
            let _ = page(&format!("<meta property=og:title content=\"{html}\">"));
            assert!(begun.elapsed() < Duration::from_secs(20), "{part}: {:?}", begun.elapsed());
        }
    }

    proptest! {
        #[test]
        fn nothing_makes_it_fall(html in "(<|>|</|<!--|-->|<meta |<title>|</title>|<script|property=|content=|og:title|\"|'|=|/|&amp;|&#x|;|é|\\PC| ){0,60}") {
            let Page { title, description, .. } = page(&html);
            for text in title.iter().chain(&description) {
                prop_assert!(!text.is_empty() && text.trim() == text && !text.chars().any(char::is_control));
            }
        }
    }
}
