//! Decodes what HTML writes for characters: `&amp;`, `&#38;`, `&#x26;`.

/// Longest of them that is read, bytes, with its signs.
const LENGTH_MAX: usize = 12;

/// Those with a name that titles have. HTML knows two thousand; others stay as they are written.
const NAMED: &[(&str, char)] = &[
    ("amp", '&'),
    ("lt", '<'),
    ("gt", '>'),
    ("quot", '"'),
    ("apos", '\''),
    ("nbsp", ' '),
    ("ndash", '–'),
    ("mdash", '—'),
    ("hellip", '…'),
    ("lsquo", '‘'),
    ("rsquo", '’'),
    ("sbquo", '‚'),
    ("ldquo", '“'),
    ("rdquo", '”'),
    ("bdquo", '„'),
    ("laquo", '«'),
    ("raquo", '»'),
    ("bull", '•'),
    ("middot", '·'),
    ("copy", '©'),
    ("reg", '®'),
    ("trade", '™'),
    ("euro", '€'),
    ("pound", '£'),
    ("deg", '°'),
    ("times", '×'),
    ("szlig", 'ß'),
    ("auml", 'ä'),
    ("ouml", 'ö'),
    ("uuml", 'ü'),
    ("Auml", 'Ä'),
    ("Ouml", 'Ö'),
    ("Uuml", 'Ü'),
    ("agrave", 'à'),
    ("aacute", 'á'),
    ("acirc", 'â'),
    ("atilde", 'ã'),
    ("ccedil", 'ç'),
    ("egrave", 'è'),
    ("eacute", 'é'),
    ("ecirc", 'ê'),
    ("Eacute", 'É'),
    ("iacute", 'í'),
    ("ntilde", 'ñ'),
    ("oacute", 'ó'),
    ("ocirc", 'ô'),
    ("otilde", 'õ'),
    ("uacute", 'ú'),
];

/// The text that is meant.
pub(super) fn decoded(text: &str) -> String {
    let mut meant = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        let (before, found) = rest.split_at(at);
        meant.push_str(before);
        let (char, length) = first(found).unwrap_or(('&', 1));
        meant.push(char);
        rest = &found[length..];
    }
    meant + rest
}

/// The character with which a text begins that is written in one of these ways, and how many bytes that takes.
fn first(text: &str) -> Option<(char, usize)> {
    let end = text.bytes().take(LENGTH_MAX).position(|byte| byte == b';')?;
    let name = text.get(1..end)?;
    let char = match name.strip_prefix('#') {
        Some(number) => {
            let number = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => number.parse(),
            };
            char::from_u32(number.ok()?)?
        }
        None => NAMED.iter().find(|(known, _)| *known == name)?.1,
    };
    Some((char, end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_html_writes_for_characters_is_read_and_the_rest_stays() {
        let rows = [
            ("Tea &amp; cake &lt;3 &quot;now&quot;", "Tea & cake <3 \"now\""),
            ("it&#39;s &#x1F375; caf&eacute; &#xe9;", "it's \u{1f375} café é"),
            (
                "a & b &c; &; & &#; &#x; &#xd800; &#99999999; &verylongname;",
                "a & b &c; &; & &#; &#x; &#xd800; &#99999999; &verylongname;",
            ),
            // It is decoded once.
            ("&amp;lt;", "&lt;"),
            ("&é;", "&é;"),
            ("", ""),
        ];
        for (written, meant) in rows {
            assert_eq!(decoded(written), meant);
        }
    }
}
