//! The control API for what WhatsApp keeps an account from.

use poem::http::StatusCode;
use poem::web::{Data, Path};
use poem::{Body, Response, handler};
use serde::Deserialize;
use serde_json::json;

use super::{answer, find, invalid, read, respond};
use crate::restriction::Restrictions;
use crate::simulator::Simulator;

#[handler]
pub(super) fn show(sim: Data<&Simulator>, Path(n): Path<String>) -> Response {
    respond(find(&sim, &n).and_then(|phone| answer(StatusCode::OK, phone.restrictions())))
}

#[handler]
pub(super) async fn change(sim: Data<&Simulator>, Path(n): Path<String>, body: Body) -> Response {
    let change = async {
        let phone = find(&sim, &n)?;
        phone.restrict(read::<Restrictions>(body).await?);
        answer(StatusCode::OK, phone.restrictions())
    };
    respond(change.await)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewToken {
    to: String,
    /// When it was given, Unix seconds; now unless given.
    timestamp: Option<u64>,
}

#[handler]
pub(super) async fn give_token(sim: Data<&Simulator>, Path(n): Path<String>, body: Body) -> Response {
    let give = async {
        let phone = find(&sim, &n)?;
        match read(body).await? {
            NewToken { to, timestamp: Some(timestamp) } => phone.give_old_token(&to, timestamp)?,
            NewToken { to, timestamp: None } => phone.give_token(&to)?,
        }
        answer(StatusCode::CREATED, json!({}))
    };
    respond(give.await)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RateLimit {
    namespace: String,
    /// Seconds to wait.
    backoff: Option<u32>,
    count: Option<usize>,
}

#[handler]
pub(super) async fn limit_rate(sim: Data<&Simulator>, Path(n): Path<String>, body: Body) -> Response {
    let limit = async {
        let phone = find(&sim, &n)?;
        let RateLimit { namespace, backoff, count } = read(body).await?;
        phone.limit_rate(&namespace, backoff, count.unwrap_or(1));
        answer(StatusCode::OK, json!({}))
    };
    respond(limit.await)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct QueryRefusal {
    namespace: String,
    /// The error: 404, 406, 500, ..
    code: u16,
    count: Option<usize>,
}

#[handler]
pub(super) async fn refuse_queries(sim: Data<&Simulator>, Path(n): Path<String>, body: Body) -> Response {
    let refuse = async {
        let phone = find(&sim, &n)?;
        let QueryRefusal { namespace, code, count } = read(body).await?;
        phone.refuse_queries(&namespace, code, count.unwrap_or(1));
        answer(StatusCode::OK, json!({}))
    };
    respond(refuse.await)
}

#[handler]
pub(super) fn answer_queries(sim: Data<&Simulator>, Path(n): Path<String>) -> Response {
    respond(find(&sim, &n).and_then(|phone| {
        phone.answer_queries();
        answer(StatusCode::OK, json!({}))
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewAlias {
    number: String,
}

#[handler]
pub(super) async fn add_alias(sim: Data<&Simulator>, Path(n): Path<String>, body: Body) -> Response {
    let add = async {
        find(&sim, &n)?;
        let NewAlias { number } = read(body).await?;
        if sim.find_phone(&number).is_some() {
            return Err(invalid(format!("{number} is a phone of its own")));
        }
        sim.add_alias(&number, &n);
        answer(StatusCode::CREATED, json!({}))
    };
    respond(add.await)
}
