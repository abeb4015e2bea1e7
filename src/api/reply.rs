//! What handlers answer with when all went well.

use poem::http::{HeaderValue, StatusCode, header};
use poem::{IntoResponse, Response};
use poem_openapi::registry::{MetaHeader, MetaMediaType, MetaResponse, MetaResponses, MetaSchemaRef, Registry};
use poem_openapi::types::{ToJSON, Type};
use poem_openapi::{ApiResponse, Object};
use serde::Serialize;

use crate::api::error::{PROBLEM_JSON, Problem, answer};
use crate::error::Error;

/// The media type of every JSON body that is no problem.
const JSON: &str = "application/json; charset=utf-8";

/// 200 with a JSON body.
pub struct Ok200<T>(pub T);

/// 201 with a JSON body and where the new thing is.
pub struct Created201<T> {
    /// The new thing.
    pub body: T,
    /// Its path.
    pub location: String,
}

/// It is done.
#[derive(Debug, Object, Serialize)]
#[oai(example)]
pub struct Done {
    /// Always true.
    pub success: bool,
    /// What is done.
    pub message: String,
}

impl Done {
    /// It is done.
    pub fn new(message: &str) -> Ok200<Self> {
        Ok200(Self { success: true, message: message.to_owned() })
    }
}

/// What is written as JSON. The framework's own writer builds a tree first, which costs more than the rest of a small
/// answer; the examples' tests prove that both write the same.
pub trait Body: ToJSON + Serialize {}

impl<T: ToJSON + Serialize> Body for T {}

fn written(body: &impl Body) -> Response {
    match serde_json::to_vec(body) {
        Ok(bytes) => bytes.with_content_type(JSON).into_response(),
        Err(error) => answer(&Error::internal(error).into()),
    }
}

impl<T: Body> IntoResponse for Ok200<T> {
    fn into_response(self) -> Response {
        written(&self.0)
    }
}

impl<T: Body> IntoResponse for Created201<T> {
    fn into_response(self) -> Response {
        let mut response = written(&self.body);
        response.set_status(StatusCode::CREATED);
        if let Ok(location) = HeaderValue::from_str(&self.location) {
            response.headers_mut().insert(header::LOCATION, location);
        }
        response
    }
}

/// A success with these media types. Which failures there are says the document's own table.
pub fn responses(status: u16, description: &'static str, content: Vec<MetaMediaType>) -> MetaResponses {
    let success = MetaResponse { description, status: Some(status), status_range: None, content, headers: Vec::new() };
    // The framework leaves out what no operation names, and the table names it afterwards.
    let problem = MetaResponse {
        description: "Unexpected error.",
        status: Some(500),
        status_range: None,
        content: vec![MetaMediaType { content_type: PROBLEM_JSON, schema: Problem::schema_ref() }],
        headers: Vec::new(),
    };
    MetaResponses { responses: vec![success, problem] }
}

/// JSON of this shape.
pub fn json<T: Type>() -> MetaMediaType {
    MetaMediaType { content_type: JSON, schema: T::schema_ref() }
}

impl<T: Body> ApiResponse for Ok200<T> {
    fn meta() -> MetaResponses {
        responses(200, "Done.", vec![json::<T>()])
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
        Problem::register(registry);
    }
}

impl<T: Body> ApiResponse for Created201<T> {
    fn meta() -> MetaResponses {
        let mut responses = responses(201, "Created.", vec![json::<T>()]);
        responses.responses[0].headers.push(MetaHeader {
            name: "Location".to_owned(),
            description: Some("Where the new thing is.".to_owned()),
            required: true,
            deprecated: false,
            schema: MetaSchemaRef::Inline(Box::new(poem_openapi::registry::MetaSchema::new("string"))),
        });
        responses
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
        Problem::register(registry);
    }
}

/// Proves of an example that it is sent as the document says.
#[cfg(test)]
pub fn is_written_as_documented<T: Body + poem_openapi::types::Example>() {
    let example = T::example();
    let sent = serde_json::to_value(&example).expect("it can be written");
    assert_eq!(sent, example.to_json().unwrap_or_default(), "{}", T::name());
}
