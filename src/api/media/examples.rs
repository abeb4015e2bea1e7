//! What the document shows of files. Values, so that a new field breaks the build here.

use entity::ids::{IdText, MediaId};
use entity::timestamp::Timestamp;
use poem_openapi::types::Example;

use crate::media::types::{MediaFile, MediaReference};

/// The id of a file that somebody has uploaded.
const ID: &str = "med_019b9b1f7f7a7c3e8d5c0d6a1b2c3d4e";
/// When it was uploaded.
const CREATED: Timestamp = Timestamp::from_millis(1_767_143_203_000);
/// A week later.
const EXPIRES: Timestamp = Timestamp::from_millis(1_767_748_003_000);

impl Example for MediaFile {
    fn example() -> Self {
        Self {
            id: MediaId::named(ID),
            mimetype: "application/pdf".to_owned(),
            size: 48_211,
            sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".to_owned(),
            file_name: Some("price-list.pdf".to_owned()),
            width: None,
            height: None,
            seconds: None,
            created_at: CREATED,
            expires_at: EXPIRES,
        }
    }
}

impl Example for MediaReference {
    fn example() -> Self {
        Self { id: Some(IdText(ID.to_owned())), url: None, data: None, file_name: None, mimetype: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::reply::is_written_as_documented;

    #[test]
    fn every_answer_is_written_as_the_document_says() {
        is_written_as_documented::<MediaFile>();
    }
}
