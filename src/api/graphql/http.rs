//! GraphQL over HTTP: POST for everything but subscriptions, GET for queries. No batches.

use async_graphql::{Request, Response as Answer, Variables};
use poem::http::{StatusCode, header};
use poem::web::Data;
use poem::{Body, IntoResponse, Request as HttpRequest, Response, Result, handler};
use serde::Deserialize;

use crate::api::body::{BODY_MAX, json_bytes};
use crate::api::graphql::graph::{Admitted, Graph};
use crate::api::request_id;
use crate::api::unfit::{MalformedBody, UnfitMethod, UnfitType};
use crate::caller::Caller;

/// The media type of GraphQL over HTTP.
pub const GRAPHQL_JSON: &str = "application/graphql-response+json";

/// What a query string says.
#[derive(Deserialize)]
struct Parameters {
    query: String,
    #[serde(rename = "operationName")]
    operation_name: Option<String>,
    variables: Option<String>,
}

/// Answers a query or a mutation.
#[handler]
pub async fn post(
    Data(graph): Data<&Graph>,
    Data(caller): Data<&Caller>,
    http: &HttpRequest,
    body: Body,
) -> Result<Response> {
    let request = read(http, body).await?;
    let id = request_id::current();
    let answer = match graph.admit(request, &id) {
        Ok(admitted) => graph.execute(admitted, caller.clone(), &id).await,
        Err(refusal) => *refusal,
    };
    Ok(written(http, &answer))
}

/// Answers a query.
#[handler]
pub async fn get(Data(graph): Data<&Graph>, Data(caller): Data<&Caller>, http: &HttpRequest) -> Result<Response> {
    let id = request_id::current();
    let answer = match graph.admit(from_query(http)?, &id) {
        Ok(admitted) => graph.execute(unchanging(admitted)?, caller.clone(), &id).await,
        Err(refusal) => *refusal,
    };
    Ok(written(http, &answer))
}

/// The request in a body. Only the type that no form of another site can send is taken.
pub(super) async fn read(http: &HttpRequest, body: Body) -> Result<Request> {
    let kind = http.content_type().and_then(|kind| kind.split(';').next()).map(str::trim);
    if !kind.is_some_and(|kind| kind.eq_ignore_ascii_case("application/json")) {
        return Err(poem::Error::new(UnfitType, StatusCode::UNSUPPORTED_MEDIA_TYPE));
    }
    let bytes = json_bytes(http, body, BODY_MAX).await?;
    serde_json::from_slice(&bytes).map_err(|error| malformed(error.to_string()))
}

/// The request in a query string.
pub(super) fn from_query(http: &HttpRequest) -> Result<Request> {
    let Parameters { query, operation_name, variables } = http.params()?;
    let mut request = Request::new(query);
    if let Some(name) = operation_name {
        request = request.operation_name(name);
    }
    if let Some(variables) = variables {
        let variables = serde_json::from_str(&variables).map_err(|error| malformed(error.to_string()))?;
        request = request.variables(Variables::from_json(variables));
    }
    Ok(request)
}

fn malformed(reason: String) -> poem::Error {
    poem::Error::new(MalformedBody(reason), StatusCode::BAD_REQUEST)
}

/// The request, if no operation of its document changes anything: GET must not.
pub(super) fn unchanging(admitted: Admitted) -> Result<Admitted> {
    match admitted.has_mutation() {
        true => Err(poem::Error::new(UnfitMethod, StatusCode::METHOD_NOT_ALLOWED)),
        false => Ok(admitted),
    }
}

/// An answer in the form that the client takes.
fn written(http: &HttpRequest, answer: &Answer) -> Response {
    let accept = http.header(header::ACCEPT).unwrap_or("*/*");
    let takes_plain = accept.contains("application/json") && !accept.contains(GRAPHQL_JSON);
    let (media_type, status) = match takes_plain {
        // Older clients take a refusal for a broken server unless it comes as a success.
        true => ("application/json; charset=utf-8", StatusCode::OK),
        false => (GRAPHQL_JSON, if is_refusal(answer) { StatusCode::BAD_REQUEST } else { StatusCode::OK }),
    };
    let body = serde_json::to_vec(answer).unwrap_or_default();
    let mut response = body.with_content_type(media_type).into_response();
    response.set_status(status);
    response
}

/// Whether the request was turned down before anything of it was done.
pub(super) fn is_refusal(answer: &Answer) -> bool {
    !answer.errors.is_empty() && answer.errors.iter().all(|error| error.path.is_empty())
}
