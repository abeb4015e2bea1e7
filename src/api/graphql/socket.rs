//! Subscriptions over a WebSocket. src: the `graphql-transport-ws` protocol, github.com/enisdenjo/graphql-ws PROTOCOL.md.
//!
//! Nothing is queued here: while a frame waits to be taken, no stream is asked for its next one, and the streams
//! themselves skip to the newest state.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::{Request, Response};
use futures::future::{AbortHandle, BoxFuture};
use futures::stream::{self, BoxStream, SelectAll, StreamExt};
use futures::{FutureExt, SinkExt};
use poem::http::StatusCode;
use poem::web::Data;
use poem::web::websocket::{CloseCode, Message, WebSocket, WebSocketConfig, WebSocketStream};
use poem::{IntoResponse, Request as HttpRequest, Response as HttpResponse, Result, handler};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::api::body::BODY_MAX;
use crate::api::error::UnfitProtocol;
use crate::api::graphql::{Graph, http as door};
use crate::api::{Api, auth, request_id};
use crate::caller::Caller;

/// The one sub-protocol.
const PROTOCOL: &str = "graphql-transport-ws";
/// Longest wait for `connection_init`.
const INIT_LIMIT: Duration = Duration::from_secs(10);
/// How often a silent client is asked whether it is there.
const PING_PERIOD: Duration = Duration::from_secs(20);
/// Longest silence of a client that is asked.
const SILENCE_LIMIT: Duration = Duration::from_secs(60);
/// Longest wait for a client to take a frame.
const SEND_LIMIT: Duration = Duration::from_secs(15);
/// Operations that one socket may have at the same time.
const OPERATIONS_MAX: usize = 100;
/// What a socket reads at once, bytes. The library's own 128 KiB were nearly all that a subscriber cost, and to clear them
/// at each look a third of the time: clients say little.
const READ_BUFFER: usize = 4096;
/// Longest id that a client may give an operation, characters.
const ID_MAX: usize = 128;

/// Why a socket is closed: a code of the protocol and a reason for people.
struct Closing(u16, &'static str);

const BAD_MESSAGE: Closing = Closing(4400, "The message is not one of graphql-transport-ws");
const NOT_INITIALISED: Closing = Closing(4401, "Unauthorized");
const FORBIDDEN: Closing = Closing(4403, "Forbidden");
const INIT_TIMEOUT: Closing = Closing(4408, "Connection initialisation timeout");
const TOO_MANY_INITS: Closing = Closing(4429, "Too many initialisation requests");
const GOING_AWAY: Closing = Closing(1001, "The server is shutting down");
const NOT_TAKEN: Closing = Closing(1008, "The client does not take what it asked for");

/// A message of the client.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Said {
    ConnectionInit { payload: Option<Value> },
    Ping { payload: Option<Value> },
    Pong,
    Subscribe { id: String, payload: Box<Request> },
    Complete { id: String },
}

/// A message to the client.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Says<'a> {
    ConnectionAck,
    Ping,
    Pong {
        #[serde(skip_serializing_if = "Option::is_none")]
        payload: Option<Value>,
    },
    Next {
        id: &'a str,
        payload: &'a Response,
    },
    Error {
        id: &'a str,
        payload: Value,
    },
    Complete {
        id: &'a str,
    },
}

/// What comes from an operation, which its number names: an answer, or its end.
type Item = (u64, String, Option<Response>);

