//! A JSON body, whatever content type it claims to have: `curl -d` says that it is a form.

use bytes::Bytes;
use poem::http::{StatusCode, header};
use poem::{Body, Request, RequestBody, Result};
use poem_openapi::registry::{MetaMediaType, MetaRequest, MetaSchemaRef, Registry};
use poem_openapi::types::ParseFromJSON;
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};
use serde_json::Value;

use crate::api::error;
use crate::api::shape;
use crate::api::unfit::{MalformedBody, UnfitCoding};
use crate::error::{Error, ErrorKind};

/// Largest body, bytes.
pub const BODY_MAX: usize = 1024 * 1024;
/// Largest body that may have a file in it, bytes: one of 8 MiB in base64, and what is said of it.
pub const FILE_BODY_MAX: usize = 12 * 1024 * 1024;
/// U+FEFF in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A body that must be there.
pub struct Required<T>(pub T);

/// A body that must be there, and may have a file in it.
pub struct WithFile<T>(pub T);

/// A body that may be absent: nothing at all and `{}` say the same. `null` is a body, and none that the document knows.
pub struct Optional<T>(pub T);

/// A body that says nothing to this operation; it need only be JSON, or absent.
pub struct Nothing;

/// The bytes of a JSON text: as they came, without the mark of their order that some editors and languages write first.
pub async fn json_bytes(request: &Request, body: Body, limit: usize) -> Result<Bytes> {
    refuse_coding(request)?;
    let bytes = body.into_bytes_limit(limit).await?;
    Ok(if bytes.starts_with(BYTE_ORDER_MARK) { bytes.slice(BYTE_ORDER_MARK.len()..) } else { bytes })
}

/// Refuses a body that is packed. Nothing is unpacked here: a few bytes could be gigabytes.
pub(in crate::api) fn refuse_coding(request: &Request) -> Result<()> {
    let coding = request.header(header::CONTENT_ENCODING).map(str::trim).filter(|coding| !coding.is_empty());
    if coding.is_some_and(|coding| !coding.eq_ignore_ascii_case("identity")) {
        return Err(poem::Error::new(UnfitCoding, StatusCode::UNSUPPORTED_MEDIA_TYPE));
    }
    Ok(())
}

async fn read(request: &Request, body: &mut RequestBody, limit: usize) -> Result<Option<Value>> {
    let bytes = json_bytes(request, body.take()?, limit).await?;
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(None);
    }
    let value = serde_json::from_slice(&bytes)
        .map_err(|error| poem::Error::new(MalformedBody(error.to_string()), StatusCode::BAD_REQUEST))?;
    Ok(Some(value))
}

fn parse<T: ParseFromJSON>(mut value: Value) -> Result<T> {
    shape::check::<T>(&mut value)?;
    T::parse_from_json(Some(value)).map_err(|error| {
        let detail = format!("the body does not fit: {}", error::rule_in(error.message()));
        Error::new(ErrorKind::Invalid, detail).into()
    })
}

fn described(schema: MetaSchemaRef, required: bool) -> MetaRequest {
    let content = vec![MetaMediaType { content_type: "application/json", schema }];
    MetaRequest { description: None, content, required }
}

impl<'a, T: ParseFromJSON> ApiExtractor<'a> for Required<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        Some(described(T::schema_ref(), true))
    }

    async fn from_request(request: &'a Request, body: &mut RequestBody, _: ExtractParamOptions<()>) -> Result<Self> {
        let value = read(request, body, BODY_MAX).await?;
        parse(value.unwrap_or_else(|| Value::Object(serde_json::Map::new()))).map(Self)
    }
}

impl<'a, T: ParseFromJSON> ApiExtractor<'a> for WithFile<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        Some(described(T::schema_ref(), true))
    }

    async fn from_request(request: &'a Request, body: &mut RequestBody, _: ExtractParamOptions<()>) -> Result<Self> {
        let value = read(request, body, FILE_BODY_MAX).await?;
        parse(value.unwrap_or_else(|| Value::Object(serde_json::Map::new()))).map(Self)
    }
}

impl<'a, T: ParseFromJSON + Default> ApiExtractor<'a> for Optional<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        Some(described(T::schema_ref(), false))
    }

    async fn from_request(request: &'a Request, body: &mut RequestBody, _: ExtractParamOptions<()>) -> Result<Self> {
        match read(request, body, BODY_MAX).await? {
            Some(value) => parse(value).map(Self),
            None => Ok(Self(T::default())),
        }
    }
}

impl<'a> ApiExtractor<'a> for Nothing {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::PoemExtractor];

    type ParamType = ();
    type ParamRawType = ();

    async fn from_request(request: &'a Request, body: &mut RequestBody, _: ExtractParamOptions<()>) -> Result<Self> {
        read(request, body, BODY_MAX).await?;
        Ok(Self)
    }
}
