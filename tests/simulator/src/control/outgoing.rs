//! The control API for what companions send: what the server took of it, and what is to go wrong with the next ones.

use poem::http::StatusCode;
use poem::web::{Data, Path};
use poem::{Body, Response, handler};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{answer, find, invalid, read, respond};
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
