//! GraphQL over server-sent events, one connection for each operation, for proxies that break sockets.
//! src: the distinct connections mode of github.com/enisdenjo/graphql-sse.

use futures::stream::{self, StreamExt};
use poem::http::Method;
use poem::web::Data;
use poem::web::sse::{Event, SSE};
use poem::{Body, IntoResponse, Request as HttpRequest, Response, Result, handler};

use crate::api::graphql::graph::Graph;
use crate::api::graphql::http as door;
use crate::api::live::KEEP_ALIVE;
use crate::api::request_id;
use crate::caller::Caller;

/// Answers any operation with a stream of `next` events and a `complete` one.
#[handler]
pub async fn events(
    Data(graph): Data<&Graph>,
    Data(caller): Data<&Caller>,
    http: &HttpRequest,
    body: Body,
) -> Result<Response> {
    let id = request_id::current();
    let answers = match *http.method() {
        Method::GET => match graph.admit(door::from_query(http)?, &id) {
            Ok(admitted) => graph.answers(door::unchanging(admitted)?, caller.clone(), id),
            Err(refusal) => stream::once(async move { *refusal }).boxed(),
        },
        _ => graph.stream(door::read(http, body).await?, caller.clone(), id),
    };
    let answers = answers.map(|answer| {
        let body = serde_json::to_string(&answer).unwrap_or_default();
        Event::message(body).event_type("next")
    });
    let complete = stream::once(async { Event::message("").event_type("complete") });
    Ok(SSE::new(answers.chain(complete)).keep_alive(KEEP_ALIVE).into_response())
}
