//! The REST door and its site map. Translates, and nothing else.

pub mod auth;
pub mod error;

mod body;
mod health;
mod reply;
mod request_id;
mod rest;

use std::collections::BTreeSet;
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;
use poem::http::{HeaderValue, Method, StatusCode, header};
use poem::web::Html;
use poem::{Endpoint, EndpointExt, IntoEndpoint, IntoResponse, PathPattern, Request, Response, Result, Route, get};
use poem_openapi::{LicenseObject, OpenApiService};
use tokio::time::Instant;

use crate::api::auth::Keys;
use crate::api::rest::SessionsApi;
use crate::clock::Clock;
use crate::db::Db;
use crate::lifecycle::Lifecycle;
use crate::session::Sessions;

pub use rest::qr::text as qr_text;

/// Longest time that a request may take: a command may wait 40 s for its session.
const REQUEST_LIMIT: Duration = Duration::from_secs(60);

/// What the handlers work with.
#[derive(Clone)]
pub struct Api {
    /// The sessions.
    pub sessions: Sessions,
    /// Who may come in.
    pub keys: Keys,
    /// For the health check alone.
    pub db: Db,
    /// What time it is: how long a code still lives.
    pub clock: Clock,
    /// Whether the server stops.
    pub lifecycle: Lifecycle,
    /// What is measured.
    pub metrics: Option<PrometheusHandle>,
}

impl std::fmt::Debug for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Api").finish_non_exhaustive()
    }
}

fn service() -> OpenApiService<SessionsApi, ()> {
    let codes: BTreeSet<_> = error::codes().map(|code| format!("`{code}`")).collect();
    let codes = codes.into_iter().collect::<Vec<_>>().join(", ");
    let description = format!(
        "Many WhatsApp accounts over one HTTP API. Every answer that is no success is a problem (RFC 9457) with one of \
         these codes: {codes}."
    );
    OpenApiService::new(SessionsApi, "Waypost", env!("CARGO_PKG_VERSION"))
        .description(description)
        .license(LicenseObject::new("MIT").identifier("MIT"))
        .server("/api/v1")
}

/// The API's document, as it is written to the repository.
pub fn document() -> String {
    let mut document = service().spec();
    document.push('\n');
    document
}

/// Every path of the server.
pub fn site(api: Api) -> impl Endpoint<Output = Response> + 'static {
    let service = service();
    let spec = service.spec();
    let page = service.swagger_ui_html();
    let swagger = get(poem::endpoint::make_sync(move |_| Html(page.clone())));
    let document = get(poem::endpoint::make_sync(move |_| {
        spec.clone().with_header(header::CONTENT_TYPE, "application/json; charset=utf-8")
    }));
    Route::new()
        .nest("/api/v1", service)
        .at("/swagger-ui", swagger)
        .at("/openapi.json", document)
        .at("/livez", get(health::livez))
        .at("/readyz", get(health::readyz))
        .at("/metrics", get(health::metrics))
        .into_endpoint()
        .around(guarded)
        .data(api)
        .around(|endpoint, request| async move { Ok(answered(endpoint, request).await) })
        .around(request_id::named)
        .map_to_response()
}

/// Lets only those in who have a key, wherever they want to go.
async fn guarded<E: Endpoint>(endpoint: std::sync::Arc<E>, mut request: Request) -> Result<E::Output> {
    if !auth::is_open(request.uri()) {
        let api = request.data::<Api>().expect("the site puts it into every request");
        let caller = api.keys.caller(&request)?;
        request.set_data(caller.clone());
        request.extensions_mut().insert(caller);
    }
    match tokio::time::timeout(REQUEST_LIMIT, endpoint.call(request)).await {
        Ok(outcome) => outcome,
        Err(_) => Err(poem::Error::new(error::TooSlow, StatusCode::GATEWAY_TIMEOUT)),
    }
}

/// Turns whatever comes out of a request into an answer of ours, and counts it.
async fn answered<E: Endpoint>(endpoint: std::sync::Arc<E>, request: Request) -> Response {
    let (begun, method) = (Instant::now(), method_label(request.method()));
    let outcome = endpoint.call(request).await.map(IntoResponse::into_response);
    let mut route = "none".to_owned();
    let mut response = match outcome {
        Ok(response) => {
            if let Some(PathPattern(pattern)) = response.data::<PathPattern>() {
                route = pattern.to_string();
            }
            if is_foreign_failure(&response) { error::http(response.status(), None) } else { response }
        }
        Err(failure) => {
            let mut response = error::answer(&failure);
            if response.status() == StatusCode::METHOD_NOT_ALLOWED {
                response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, POST, PATCH, DELETE"));
            }
            response
        }
    };
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let status = response.status().as_u16().to_string();
    let labels = [("method", method.to_owned()), ("route", route), ("status", status)];
    metrics::counter!("waypost_requests_total", &labels).increment(1);
    metrics::histogram!("waypost_request_duration_seconds").record(begun.elapsed().as_secs_f64());
    response
}

/// A client may invent methods; a label may not.
fn method_label(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "POST" => "POST",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        _ => "other",
    }
}

/// A failure that the framework made without an error.
fn is_foreign_failure(response: &Response) -> bool {
    let status = response.status();
    (status.is_client_error() || status.is_server_error())
        && response
            .content_type()
            .is_none_or(|kind| kind != error::PROBLEM_JSON && kind != "application/json; charset=utf-8")
}