/// Takes the socket over.
#[handler]
pub fn upgrade(
    Data(graph): Data<&Graph>,
    Data(api): Data<&Arc<Api>>,
    http: &HttpRequest,
    socket: WebSocket,
) -> Result<HttpResponse> {
    let offered = http.header("sec-websocket-protocol").unwrap_or_default();
    if !offered.split(',').any(|protocol| protocol.trim() == PROTOCOL) {
        return Err(poem::Error::new(UnfitProtocol, StatusCode::BAD_REQUEST));
    }
    // A key may come with the upgrade as well, where the client can set headers.
    let caller = auth::caller(&api.keys, http).ok();
    let (graph, api, name) = (graph.clone(), Arc::clone(api), request_id::current());
    // Nobody has shown a key yet, and what is not read whole is kept in memory.
    let limits = WebSocketConfig::default()
        .max_message_size(Some(BODY_MAX))
        .max_frame_size(Some(BODY_MAX))
        .read_buffer_size(READ_BUFFER);
    let upgraded = socket.config(limits).protocols([PROTOCOL]).on_upgrade(move |stream| async move {
        let lifecycle = api.lifecycle.clone();
        let serving = Socket::new(graph, api, caller, name, stream).serve();
        // Tracked, so that a shutdown waits for the close frame.
        let _ = lifecycle.spawn("graphql socket", serving).await; // A panic is logged there.
    });
    Ok(upgraded.into_response())
}

struct Socket {
    graph: Graph,
    api: Arc<Api>,
    /// The caller of the upgrade, then that of `connection_init`.
    caller: Option<Caller>,
    is_initialised: bool,
    /// Resolves when the caller's key does not work any more.
    ended: BoxFuture<'static, ()>,
    /// The request that this began as; its operations are named after it.
    name: String,
    operations: u64,
    stream: WebSocketStream,
    running: SelectAll<BoxStream<'static, Item>>,
    /// The operations under way by their ids. A client may use an id again, so each has a number too.
    stops: HashMap<String, (u64, AbortHandle)>,
}

impl Socket {
    fn new(graph: Graph, api: Arc<Api>, caller: Option<Caller>, name: String, stream: WebSocketStream) -> Self {
        let (running, stops) = (SelectAll::new(), HashMap::new());
        let ended = std::future::pending().boxed();
        Self { graph, api, caller, is_initialised: false, ended, name, operations: 0, stream, running, stops }
    }

    async fn serve(mut self) {
        let closing = self.live().await;
        if let Some(Closing(code, reason)) = closing {
            let message = Message::close_with(CloseCode::from(code), reason);
            // Whoever is gone cannot be told.
            let _ = tokio::time::timeout(SEND_LIMIT, self.stream.send(message)).await;
            let _ = tokio::time::timeout(SEND_LIMIT, self.stream.close()).await;
        }
    }

    /// Lives until the client leaves (None) or has to.
    async fn live(&mut self) -> Option<Closing> {
        let stopping = self.api.lifecycle.doors().clone();
        let (begun, mut heard) = (Instant::now(), Instant::now());
        let mut ping = tokio::time::interval(PING_PERIOD);
        ping.reset();
        loop {
            tokio::select! {
                biased;
                () = stopping.cancelled() => return self.stop().await,
                () = &mut self.ended => return Some(FORBIDDEN),
                () = tokio::time::sleep_until(begun + INIT_LIMIT), if !self.is_initialised => return Some(INIT_TIMEOUT),
                message = self.stream.next() => {
                    heard = Instant::now();
                    let outcome = match message? {
                        Ok(Message::Text(text)) => self.hear(&text).await,
                        Ok(Message::Binary(_)) => Err(BAD_MESSAGE),
                        Ok(Message::Ping(_) | Message::Pong(_)) => Ok(()),
                        Ok(Message::Close(_)) | Err(_) => return None,
                    };
                    if let Err(closing) = outcome {
                        return Some(closing);
                    }
                }
                Some((number, id, answer)) = self.running.next(), if !self.running.is_empty() => {
                    if let Err(closing) = self.tell(number, id, answer).await {
                        return Some(closing);
                    }
                }
                _ = ping.tick() => {
                    if heard.elapsed() > SILENCE_LIMIT {
                        return Some(NOT_TAKEN);
                    }
                    if let Err(closing) = self.send(&Says::Ping).await {
                        return Some(closing);
                    }
                }
            }
        }
    }

    /// Completes every operation: the server stops.
    async fn stop(&mut self) -> Option<Closing> {
        for (id, (_, stop)) in std::mem::take(&mut self.stops) {
            stop.abort();
            if let Err(closing) = self.send(&Says::Complete { id: &id }).await {
                return Some(closing);
            }
        }
        Some(GOING_AWAY)
    }

