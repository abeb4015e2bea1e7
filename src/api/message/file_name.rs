//! What the file of a message is called when it is saved. The name is a stranger's: it names no folder, hides no ending, and breaks no
//! header.

use std::fmt::Write;

use poem::http::HeaderValue;

/// Characters that a name has, at most.
const NAME_MAX: usize = 150;

/// An attachment with this name, or with the other one if it has none.
pub(super) fn disposition(name: Option<&str>, unnamed: &str) -> HeaderValue {
    let name = name.map(safe).filter(|name| !name.is_empty()).unwrap_or_else(|| safe(unnamed));
    let plain: String = name.chars().map(|letter| if letter.is_ascii() { letter } else { '_' }).collect();
    let value = if plain == name {
        format!("attachment; filename=\"{plain}\"")
    } else {
        // src: RFC 6266, 5: who knows the second form takes it.
        format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{}", escaped(&name))
    };
    HeaderValue::from_str(&value).unwrap_or(HeaderValue::from_static("attachment"))
}

/// The same without what a file system, a shell or a reader could take for something else.
fn safe(name: &str) -> String {
    let fits = |letter: char| match letter {
        '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' | '%' => '_',
        // These turn the direction of what follows, so that `exe.jpg` would be read.
        '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '_',
        letter if letter.is_control() => '_',
        letter => letter,
    };
    let whole: String = name.chars().map(fits).collect();
    let whole = whole.trim_matches(|letter: char| letter == '.' || letter.is_whitespace());
    let count = whole.chars().count();
    if count <= NAME_MAX {
        return whole.to_owned();
    }
    // The ending says what opens it.
    let ending = whole.rsplit_once('.').map(|(_, ending)| ending).filter(|ending| ending.chars().count() <= 10);
    match ending {
        Some(ending) => {
            let kept = NAME_MAX - ending.chars().count() - 1;
            let begin: String = whole.chars().take(kept).collect();
            format!("{begin}.{ending}")
        }
        None => whole.chars().take(NAME_MAX).collect(),
    }
}

/// Each byte that is no letter or digit of ASCII as its number. src: RFC 8187, 3.2.
fn escaped(name: &str) -> String {
    name.bytes().fold(String::new(), |mut escaped, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, "%{byte:02X}"); // A text takes everything.
        }
        escaped
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn said(name: Option<&str>) -> String {
        disposition(name, "3EB0C431").to_str().expect("it is text").to_owned()
    }

    #[test]
    fn a_name_is_kept_as_far_as_it_can_do_no_harm() {
        for (name, expected) in [
            ("invoice.pdf", r#"attachment; filename="invoice.pdf""#),
            ("../../etc/passwd", r#"attachment; filename="_.._etc_passwd""#),
            ("a\"; filename=\"b.exe", r#"attachment; filename="a_; filename=_b.exe""#),
            ("line\r\nSet-Cookie: a=b", r#"attachment; filename="line__Set-Cookie_ a=b""#),
            ("cod\u{202e}gpj.exe", r#"attachment; filename="cod_gpj.exe""#),
            ("Übersicht 1.csv", "attachment; filename=\"_bersicht 1.csv\"; filename*=UTF-8''%C3%9Cbersicht%201.csv"),
        ] {
            assert_eq!(said(Some(name)), expected, "{name}");
        }
        for name in [None, Some(""), Some(" . "), Some("...")] {
            assert_eq!(said(name), r#"attachment; filename="3EB0C431""#, "{name:?}");
        }
        let long = format!("{}.pdf", "a".repeat(500));
        assert_eq!(safe(&long), format!("{}.pdf", "a".repeat(146)));
        assert_eq!(safe(&"a".repeat(500)), "a".repeat(150));
    }

    proptest! {
        #[test]
        fn every_name_gives_a_header_with_one_name_in_it(name: String) {
            let said = said(Some(&name));
            prop_assert!(said.starts_with("attachment; filename=\""));
            let rest = said.trim_start_matches("attachment; filename=\"");
            let (plain, _) = rest.split_once('"').expect("it ends");
            prop_assert!(!plain.is_empty() && !plain.contains(['/', '\\']) && plain.len() <= 150);
        }
    }
}
