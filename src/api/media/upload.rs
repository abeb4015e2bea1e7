//! The body of an upload: the file as it is, or a form with it.

use std::time::Duration;

use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt};
use poem::http::header;
use poem::{Body, Request, RequestBody, Result};
use poem_openapi::registry::{MetaMediaType, MetaRequest, MetaSchema, MetaSchemaRef};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};

use crate::api::body::refuse_coding;
use crate::api::media::{BYTES, form};
use crate::error;
use crate::media::pace::steady;

/// The media type of a form.
const FORM: &str = "multipart/form-data";

/// A file that is on its way, of which nothing was read yet.
pub(super) struct Upload {
    body: Body,
    content_type: String,
    /// What the head says of its length. Nothing if it is a form, which has more in it.
    length: Option<u64>,
}

/// A file that comes next.
pub(super) struct Opened {
    /// What the form calls it.
    pub(super) file_name: Option<String>,
    /// How many bytes there are, if that is known.
    pub(super) length: Option<u64>,
    /// Its bytes.
    pub(super) pieces: BoxStream<'static, error::Result<Bytes>>,
}

impl Upload {
    /// Reads up to the file. Some of the body must come in each period.
    ///
    /// # Errors
    /// `Invalid`: it says that it is a form, and is none with a file in it.
    pub(super) async fn open(self, period: Duration) -> error::Result<Opened> {
        let Self { body, content_type, length } = self;
        let pieces = steady(body.into_bytes_stream(), period).boxed();
        if !is_form(&content_type) {
            return Ok(Opened { file_name: None, length, pieces });
        }
        let form::Form { file_name, pieces } = form::open(&content_type, pieces).await?;
        Ok(Opened { file_name, length: None, pieces })
    }
}

/// Whether a body says that it is a form. Of any other media type, that of `curl --data-binary` too, it is the file itself.
fn is_form(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default();
    kind.trim().eq_ignore_ascii_case(FORM)
}

impl<'a> ApiExtractor<'a> for Upload {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];

    type ParamType = ();
    type ParamRawType = ();

    fn request_meta() -> Option<MetaRequest> {
        let bytes = || MetaSchemaRef::Inline(Box::new(MetaSchema::new_with_format("string", "binary")));
        let form =
            MetaSchema { required: vec!["file"], properties: vec![("file", bytes())], ..MetaSchema::new("object") };
        let form = MetaSchemaRef::Inline(Box::new(form));
        let content = vec![
            MetaMediaType { content_type: BYTES, schema: bytes() },
            MetaMediaType { content_type: FORM, schema: form },
        ];
        Some(MetaRequest { description: Some("The file as it is, or a form with it."), content, required: true })
    }

    async fn from_request(request: &'a Request, body: &mut RequestBody, _: ExtractParamOptions<()>) -> Result<Self> {
        refuse_coding(request)?;
        let content_type = request.content_type().unwrap_or_default().to_owned();
        let length = request.header(header::CONTENT_LENGTH).and_then(|length| length.parse().ok());
        Ok(Self { body: body.take()?, content_type, length })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_form_is_a_form() {
        for form in ["multipart/form-data; boundary=x", "Multipart/Form-Data ;boundary=x", "multipart/form-data"] {
            assert!(is_form(form), "{form}");
        }
        for other in ["", "image/jpeg", "application/x-www-form-urlencoded", "multipart/mixed; boundary=x"] {
            assert!(!is_form(other), "{other}");
        }
    }
}