    async fn hear(&mut self, text: &str) -> std::result::Result<(), Closing> {
        match serde_json::from_str(text).map_err(|_| BAD_MESSAGE)? {
            Said::ConnectionInit { payload } => self.initialise(payload).await,
            Said::Ping { payload } => self.send(&Says::Pong { payload }).await,
            Said::Pong => Ok(()),
            Said::Subscribe { id, payload } => self.subscribe(id, *payload).await,
            Said::Complete { id } => {
                if let Some((_, stop)) = self.stops.remove(&id) {
                    stop.abort();
                }
                Ok(())
            }
        }
    }

    async fn initialise(&mut self, payload: Option<Value>) -> std::result::Result<(), Closing> {
        if std::mem::replace(&mut self.is_initialised, true) {
            return Err(TOO_MANY_INITS);
        }
        if let Some(authorization) = payload.as_ref().and_then(authorization) {
            let token = auth::bearer(authorization).unwrap_or_default();
            self.caller = Some(self.api.keys.admit(token).map_err(|_| FORBIDDEN)?);
        }
        let caller = self.caller.clone().ok_or(FORBIDDEN)?;
        self.ended = caller.ended(self.api.clock.clone()).boxed();
        self.send(&Says::ConnectionAck).await
    }

    async fn subscribe(&mut self, id: String, request: Request) -> std::result::Result<(), Closing> {
        let Some(caller) = self.caller.clone().filter(|_| self.is_initialised) else { return Err(NOT_INITIALISED) };
        if id.is_empty() || id.chars().count() > ID_MAX {
            return Err(BAD_MESSAGE);
        }
        if self.stops.contains_key(&id) {
            return Err(Closing(4409, "A subscriber with this id exists already"));
        }
        if self.stops.len() >= OPERATIONS_MAX {
            let message = format!("a socket may have at most {OPERATIONS_MAX} operations at the same time");
            let extensions = json!({ "code": "subscription_limit", "requestId": self.name });
            let errors = json!([{ "message": message, "extensions": extensions }]);
            return self.send(&Says::Error { id: &id, payload: errors }).await;
        }
        self.operations += 1;
        let number = self.operations;
        let name = format!("{}-{number}", self.name);
        let answers = self.graph.stream(request, caller, name);
        let (answers, stop) = stream::abortable(answers);
        let (of_answer, of_end) = (id.clone(), id.clone());
        let items = answers.map(move |answer| (number, of_answer.clone(), Some(answer)));
        self.running.push(items.chain(stream::once(async move { (number, of_end, None) })).boxed());
        self.stops.insert(id, (number, stop));
        Ok(())
    }

    async fn tell(&mut self, number: u64, id: String, answer: Option<Response>) -> std::result::Result<(), Closing> {
        // The client may have completed it meanwhile, and may have given its id to another operation.
        if self.stops.get(&id).is_none_or(|(current, _)| *current != number) {
            return Ok(());
        }
        match answer {
            Some(answer) if door::is_refusal(&answer) => {
                if let Some((_, stop)) = self.stops.remove(&id) {
                    stop.abort();
                }
                self.send(&Says::Error { id: &id, payload: json!(answer.errors) }).await
            }
            Some(answer) => self.send(&Says::Next { id: &id, payload: &answer }).await,
            None => {
                self.stops.remove(&id);
                self.send(&Says::Complete { id: &id }).await
            }
        }
    }

    async fn send(&mut self, message: &Says<'_>) -> std::result::Result<(), Closing> {
        let text = serde_json::to_string(message).map_err(|_| NOT_TAKEN)?;
        let sent = tokio::time::timeout(SEND_LIMIT, self.stream.send(Message::text(text))).await;
        if matches!(sent, Ok(Ok(()))) { Ok(()) } else { Err(NOT_TAKEN) }
    }
}

/// What a client says of itself, as it would in a header: whatever the case of the name.
fn authorization(payload: &Value) -> Option<&str> {
    let fields = payload.as_object()?;
    fields.iter().find(|(name, _)| name.eq_ignore_ascii_case("authorization"))?.1.as_str()
}
