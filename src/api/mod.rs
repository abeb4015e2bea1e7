//! The doors, put together to one site. They translate, and nothing else. What belongs to one subject lies in its folder, REST and
//! GraphQL side by side; what is the same for all lies here.

pub mod auth;
pub mod document;
pub mod error;
pub mod graphql;
pub mod listener;
pub mod operation;
pub mod services;
pub mod session;

mod alias;
mod chat;
mod event;
mod key;
mod media;
mod message;
mod message_action;
mod message_mark;
mod pairing_link;
mod poll;
mod webhook;

mod body;
mod fixed;
mod health;
mod live;
mod outside;
mod pages;
mod reply;
mod request_id;
mod rest;
mod routes;
mod shape;
mod unfit;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use poem::http::{HeaderValue, Method, StatusCode, header};
use poem::{Endpoint, EndpointExt, IntoEndpoint, IntoResponse, Request, Response, Result, Route};
use tokio::time::Instant;
use tracing::debug;

use crate::api::auth::TakesTicket;
use crate::api::graphql::graph::Graph;
use crate::api::graphql::http::GRAPHQL_JSON;
use crate::api::message::file::HeadOnly;
use crate::api::outside::Outside;
use crate::api::pages::{PAGES, Source};
use crate::api::routes::Routes;
use crate::api::services::Api;
use crate::crash;
use crate::error::{Error, ErrorKind};

/// Longest time that a request may take: who sends a message may wait 60 s for WhatsApp's answer. Uploads have limits of their own
/// ([`crate::media::pace`]).
const REQUEST_LIMIT: Duration = Duration::from_secs(75);

/// What a request has with which a file comes in: as slowly as its line carries it.
#[derive(Clone, Copy, Debug)]
struct TakesItsTime;

/// Every path of the server.
pub fn site(api: Api) -> impl Endpoint<Output = Response> + 'static {
    let routes = Arc::new(Routes::new());
    let api = Arc::new(api);
    let source = Source::new(Graph::new(Arc::clone(&api)), api.has_graphiql, api.public_url.as_deref());
    let pages = PAGES.iter().filter_map(|page| Some((page.path, source.endpoint(page)?)));
    let site = pages
        .fold(Route::new().nest(rest::PREFIX, document::service()), |site, (path, endpoint)| site.at(path, endpoint));
    let outside = Arc::new(Outside::new(api.public_url.as_deref(), &api.cors_origins));
    site.into_endpoint()
        .around(guarded)
        .data(api)
        .around(move |endpoint, request| {
            let (routes, outside) = (Arc::clone(&routes), Arc::clone(&outside));
            async move {
                if let Some(answer) = outside.preflight(&request) {
                    return Ok(answer);
                }
                let origin = outside.allowed(&request);
                let mut response = answered(&routes, endpoint, request).await;
                outside.dress(&mut response, origin);
                Ok(response)
            }
        })
        .around(request_id::named)
        .map_to_response()
}

/// Lets only those in who have a key, wherever they want to go.
async fn guarded<E: Endpoint>(endpoint: Arc<E>, mut request: Request) -> Result<E::Output> {
    let api = Arc::clone(request.data::<Arc<Api>>().expect("the site puts it into every request"));
    if !pages::is_open(request.uri()) {
        let caller = auth::caller(&api.keys, &request)?;
        request.set_data(caller);
    }
    let limit = if request.data::<TakesItsTime>().is_some() { Duration::MAX } else { REQUEST_LIMIT };
    // Boxed: it is large, and each layer above would move it once more.
    let call = endpoint.call(request).boxed();
    tokio::select! {
        // First, since it is nearly always the one: the others then cost nothing.
        biased;
        outcome = tokio::time::timeout(limit, call) => match outcome {
            Ok(outcome) => outcome,
            Err(_) => Err(poem::Error::new(unfit::TooSlow, StatusCode::GATEWAY_TIMEOUT)),
        },
        // A client that waits for a code is told why it will not come, rather than cut off.
        () = stopped(&api) => Err(Error::new(ErrorKind::ShuttingDown, "the server is shutting down").into()),
    }
}

/// Resolves when a shutdown has begun and its courtesy has passed.
async fn stopped(api: &Api) {
    api.lifecycle.doors().cancelled().await;
    tokio::time::sleep(api.courtesy).await;
}

/// Turns whatever comes out of a request, a panic too, into an answer of ours, and counts it.
async fn answered<E: Endpoint>(routes: &Routes, endpoint: Arc<E>, mut request: Request) -> Response {
    let begun = Instant::now();
    let (method, route) = (method_label(request.method()), routes.find(request.uri().path()));
    let unreadable = route.and_then(|route| route.unreadable(request.uri().path()));
    let is_private = !pages::is_same_for_all(request.uri().path());
    if route.is_some_and(|route| route.takes_ticket) {
        request.set_data(TakesTicket);
    }
    if request.method() == Method::POST && route.is_some_and(|route| route.takes_files) {
        request.set_data(TakesItsTime);
    }
    // The router asks for the whole answer, and leaves its body away.
    if request.method() == Method::HEAD {
        request.set_data(HeadOnly);
    }
    crash::point("request_comes_in");
    let outcome = AssertUnwindSafe(endpoint.call(request)).catch_unwind().await;
    let mut response = match outcome {
        Ok(Ok(success)) => {
            let response = success.into_response();
            if is_foreign_failure(&response) { error::http(response.status(), None) } else { response }
        }
        Ok(Err(failure)) => error::answer_at(&failure, unreadable),
        Err(_) => error::answer(&Error::internal("the handler panicked").into()),
    };
    if let (StatusCode::METHOD_NOT_ALLOWED, Some(route)) = (response.status(), route) {
        response.headers_mut().insert(header::ALLOW, route.allow.clone());
    }
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // Caches do not know that an answer hangs on `X-API-Key`, and an answer about health is old at once.
    if is_private {
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    let (status, took) = (response.status(), begun.elapsed());
    // Neither the path nor the query: they may hold a phone number.
    debug!(
        http.route = route.map_or("none", |route| &route.template),
        http.status = status.as_u16(),
        duration_ms = took.as_millis() as u64,
        "request answered"
    );
    routes.count(route, method, status, took);
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
    let is_ours = [Some(error::PROBLEM_JSON), Some(GRAPHQL_JSON)].contains(&response.content_type());
    (status.is_client_error() || status.is_server_error()) && !is_ours
}
