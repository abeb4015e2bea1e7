//! Subscriptions over a WebSocket. src: the `graphql-transport-ws` protocol, github.com/enisdenjo/graphql-ws PROTOCOL.md.
//!
//! Nothing is queued here: while a frame waits to be taken, no stream is asked for its next one, and the streams
//! themselves skip to the newest state.

pub mod opening;

mod message;
mod wire;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::{Request, Response};
use futures::FutureExt;
use futures::future::{AbortHandle, BoxFuture};
use futures::stream::{self, BoxStream, SelectAll, StreamExt};
use serde_json::json;
use tokio::time::Instant;

use crate::api::body::BODY_MAX;
use crate::api::graphql::graph::Graph;
use crate::api::graphql::http as door;
use crate::api::graphql::socket::message::{
    BAD_MESSAGE, Closing, FORBIDDEN, GOING_AWAY, ID_TAKEN, NOT_TAKEN, Said, Says, TOO_MANY_INITS,
};
use crate::api::graphql::socket::wire::{Gate, Wire};
use crate::api::services::Api;
use crate::caller::Caller;

/// How often a silent client is asked whether it is there.
const PING_PERIOD: Duration = Duration::from_secs(20);
/// Longest silence of a client that is asked.
const SILENCE_LIMIT: Duration = Duration::from_secs(60);
/// Operations that one socket may have at the same time.
const OPERATIONS_MAX: usize = 100;
/// What these may be long together, bytes: each keeps its document and its variables in memory, at a multiple of that.
const OPERATIONS_BYTES_MAX: usize = BODY_MAX / 4;
/// Longest id that a client may give an operation, characters.
const ID_MAX: usize = 128;

/// What comes from an operation, which its number names: an answer, or its end.
type Item = (u64, String, Option<Response>);

/// An operation under way.
struct Operation {
    /// A client may use an id again: this tells the operations apart.
    number: u64,
    stop: AbortHandle,
    /// What was said to begin it.
    bytes: usize,
}

struct Socket {
    graph: Graph,
    api: Arc<Api>,
    caller: Caller,
    /// Resolves when the caller's key does not work any more.
    ended: BoxFuture<'static, ()>,
    /// The request that this began as; its operations are named after it.
    name: String,
    begun: u64,
    wire: Wire<Gate>,
    answers: SelectAll<BoxStream<'static, Item>>,
    operations: HashMap<String, Operation>,
}

impl Socket {
    fn new(graph: Graph, api: Arc<Api>, caller: Caller, name: String, wire: Wire<Gate>) -> Self {
        let ended = caller.clone().ended(api.clock.clone()).boxed();
        let (answers, operations) = (SelectAll::new(), HashMap::new());
        Self { graph, api, caller, ended, name, begun: 0, wire, answers, operations }
    }

    async fn serve(mut self) {
        if let Some(closing) = self.live().await {
            self.wire.close(closing).await;
        }
    }

    /// Lives until the client leaves (None) or has to.
    async fn live(&mut self) -> Option<Closing> {
        let stopping = self.api.lifecycle.doors().clone();
        let mut heard = Instant::now();
        let mut ping = tokio::time::interval(PING_PERIOD);
        ping.reset();
        loop {
            let outcome = tokio::select! {
                biased;
                () = stopping.cancelled() => return Some(self.stop().await),
                () = &mut self.ended => return Some(FORBIDDEN),
                message = self.wire.hear() => {
                    heard = Instant::now();
                    match message {
                        Ok(Some(text)) => self.hear(&text).await,
                        Ok(None) => Ok(()),
                        Err(end) => return end,
                    }
                }
                Some((number, id, answer)) = self.answers.next(), if !self.answers.is_empty() => {
                    self.tell(number, id, answer).await
                }
                _ = ping.tick() => match heard.elapsed() > SILENCE_LIMIT {
                    true => Err(NOT_TAKEN),
                    false => self.send(&Says::Ping).await,
                },
            };
            if let Err(closing) = outcome {
                return Some(closing);
            }
        }
    }

