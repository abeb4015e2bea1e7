//! Cards of contacts, as vCard text (RFC 2426, version 3.0, which phones write): written here, or checked when a client wrote them.

/// Longest line, bytes, without its end. src: RFC 2426, 2.6
const LINE_MAX: usize = 75;
/// Longest card of a client, bytes.
pub const CARD_MAX: usize = 64 * 1024;
/// Lines of a client's card, at most.
const LINES_MAX: usize = 1_000;

/// A number on a card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CardPhone {
    /// Digits only.
    pub(super) digits: String,
    /// What kind of number it is: letters, digits and hyphens.
    pub(super) kind: String,
}

/// A card with this on it. Each number says who it is on WhatsApp (`waid`), so that it can be tapped.
pub(super) fn card(name: &str, phones: &[CardPhone], organization: Option<&str>) -> String {
    let name = escaped(name);
    // There is no telling which part of a name is which, so all of it is the given name.
    let mut lines =
        vec!["BEGIN:VCARD".to_owned(), "VERSION:3.0".to_owned(), format!("N:;{name};;;"), format!("FN:{name}")];
    lines.extend(organization.map(|organization| format!("ORG:{};", escaped(organization))));
    let phone = |CardPhone { digits, kind }: &CardPhone| format!("TEL;type={kind};waid={digits}:+{digits}");
    lines.extend(phones.iter().map(phone));
    lines.push("END:VCARD".to_owned());
    lines.iter().map(|line| folded(line)).collect()
}

/// A value as it is written: without what would end it, or the line.
fn escaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for char in value.chars() {
        match char {
            '\\' | ';' | ',' => text.extend(['\\', char]),
            '\n' => text.push_str("\\n"),
            '\r' => {}
            other => text.push(other),
        }
    }
    text
}

/// A line with its end; a long one goes on in the next line, behind a space.
fn folded(line: &str) -> String {
    let mut text = String::with_capacity(line.len() + 2);
    let mut length = 0;
    for char in line.chars() {
        if length + char.len_utf8() > LINE_MAX {
            text.push_str("\r\n ");
            length = 1;
        }
        text.push(char);
        length += char.len_utf8();
    }
    text.push_str("\r\n");
    text
}

/// What is wrong with a card that a client wrote. None if nothing is.
pub(super) fn fault(card: &str) -> Option<String> {
    if card.len() > CARD_MAX {
        return Some(format!("must have at most {CARD_MAX} bytes"));
    }
    if card.chars().any(|char| char.is_control() && !matches!(char, '\r' | '\n' | '\t')) {
        return Some("must have no control characters but ends of lines".to_owned());
    }
    let lines = unfolded(card.trim_matches(['\r', '\n']));
    let is =
        |line: Option<&String>, wanted: &str| line.is_some_and(|line| line.trim_end().eq_ignore_ascii_case(wanted));
    if lines.len() > LINES_MAX {
        return Some(format!("must have at most {LINES_MAX} lines"));
    }
    if !is(lines.first(), "BEGIN:VCARD") || !is(lines.last(), "END:VCARD") {
        return Some("must begin with `BEGIN:VCARD` and end with `END:VCARD`".to_owned());
    }
    let inner = lines.get(1..lines.len().saturating_sub(1)).unwrap_or_default();
    let names: Vec<_> = inner.iter().filter(|line| !line.trim().is_empty()).map(|line| property(line)).collect();
    if names.contains(&None) {
        return Some("must have a name and a value in each line, with a colon between them".to_owned());
    }
    let has = |wanted: &str| names.iter().flatten().any(|name| name.eq_ignore_ascii_case(wanted));
    if has("BEGIN") || has("END") {
        return Some("must be one card".to_owned());
    }
    match has("VERSION") && has("FN") {
        true => None,
        false => Some("must have the lines `VERSION:` and `FN:`".to_owned()),
    }
}

/// The lines of a card. One that begins with a space goes on with the one before.
fn unfolded(card: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in card.split('\n') {
        let line = line.strip_suffix('\r').unwrap_or(line);
        match (line.strip_prefix([' ', '\t']), lines.last_mut()) {
            (Some(rest), Some(last)) => last.push_str(rest),
            _ => lines.push(line.to_owned()),
        }
    }
    lines
}

