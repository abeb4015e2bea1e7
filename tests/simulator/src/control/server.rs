//! The control API for the server itself.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use poem::http::StatusCode;
use poem::web::Data;
use poem::{Body, Response, handler};
use serde::Deserialize;
use serde_json::json;

use super::{Refusal, answer, read, respond};
use crate::fault::HandshakeMode;
use crate::restriction::TokenRule;
use crate::simulator::Simulator;

#[handler]
pub(super) fn show(sim: Data<&Simulator>) -> Response {
    let root = BASE64_STANDARD.encode(sim.root_public_key());
    respond(answer(StatusCode::OK, json!({ "url": sim.url(), "root_public_key": root })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ServerChange {
    accepting: Option<bool>,
    handshake: Option<HandshakeMode>,
    refs_dropped: Option<bool>,
    token_rule: Option<TokenRule>,
    /// Settings for clients by number; null takes one away.
    #[serde(default)]
    ab_props: BTreeMap<u32, Option<String>>,
}

#[handler]
pub(super) async fn change(sim: Data<&Simulator>, body: Body) -> Response {
    let change = async {
        let ServerChange { accepting, handshake, refs_dropped, token_rule, ab_props } = read(body).await?;
        if let Some(accepting) = accepting {
            sim.set_accepting(accepting);
        }
        if let Some(mode) = handshake {
            sim.set_handshake(mode);
        }
        if let Some(are_dropped) = refs_dropped {
            sim.drop_refs(are_dropped);
        }
        if let Some(rule) = token_rule {
            sim.require_tokens(rule);
        }
        for (code, value) in ab_props {
            sim.set_ab_prop(code, value.as_deref());
        }
        answer(StatusCode::OK, json!({}))
    };
    respond(change.await)
}

#[handler]
pub(super) fn rotate_static_key(sim: Data<&Simulator>) -> Response {
    let rotated =
        sim.rotate_static_key().map_err(|error| Refusal(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()));
    respond(rotated.and_then(|()| answer(StatusCode::OK, json!({}))))
}
