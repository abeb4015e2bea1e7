//! The rules that a file and what is said of it keep. Each refusal names the field and the rule.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::error::{Error, ErrorKind, Result};
use crate::media::hash::FileHash;
use crate::media::types::{CheckedReference, MediaReference, MediaSource};

/// Longest name of a file, characters.
pub const FILE_NAME_MAX: usize = 255;
/// Largest file that can be given as base64, bytes.
pub const DATA_MAX: usize = 8 * 1024 * 1024;
/// Longest media type, characters.
pub const MIMETYPE_MAX: usize = 100;

impl MediaReference {
    /// Where the file comes from, and what was said of it. `field` is what the client calls this reference.
    ///
    /// # Errors
    /// `Invalid`, `MediaTooLarge`: the first value that breaks a rule.
    pub fn checked(self, field: &str) -> Result<CheckedReference> {
        let Self { id, url, data, file_name, mimetype } = self;
        let source = match (id, url, data) {
            (Some(id), None, None) => MediaSource::Id(id.0),
            (None, Some(url), None) => MediaSource::Url(url),
            (None, None, Some(data)) => MediaSource::Data(decoded(&format!("{field}.data"), &data)?),
            _ => return Err(Error::invalid(field, "must have exactly one of `id`, `url` and `data`")),
        };
        let file_name = file_name.map(|name| self::file_name(&format!("{field}.file_name"), &name)).transpose()?;
        let mimetype = mimetype.map(|text| self::mimetype(&format!("{field}.mimetype"), &text)).transpose()?;
        Ok(CheckedReference { source, file_name, mimetype })
    }
}

/// The bytes of a file that came as base64.
fn decoded(field: &str, data: &str) -> Result<Vec<u8>> {
    // Four characters are three bytes. A text that cannot fit is not read.
    if data.len() > DATA_MAX.div_ceil(3) * 4 {
        let rule = format!("must have at most {DATA_MAX} bytes: upload a larger file, and give its id");
        return Err(Error::about(ErrorKind::MediaTooLarge, field, rule));
    }
    let bytes = STANDARD.decode(data).map_err(|_| Error::invalid(field, "must be base64"))?;
    if bytes.is_empty() { Err(Error::invalid(field, "must not be empty")) } else { Ok(bytes) }
}

/// What a file is called: without the folders that some clients write before it.
pub(super) fn file_name(field: &str, text: &str) -> Result<String> {
    let name = text.rsplit(['/', '\\']).next().unwrap_or_default().trim();
    if name.is_empty() {
        return Err(Error::invalid(field, "must not be empty"));
    }
    if name.chars().count() > FILE_NAME_MAX {
        return Err(Error::invalid(field, format!("must have at most {FILE_NAME_MAX} characters")));
    }
    if name.chars().any(char::is_control) {
        return Err(Error::invalid(field, "must not have control characters"));
    }
    Ok(name.to_owned())
}

/// A media type without parameters, in small letters. src: RFC 6838, section 4.2.
fn mimetype(field: &str, text: &str) -> Result<String> {
    let is_word = |word: &str| {
        let is_sign = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte);
        word.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric()) && word.bytes().all(is_sign)
    };
    let is_one = text.split_once('/').is_some_and(|(kind, rest)| is_word(kind) && is_word(rest));
    if !is_one || text.len() > MIMETYPE_MAX {
        return Err(Error::invalid(field, "must be a media type, such as `application/pdf`"));
    }
    Ok(text.to_ascii_lowercase())
}

/// The SHA-256 that a file must have.
pub(super) fn sha256(field: &str, text: &str) -> Result<FileHash> {
    FileHash::from_hex(text).ok_or_else(|| Error::invalid(field, "must be a SHA-256 in 64 hexadecimal digits"))
}

/// A file may have so many bytes.
pub(super) fn size(field: &str, size: u64, most: u64) -> Result<()> {
    if size <= most {
        return Ok(());
    }
    Err(Error::about(ErrorKind::MediaTooLarge, field, format!("must have at most {most} bytes")))
}

#[cfg(test)]
mod tests {
    use entity::ids::IdText;
    use proptest::prelude::*;

    use super::*;

    fn reference() -> MediaReference {
        MediaReference { id: None, url: None, data: None, file_name: None, mimetype: None }
    }

    fn told(reference: MediaReference) -> String {
        reference.checked("image").expect_err("it breaks a rule").to_string()
    }

    #[test]
    fn a_reference_names_one_source() {
        let id = || Some(IdText("med_1".to_owned()));
        let url = || Some("https://example.com/a.jpg".to_owned());
        let data = || Some("dGVh".to_owned());
        let source = |reference: MediaReference| reference.checked("image").expect("it keeps the rules").source;
        assert_eq!(source(MediaReference { id: id(), ..reference() }), MediaSource::Id("med_1".to_owned()));
        assert_eq!(source(MediaReference { url: url(), ..reference() }), MediaSource::Url(url().expect("one")));
        assert_eq!(source(MediaReference { data: data(), ..reference() }), MediaSource::Data(b"tea".to_vec()));
        let rule = "`image` must have exactly one of `id`, `url` and `data`";
        for wrong in [
            reference(),
            MediaReference { id: id(), url: url(), ..reference() },
            MediaReference { url: url(), data: data(), ..reference() },
            MediaReference { id: id(), url: url(), data: data(), ..reference() },
        ] {
            assert_eq!(told(wrong), rule);
        }
    }

    #[test]
    fn data_is_base64_of_at_most_8_mib() {
        let data = |data: &str| MediaReference { data: Some(data.to_owned()), ..reference() };
        assert_eq!(told(data("")), "`image.data` must not be empty");
        assert_eq!(told(data("te a")), "`image.data` must be base64");
        assert_eq!(told(data("dGVh=")), "`image.data` must be base64");
        let largest = STANDARD.encode(vec![1; DATA_MAX]);
        assert!(data(&largest).checked("image").is_ok());
        let error = data(&format!("{largest}dGVh")).checked("image").expect_err("it is too large");
        assert_eq!(error.kind(), ErrorKind::MediaTooLarge);
    }

    #[test]
    fn a_file_is_called_by_its_own_name_alone() {
        for (text, name) in [("a.pdf", "a.pdf"), ("/tmp/a b.pdf", "a b.pdf"), (r"C:\x\é.pdf ", "é.pdf")] {
            assert_eq!(file_name("file_name", text).expect(text), name);
        }
        for bad in ["", " ", "folder/", "a\nb", &"x".repeat(256)] {
            assert_eq!(file_name("file_name", bad).expect_err(bad).kind(), ErrorKind::Invalid);
        }
    }

    #[test]
    fn a_media_type_is_two_words() {
        assert_eq!(mimetype("mimetype", "Text/CSV").expect("it is one"), "text/csv");
        let office = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
        assert_eq!(mimetype("mimetype", office).expect("it is one"), office);
        for bad in ["", "text", "text/", "/csv", "text/csv; charset=utf-8", "a/b/c", "a b/c", "é/c", "a/\n", "-a/b"] {
            assert!(mimetype("mimetype", bad).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn no_name_of_a_file_leads_anywhere(text in any::<String>()) {
            if let Ok(name) = file_name("file_name", &text) {
                prop_assert!(!name.contains(['/', '\\', '\0', '\n']) && !name.is_empty());
                prop_assert!(name.chars().count() <= FILE_NAME_MAX);
                prop_assert_eq!(file_name("file_name", &name).expect("it was one"), name.clone());
            }
        }
    }
}