/// The name of what a line says, without its group and what is said about it: `TEL` of `item1.TEL;type=CELL:+1`.
fn property(line: &str) -> Option<&str> {
    let (before, _) = line.split_once(':')?;
    let name = before.split(';').next().unwrap_or(before);
    let name = name.rsplit('.').next().unwrap_or(name).trim();
    let is_name = |char: char| char.is_ascii_alphanumeric() || char == '-';
    (!name.is_empty() && name.chars().all(is_name)).then_some(name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn phone(digits: &str, kind: &str) -> CardPhone {
        CardPhone { digits: digits.to_owned(), kind: kind.to_owned() }
    }

    #[test]
    fn a_card_is_written_as_phones_write_it() {
        let phones = [phone("15550100077", "CELL"), phone("15550100078", "WORK")];
        let expected = "BEGIN:VCARD\r\nVERSION:3.0\r\nN:;Ada\\, Tea\\; Ltd;;;\r\nFN:Ada\\, Tea\\; Ltd\r\nORG:A\\\\B;\r\n\
                        TEL;type=CELL;waid=15550100077:+15550100077\r\nTEL;type=WORK;waid=15550100078:+15550100078\r\n\
                        END:VCARD\r\n";
        assert_eq!(card("Ada, Tea; Ltd", &phones, Some("A\\B")), expected);
    }

    #[test]
    fn a_long_line_goes_on_in_the_next() {
        let name = "é".repeat(100);
        let written = card(&name, &[], None);
        assert!(written.split("\r\n").all(|line| line.len() <= LINE_MAX));
        assert!(unfolded(&written).contains(&format!("FN:{name}")));
        assert_eq!(fault(&written), None);
    }

    #[test]
    fn a_card_that_is_none_is_refused_with_the_rule() {
        let card = |inner: &str| format!("BEGIN:VCARD\n{inner}END:VCARD");
        let fine = "VERSION:3.0\nFN:Ada\n";
        assert_eq!(fault(&card(fine)), None);
        assert_eq!(fault(&format!("{}\r\n", card(fine).replace('\n', "\r\n"))), None);
        assert_eq!(fault(&card(&format!("{fine}item1.TEL;waid=15550100077:+1 555\n 010-0077\n"))), None);
        let rows = [
            (String::new(), "must begin with `BEGIN:VCARD` and end with `END:VCARD`"),
            ("BEGIN:VCARD".to_owned(), "must begin with `BEGIN:VCARD` and end with `END:VCARD`"),
            (card(""), "must have the lines `VERSION:` and `FN:`"),
            (card("VERSION:3.0\n"), "must have the lines `VERSION:` and `FN:`"),
            (card(&format!("{fine}tea\n")), "must have a name and a value in each line, with a colon between them"),
            (card(&format!("{fine}END:VCARD\nBEGIN:VCARD\n{fine}")), "must be one card"),
            (card(&format!("{fine}NOTE:a\0b\n")), "must have no control characters but ends of lines"),
            (card(&format!("{fine}NOTE:{}\n", "x".repeat(CARD_MAX))), "must have at most 65536 bytes"),
            (card(&"A:b\n".repeat(1_000)), "must have at most 1000 lines"),
        ];
        for (card, rule) in rows {
            assert_eq!(fault(&card).as_deref(), Some(rule));
        }
    }

    proptest! {
        #[test]
        fn whatever_is_on_a_card_it_is_one_card_and_its_name_comes_back(name in "[^\\x00-\\x1f\\x7f-\\x9f]{1,256}", organization in "[^\\x00-\\x1f\\x7f-\\x9f]{0,256}") {
            let written = card(&name, &[phone("15550100077", "CELL")], Some(&organization));
            prop_assert_eq!(fault(&written), None);
            prop_assert!(written.split("\r\n").all(|line| line.len() <= LINE_MAX));
            let lines = unfolded(&written);
            let shown = lines.iter().find_map(|line| line.strip_prefix("FN:")).expect("it has a name");
            prop_assert_eq!(shown.to_owned(), escaped(&name));
            prop_assert_eq!(lines.iter().filter(|line| line.starts_with("TEL")).count(), 1);
        }

        #[test]
        fn no_text_breaks_the_check(text in "(BEGIN:VCARD\r?\n)?.*\n?(END:VCARD)?") {
            let _ = fault(&text); // Whatever it says, it says it.
        }
    }
}
