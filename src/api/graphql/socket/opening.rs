//! The opening of a socket: the handshake, and the wait for who it is. Until then it can do nothing, and costs little.

use std::sync::Arc;
use std::time::Duration;

use poem::http::{StatusCode, header};
use poem::web::Data;
use poem::{Request as HttpRequest, Response, Result, handler};
use serde_json::Value;
use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::api::graphql::graph::Graph;
use crate::api::graphql::socket::Socket;
use crate::api::graphql::socket::message::{Closing, FORBIDDEN, GOING_AWAY, INIT_TIMEOUT, NOT_INITIALISED, Said, Says};
use crate::api::graphql::socket::wire::{Gate, Wire};
use crate::api::services::Api;
use crate::api::unfit::{UnfitProtocol, UnfitUpgrade};
use crate::api::{auth, request_id};
use crate::caller::Caller;
use crate::lifecycle::ShutdownPhase;

/// The one sub-protocol.
const PROTOCOL: &str = "graphql-transport-ws";
/// Longest wait for `connection_init`.
const INIT_LIMIT: Duration = Duration::from_secs(10);

/// Takes the socket over.
#[handler]
pub fn upgrade(Data(graph): Data<&Graph>, Data(api): Data<&Arc<Api>>, http: &HttpRequest) -> Result<Response> {
    let key = websocket_key(http).ok_or_else(|| poem::Error::new(UnfitUpgrade, StatusCode::BAD_REQUEST))?;
    if !has_word(http, header::SEC_WEBSOCKET_PROTOCOL, |word| word == PROTOCOL) {
        return Err(poem::Error::new(UnfitProtocol, StatusCode::BAD_REQUEST));
    }
    let upgrading = http.take_upgrade().map_err(|_| poem::Error::new(UnfitUpgrade, StatusCode::BAD_REQUEST))?;
    // A key may come with the upgrade as well, where the client can set headers.
    let caller = auth::caller(&api.keys, http).ok();
    let (graph, api, name) = (graph.clone(), Arc::clone(api), request_id::current());
    let lifecycle = api.lifecycle.clone();
    // Tracked, so that a shutdown waits for the close frame.
    lifecycle.spawn(ShutdownPhase::Doors, "graphql socket", async move {
        let until = Instant::now() + INIT_LIMIT;
        let Ok(Ok(upgraded)) = timeout_at(until, upgrading).await else { return };
        let mut gate = Gate::new(upgraded);
        let opening = Opening { api: &api, caller, wire: Wire::of_unknown(&mut gate).await };
        if let Some(caller) = opening.initialised(until).await {
            Socket::new(graph, api, caller, name, Wire::of_caller(gate).await).serve().await;
        }
    });
    let mut response = Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(header::CONNECTION, "Upgrade")
        .header(header::UPGRADE, "websocket")
        .header(header::SEC_WEBSOCKET_ACCEPT, derive_accept_key(key.as_bytes()))
        .header(header::SEC_WEBSOCKET_PROTOCOL, PROTOCOL)
        .finish();
    // How the client spelled the names of its headers is in a private extension, from which the listener's library spells those of
    // the answer. Python's gql looks for `Sec-WebSocket-Protocol`, and takes the old protocol when it finds it in small letters.
    response.extensions_mut().clone_from(http.extensions());
    Ok(response)
}

/// What the client wants to have signed, if it asks for a WebSocket. src: RFC 6455, 4.2.1.
fn websocket_key(http: &HttpRequest) -> Option<&str> {
    let is_upgrade = has_word(http, header::CONNECTION, |word| word.eq_ignore_ascii_case("upgrade"))
        && has_word(http, header::UPGRADE, |word| word.eq_ignore_ascii_case("websocket"))
        && http.header(header::SEC_WEBSOCKET_VERSION) == Some("13");
    http.header(header::SEC_WEBSOCKET_KEY).filter(|_| is_upgrade)
}

/// Whether a header, of which there may be several, has such a word.
fn has_word(http: &HttpRequest, name: header::HeaderName, is_it: impl Fn(&str) -> bool) -> bool {
    let values = http.headers().get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|word| is_it(word.trim()))
}

/// A socket of which it is not known whose it is.
struct Opening<'a> {
    api: &'a Api,
    /// The caller of the upgrade.
    caller: Option<Caller>,
    wire: Wire<&'a mut Gate>,
}

impl Opening<'_> {
    /// Whose it is, once the client has said so. Closes it if the client does not.
    async fn initialised(mut self, until: Instant) -> Option<Caller> {
        let stopping = self.api.lifecycle.doors().clone();
        let closing = loop {
            let heard = tokio::select! {
                biased;
                () = stopping.cancelled() => break GOING_AWAY,
                () = sleep_until(until) => break INIT_TIMEOUT,
                heard = self.wire.hear() => heard,
            };
            match heard {
                Ok(None) => {}
                Ok(Some(text)) => match self.answer(&text).await {
                    Ok(None) => {}
                    Ok(Some(caller)) => return Some(caller),
                    Err(closing) => break closing,
                },
                Err(Some(closing)) => break closing,
                Err(None) => return None,
            }
        };
        self.wire.close(closing).await;
        None
    }

    /// Answers a message. Gives the caller that it is from, if it says so.
    async fn answer(&mut self, text: &str) -> std::result::Result<Option<Caller>, Closing> {
        match Said::parse(text)? {
            Said::ConnectionInit { payload } => {
                let caller = self.caller(payload.as_ref())?;
                self.wire.say(&Says::ConnectionAck).await?;
                Ok(Some(caller))
            }
            Said::Ping { payload } => self.wire.say(&Says::Pong { payload }).await.map(|()| None),
            Said::Pong | Said::Complete { id: _ } => Ok(None),
            Said::Subscribe { id: _, payload: _ } => Err(NOT_INITIALISED),
        }
    }

    /// The caller that the first message names, or that of the upgrade.
    fn caller(&self, payload: Option<&Value>) -> std::result::Result<Caller, Closing> {
        match payload.and_then(authorization) {
            Some(authorization) => {
                let token = auth::bearer(authorization).unwrap_or_default();
                self.api.keys.admit(token).map_err(|_| FORBIDDEN)
            }
            None => self.caller.clone().ok_or(FORBIDDEN),
        }
    }
}

/// What a client says of itself, as it would in a header: whatever the case of the name.
fn authorization(payload: &Value) -> Option<&str> {
    let fields = payload.as_object()?;
    fields.iter().find(|(name, _)| name.eq_ignore_ascii_case("authorization"))?.1.as_str()
}
