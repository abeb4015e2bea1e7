//! A JSON body, whatever content type it claims to have: `curl -d` says that it is a form.

use poem::{Request, RequestBody, Result};
use poem_openapi::registry::{MetaMediaType, MetaRequest, MetaSchemaRef, Registry};
use poem_openapi::types::ParseFromJSON;
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};
use serde_json::Value;

use crate::api::error::MalformedBody;
use crate::error::{Error, ErrorKind};

/// Largest body, bytes.
pub const BODY_MAX: usize = 1024 * 1024;

/// A body that must be there.
pub struct Required<T>(pub T);

/// A body that may be absent: empty, `{}` and `[]` all say nothing.
pub struct Optional<T>(pub T);

/// A body that says nothing to this operation; it need only be JSON, or absent.
pub struct Nothing;

async fn read(body: &mut RequestBody) -> Result<Option<Value>> {
    let bytes = body.take()?.into_bytes_limit(BODY_MAX).await?;
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(None);
    }
    let value = serde_json::from_slice(&bytes)
        .map_err(|error| poem::Error::new(MalformedBody(error.to_string()), poem::http::StatusCode::BAD_REQUEST))?;
    Ok(Some(value))
}

/// The framework names types where people want to know the field: the one that does not fit even alone.
fn parse<T: ParseFromJSON>(value: Value) -> Result<T> {
    if !value.is_object() {
        return Err(Error::new(ErrorKind::Invalid, "the body must be a JSON object").into());
    }
    T::parse_from_json(Some(value.clone())).map_err(|error| {
        let alone = |name: &str, value: &Value| Value::Object([(name.to_owned(), value.clone())].into_iter().collect());
        let mut fields = value.as_object().into_iter().flatten();
        let field = fields.find(|(name, value)| T::parse_from_json(Some(alone(name, value))).is_err());
        let message = error.into_message();
        let rule =
            message.split(" (occurred").next().unwrap_or_default().replace("Expected input type", "must be of type");
        match field {
            Some((name, _)) => Error::invalid(name, rule).into(),
            None => Error::new(ErrorKind::Invalid, format!("the body does not fit: {message}")).into(),
        }
    })
}

fn is_empty(value: &Value) -> bool {
    matches!(value, Value::Array(items) if items.is_empty()) || value.is_null()
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

    async fn from_request(_: &'a Request, body: &mut RequestBody, _: ExtractParamOptions<()>) -> Result<Self> {
        let value = read(body).await?.filter(|value| !is_empty(value));
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

    async fn from_request(_: &'a Request, body: &mut RequestBody, _: ExtractParamOptions<()>) -> Result<Self> {
        match read(body).await?.filter(|value| !is_empty(value)) {
            Some(value) => parse(value).map(Self),
            None => Ok(Self(T::default())),
        }
    }
}

impl<'a> ApiExtractor<'a> for Nothing {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::PoemExtractor];

    type ParamType = ();
    type ParamRawType = ();

    async fn from_request(_: &'a Request, body: &mut RequestBody, _: ExtractParamOptions<()>) -> Result<Self> {
        read(body).await?;
        Ok(Self)
    }
}