    /// Completes every operation: the server stops.
    async fn stop(&mut self) -> Closing {
        for (id, Operation { stop, .. }) in std::mem::take(&mut self.operations) {
            stop.abort();
            if let Err(closing) = self.send(&Says::Complete { id: &id }).await {
                return closing;
            }
        }
        GOING_AWAY
    }

    async fn hear(&mut self, text: &str) -> Result<(), Closing> {
        match Said::parse(text)? {
            Said::ConnectionInit { payload: _ } => Err(TOO_MANY_INITS),
            Said::Ping { payload } => self.send(&Says::Pong { payload }).await,
            Said::Pong => Ok(()),
            Said::Subscribe { id, payload } => self.subscribe(id, *payload, text.len()).await,
            Said::Complete { id } => {
                self.end(&id);
                Ok(())
            }
        }
    }

    async fn subscribe(&mut self, id: String, request: Request, bytes: usize) -> Result<(), Closing> {
        if id.is_empty() || id.chars().count() > ID_MAX {
            return Err(BAD_MESSAGE);
        }
        if self.operations.contains_key(&id) {
            return Err(ID_TAKEN);
        }
        if let Some(message) = self.refusal(bytes) {
            let extensions = json!({ "code": "subscription_limit", "requestId": self.name });
            let errors = json!([{ "message": message, "extensions": extensions }]);
            return self.send(&Says::Error { id: &id, payload: errors }).await;
        }
        self.begun += 1;
        let number = self.begun;
        let answers = self.graph.stream(request, self.caller.clone(), format!("{}-{number}", self.name));
        let (answers, stop) = stream::abortable(answers);
        let (of_answer, of_end) = (id.clone(), id.clone());
        let items = answers.map(move |answer| (number, of_answer.clone(), Some(answer)));
        self.answers.push(items.chain(stream::once(async move { (number, of_end, None) })).boxed());
        self.operations.insert(id, Operation { number, stop, bytes });
        Ok(())
    }

    /// Why another operation of so many bytes cannot be begun.
    fn refusal(&self, bytes: usize) -> Option<String> {
        if self.operations.len() >= OPERATIONS_MAX {
            return Some(format!("a socket may have at most {OPERATIONS_MAX} operations at the same time"));
        }
        let held: usize = self.operations.values().map(|operation| operation.bytes).sum();
        // A single one may be as large as any request.
        let is_too_long = !self.operations.is_empty() && held + bytes > OPERATIONS_BYTES_MAX;
        is_too_long
            .then(|| format!("the operations of a socket may be at most {OPERATIONS_BYTES_MAX} bytes long together"))
    }

    async fn tell(&mut self, number: u64, id: String, answer: Option<Response>) -> Result<(), Closing> {
        // The client may have completed it meanwhile, and may have given its id to another operation.
        if self.operations.get(&id).is_none_or(|operation| operation.number != number) {
            return Ok(());
        }
        match answer {
            Some(answer) if door::is_refusal(&answer) => {
                self.end(&id);
                self.send(&Says::Error { id: &id, payload: json!(answer.errors) }).await
            }
            Some(answer) => self.send(&Says::Next { id: &id, payload: &answer }).await,
            None => {
                self.end(&id);
                self.send(&Says::Complete { id: &id }).await
            }
        }
    }

    /// Ends an operation, if there is one with this id.
    fn end(&mut self, id: &str) {
        if let Some(operation) = self.operations.remove(id) {
            operation.stop.abort();
        }
    }

    /// Sends a message, unless the caller's key ceases to work before the client takes it.
    async fn send(&mut self, message: &Says<'_>) -> Result<(), Closing> {
        tokio::select! {
            biased;
            () = &mut self.ended => Err(FORBIDDEN),
            sent = self.wire.say(message) => sent,
        }
    }
}
