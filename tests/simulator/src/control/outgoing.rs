//! The control API for what companions send: what the server took of it, and what is to go wrong with the next ones.

use poem::http::StatusCode;
use poem::web::{Data, Path};
use poem::{Body, Response, handler};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{answer, find, invalid, read, respond};
use crate::group_receipt::ReceiptKind;
use crate::message_fault::MessageFault;
use crate::simulator::Simulator;

#[handler]
pub(super) fn show_sent(sim: Data<&Simulator>, Path(n): Path<String>) -> Response {
    respond(find(&sim, &n).and_then(|phone| answer(StatusCode::OK, phone.sent())))
}

#[derive(Deserialize)]
struct NewFaults {
    count: Option<usize>,
    #[serde(flatten)]
    fault: Map<String, Value>,
}

#[handler]
pub(super) async fn spoil_messages(sim: Data<&Simulator>, Path(n): Path<String>, body: Body) -> Response {
    let spoil = async {
        let phone = find(&sim, &n)?;
        let NewFaults { count, fault } = read(body).await?;
        let fault: MessageFault =
            serde_json::from_value(Value::Object(fault)).map_err(|error| invalid(error.to_string()))?;
        phone.spoil_messages(fault, count.unwrap_or(1));
        answer(StatusCode::OK, phone.message_faults())
    };
    respond(spoil.await)
}

#[handler]
pub(super) fn show_message_faults(sim: Data<&Simulator>, Path(n): Path<String>) -> Response {
    respond(find(&sim, &n).and_then(|phone| answer(StatusCode::OK, phone.message_faults())))
}

#[handler]
pub(super) fn clear_message_faults(sim: Data<&Simulator>, Path(n): Path<String>) -> Response {
    respond(find(&sim, &n).and_then(|phone| {
        phone.clear_message_faults();
        answer(StatusCode::OK, json!({}))
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PowerChange {
    on: bool,
}

#[handler]
pub(super) async fn switch(sim: Data<&Simulator>, Path(n): Path<String>, body: Body) -> Response {
    let switch = async {
        let phone = find(&sim, &n)?;
        match read(body).await? {
            PowerChange { on: true } => phone.switch_on(),
            PowerChange { on: false } => phone.switch_off(),
        }
        answer(StatusCode::OK, json!({}))
    };
    respond(switch.await)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Breakage {
    count: Option<usize>,
    /// Whether keys for a new session come with the first request.
    keys: Option<bool>,
}

#[handler]
pub(super) async fn break_outbound(sim: Data<&Simulator>, Path(n): Path<String>, body: Body) -> Response {
    let spoil = async {
        let phone = find(&sim, &n)?;
        let Breakage { count, keys } = read(body).await?;
        phone.break_outbound(count.unwrap_or(1), keys.unwrap_or(true));
        answer(StatusCode::OK, json!({}))
    };
    respond(spoil.await)
}

#[handler]
pub(super) fn show_retries(sim: Data<&Simulator>, Path(n): Path<String>) -> Response {
    respond(find(&sim, &n).and_then(|phone| answer(StatusCode::OK, phone.retries())))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewRetry {
    message_id: String,
}

#[handler]
pub(super) async fn ask_again(sim: Data<&Simulator>, Path(n): Path<String>, body: Body) -> Response {
    let ask = async {
        let phone = find(&sim, &n)?;
        let NewRetry { message_id } = read(body).await?;
        phone.ask_again(&message_id).await?;
        answer(StatusCode::OK, phone.retries())
    };
    respond(ask.await)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GroupReceipt {
    kind: ReceiptKind,
    message_id: String,
    readers: Vec<String>,
}

#[handler]
pub(super) async fn hear_from_group(
    sim: Data<&Simulator>,
    Path((n, group)): Path<(String, String)>,
    body: Body,
) -> Response {
    let tell = async {
        let phone = find(&sim, &n)?;
        let GroupReceipt { kind, message_id, readers } = read(body).await?;
        let readers: Vec<&str> = readers.iter().map(String::as_str).collect();
        phone.hear_from_group(&group, &message_id, kind, &readers)?;
        answer(StatusCode::OK, json!({}))
    };
    respond(tell.await)
}
