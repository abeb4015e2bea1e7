//! The pairing page, and what it asks for. Whoever comes here has a pairing link and no key.

use std::sync::Arc;

use entity::timestamp::Timestamp;
use entity::words::session::SessionStatus;
use futures::stream::{self, Stream, StreamExt};
use poem::web::sse::{Event, SSE};
use poem::web::{Data, Json};
use poem::{Body, IntoResponse, Request, Response, Result, handler};
use serde::Deserialize;
use serde_json::json;

use crate::account::{PairRequest, PhoneNumber};
use crate::api::auth;
use crate::api::body::json_bytes;
use crate::api::fixed::{self, Policy};
use crate::api::live::{Change, KEEP_ALIVE, changes};
use crate::api::services::Api;
use crate::api::session::qr;
use crate::api::unfit::MalformedBody;
use crate::clock::Clock;
use crate::error::{Error, ErrorKind};
use crate::pairing_link::types::{Visit, VisitEndReason};

/// Largest body that asks for a code, bytes: a phone number, from somebody without a key.
const ASKED_MAX: usize = 4096;
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The page, whole: style and script are in it.
pub fn page() -> String {
    include_str!("page.html").replacen("/*style*/", STYLE, 1).replacen("/*script*/", SCRIPT, 1)
}

/// What the page may do: run and look like what is in it, and ask this server.
pub fn policy() -> Policy {
    Policy { scripts: fixed::hash(SCRIPT), styles: fixed::hash(STYLE), pictures: "data:", fonts: "'none'".to_owned() }
}

/// Shows the codes as they come, until a phone is linked or the link is over.
#[handler]
pub async fn live(Data(api): Data<&Arc<Api>>, request: &Request) -> Result<Response> {
    let visit = api.pairing_links.visit(token(request)?).await?;
    let events = events(visit, api.clock.clone());
    Ok(SSE::new(events).keep_alive(KEEP_ALIVE).into_response())
}

/// A phone that is to be linked by a code.
#[derive(Deserialize)]
struct Phone {
    phone_number: String,
}

/// Answers with a pair code.
#[handler]
pub async fn code(Data(api): Data<&Arc<Api>>, request: &Request, body: Body) -> Result<Response> {
    let token = token(request)?;
    let bytes = json_bytes(request, body, ASKED_MAX).await?;
    let Phone { phone_number } = serde_json::from_slice(&bytes)
        .map_err(|error| poem::Error::new(MalformedBody(error.to_string()), poem::http::StatusCode::BAD_REQUEST))?;
    let phone_number = PhoneNumber::parse("phone_number", &phone_number)?;
    let asked = PairRequest { phone_number, show_push_notification: true };
    let code = api.pairing_links.pair(token, asked).await?;
    let timeout_seconds = code.expires_at.remaining(api.clock.now()).as_secs();
    Ok(Json(json!({ "code": code.code.reveal(), "timeout_seconds": timeout_seconds })).into_response())
}

fn token(request: &Request) -> Result<&str, Error> {
    let unknown = || Error::new(ErrorKind::PairingLinkNotFound, "there is no such pairing link");
    auth::token(request).ok_or_else(unknown)
}

/// What a visitor is told, up to the last word.
fn events(visit: Visit, clock: Clock) -> impl Stream<Item = Event> {
    let Visit { updates, ending } = visit;
    let begin = (changes(updates).boxed(), Some(ending), None);
    let events = stream::unfold(begin, move |(mut changes, ending, told)| {
        let clock = clock.clone();
        async move {
            // Without one the last word was said.
            let ending = ending?;
            let Some(change) = changes.next().await else {
                return Some((vec![ended(ending.why()?)], (changes, None, told)));
            };
            let Change::Status(status) = &change else {
                return Some((vec![shown(&change, &clock)], (changes, Some(ending), told)));
            };
            let state = (status.status, status.reason);
            let mut events = Vec::new();
            if told != Some(state) {
                events.push(event("status", json!({ "status": state.0.as_str(), "reason": state.1.as_str() })));
            }
            let is_linked = state.0 == SessionStatus::LoggedIn;
            if is_linked {
                events.push(ended(VisitEndReason::Linked));
            }
            Some((events, (changes, Some(ending).filter(|_| !is_linked), Some(state))))
        }
    });
    events.map(stream::iter).flatten()
}

/// A code that is new.
fn shown(change: &Change, clock: &Clock) -> Event {
    let seconds = |until: Timestamp| until.remaining(clock.now()).as_secs();
    match change {
        Change::Qr(qr, _) => {
            let svg = qr::svg(qr.code.reveal());
            event("qr", json!({ "svg": svg, "timeout_seconds": seconds(qr.expires_at) }))
        }
        Change::PairCode(pair) => {
            event("pair_code", json!({ "code": pair.code.reveal(), "timeout_seconds": seconds(pair.expires_at) }))
        }
        Change::Status(status) => event("status", json!({ "status": status.status.as_str() })),
    }
}

fn ended(why: VisitEndReason) -> Event {
    event("ended", json!({ "why": why.as_str() }))
}

fn event(name: &str, data: serde_json::Value) -> Event {
    Event::message(data.to_string()).event_type(name)
}
