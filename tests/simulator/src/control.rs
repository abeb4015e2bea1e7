//! The JSON control API: what a hand on a phone or on a power switch can do, over HTTP on loopback. Translates only; the
//! table of routes is in `README.md`.

mod groups;
mod media;
mod messages;
mod outgoing;
mod people;
mod restrictions;
mod server;

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures::future::BoxFuture;
use poem::http::StatusCode;
use poem::listener::TcpAcceptor;
use poem::web::{Data, Json, Path};
use poem::{Body, Endpoint, EndpointExt, IntoResponse, Response, Route, Server, delete, get, handler, post, put};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::fault::Fault;
use crate::phone::{LinkError, Phone};
use crate::simulator::Simulator;

/// How long requests may still take once the API is told to stop.
const STOP_LIMIT: Duration = Duration::from_secs(3);

/// Largest request body, bytes. A QR code has a few hundred.
const LARGEST_BODY: usize = 64 * 1024;

/// Largest body of a request that may have a file in it, bytes.
const LARGEST_FILE_BODY: usize = 32 * 1024 * 1024;

/// Binds the control API's address.
///
/// # Errors
/// The address is not on loopback, or cannot be bound.
pub async fn bind(address: SocketAddr) -> Result<TcpListener> {
    ensure!(address.ip().is_loopback(), "the control API listens on loopback only, not on {address}");
    TcpListener::bind(address).await.with_context(|| format!("bind {address}"))
}

/// Serves the control API of a simulator until `stop` is cancelled.
///
/// Boxed: an `async fn` is compiled in each crate that awaits it, here with a whole HTTP server behind it.
///
/// # Errors
/// The listener is not on loopback, or the HTTP server failed.
pub fn serve(sim: Simulator, listener: TcpListener, stop: CancellationToken) -> BoxFuture<'static, Result<()>> {
    Box::pin(serve_until(stop, sim, listener))
}

async fn serve_until(stop: CancellationToken, sim: Simulator, listener: TcpListener) -> Result<()> {
    let address = listener.local_addr()?;
    ensure!(address.ip().is_loopback(), "the control API listens on loopback only, not on {address}");
    let acceptor = TcpAcceptor::from_tokio(listener)?;
    Server::new_with_acceptor(acceptor)
        .run_with_graceful_shutdown(routes(sim), stop.cancelled_owned(), Some(STOP_LIMIT))
        .await?;
    Ok(())
}

fn routes(sim: Simulator) -> impl Endpoint<Output = Response> {
    media_routes(people_routes(Route::new()))
        .at("/phones", get(list_phones).post(add_phone))
        .at("/phones/:n", get(show_phone))
        .at("/phones/:n/scan", post(scan))
        .at("/phones/:n/enter-code", post(enter_code))
        .at("/phones/:n/messages", post(messages::send_messages))
        .at("/phones/:n/inbox", get(show_inbox))
        .at("/phones/:n/sent", get(outgoing::show_sent))
        .at("/phones/:n/message-faults", message_faults())
        .at("/phones/:n/power", put(outgoing::switch))
        .at("/phones/:n/break-outbound", post(outgoing::break_outbound))
        .at("/phones/:n/retries", get(outgoing::show_retries).post(outgoing::ask_again))
        .at("/phones/:n/devices", get(list_devices))
        .at("/phones/:n/devices/:id", delete(unlink_device))
        .at("/phones/:n/devices/:id/faults", post(fault_device))
        .at("/faults/next-connection", post(fault_next_connection))
        .at("/faults/pairing", post(fault_pairing))
        .at("/server", get(server::show).put(server::change))
        .at("/server/rotate-static-key", post(server::rotate_static_key))
        .at("/stats", get(show_stats))
        .data(sim)
        .catch_all_error(|error| async move { refusal(error.status(), &error.to_string()) })
}

/// What a phone's owner does besides writing, and what WhatsApp lets them do.
fn people_routes(route: Route) -> Route {
    route
        .at("/phones/:n/receipts", post(people::send_receipts))
        .at("/phones/:n/presence", put(people::change_presence))
        .at("/phones/:n/typing", post(people::type_to))
        .at("/phones/:n/contacts", post(people::add_contact))
        .at("/phones/:n/profile", put(people::change_profile))
        .at("/phones/:n/history", put(people::change_history))
        .at("/phones/:n/announcements", post(people::announce))
        .at("/phones/:n/chats/:chat", put(people::change_chat))
        .at("/phones/:n/calls", post(people::call))
        .at("/phones/:n/calls/:id", post(people::change_call))
        .at("/phones/:n/restrictions", get(restrictions::show).put(restrictions::change))
        .at("/phones/:n/tokens", post(restrictions::give_token))
        .at("/phones/:n/rate-limits", post(restrictions::limit_rate))
        .at("/phones/:n/query-refusals", post(restrictions::refuse_queries).delete(restrictions::answer_queries))
        .at("/phones/:n/timers", get(people::show_timers))
        .at("/phones/:n/starred", get(people::show_starred))
        .at("/phones/:n/migration", post(people::migrate))
        .at("/phones/:n/aliases", post(restrictions::add_alias))
        .at("/phones/:n/groups", get(groups::list_groups).post(groups::create_group))
        .at("/phones/:n/groups/:group", put(groups::change_group))
        .at("/phones/:n/groups/:group/members", post(groups::change_members))
        .at("/phones/:n/groups/:group/receipts", post(outgoing::hear_from_group))
}

/// The media hosts, and what phones find in files.
fn media_routes(route: Route) -> Route {
    let faults = get(media::show_faults).post(media::spoil_requests).delete(media::clear_faults);
    route
        .at("/media", get(media::show_hosts))
        .at("/media/faults", faults)
        .at("/media/expiry", post(media::lose))
        .at("/phones/:n/files/:id", get(media::open_file))
        .at("/phones/:n/files/:id/content", get(media::show_content))
        .at("/phones/:n/media-tokens", post(media::grant))
        .at("/phones/:n/reuploads", get(media::show_reuploads).put(media::change_reuploads))
}

fn message_faults() -> impl Endpoint<Output = Response> {
    let faults = get(outgoing::show_message_faults).post(outgoing::spoil_messages);
    faults.delete(outgoing::clear_message_faults)
}

/// A refusal: status and one sentence.
struct Refusal(StatusCode, String);

type Answer = Result<Response, Refusal>;

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        refusal(self.0, &self.1)
    }
}

impl From<LinkError> for Refusal {
    fn from(error: LinkError) -> Self {
        let status = match error {
            LinkError::BadQr | LinkError::WrongCode => StatusCode::UNPROCESSABLE_ENTITY,
            LinkError::UnknownRef
            | LinkError::ExpiredRef
            | LinkError::NoCodeOutstanding
            | LinkError::ConnectionLost
            | LinkError::Rejected(_) => StatusCode::CONFLICT,
            LinkError::NoAnswer => StatusCode::GATEWAY_TIMEOUT,
            LinkError::NoSuchPhone => StatusCode::NOT_FOUND,
        };
        Self(status, error.to_string())
    }
}

fn refusal(status: StatusCode, sentence: &str) -> Response {
    Json(json!({ "error": sentence })).with_status(status).into_response()
}

fn answer(status: StatusCode, body: impl Serialize + Send) -> Answer {
    Ok(Json(body).with_status(status).into_response())
}

fn invalid(sentence: impl Into<String>) -> Refusal {
    Refusal(StatusCode::UNPROCESSABLE_ENTITY, sentence.into())
}

/// What a phone cannot do, in its own words.
impl From<anyhow::Error> for Refusal {
    fn from(error: anyhow::Error) -> Self {
        invalid(error.to_string())
    }
}

fn respond(answer: Answer) -> Response {
    answer.unwrap_or_else(IntoResponse::into_response)
}

fn find(sim: &Simulator, phone_number: &str) -> Result<Phone, Refusal> {
    sim.find_phone(phone_number)
        .ok_or_else(|| Refusal(StatusCode::NOT_FOUND, format!("there is no phone {phone_number}")))
}

/// Reads a body: 400 when it is not JSON, 422 when it is not what it should be.
async fn read<T: DeserializeOwned>(body: Body) -> Result<T, Refusal> {
    read_up_to(LARGEST_BODY, body).await
}

async fn read_up_to<T: DeserializeOwned>(limit: usize, body: Body) -> Result<T, Refusal> {
    let bytes = body.into_bytes_limit(limit).await;
    let bytes = bytes.map_err(|error| Refusal(StatusCode::BAD_REQUEST, error.to_string()))?;
    let value: Value = serde_json::from_slice(&bytes)
        .map_err(|error| Refusal(StatusCode::BAD_REQUEST, format!("the body is not JSON: {error}")))?;
    serde_json::from_value(value).map_err(|error| invalid(error.to_string()))
}

fn describe(phone: &Phone) -> Value {
    json!({
        "phone_number": phone.phone_number(),
        "push_name": phone.push_name(),
        "lid": phone.lid(),
        "devices": phone.devices().len(),
        "silent": phone.is_silent(),
        "pending_link_code": phone.pending_link_code(),
    })
}

#[handler]
fn list_phones(sim: Data<&Simulator>) -> Response {
    respond(answer(StatusCode::OK, sim.phones().iter().map(describe).collect::<Vec<_>>()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewPhone {
    phone_number: String,
    push_name: String,
}

#[handler]
async fn add_phone(sim: Data<&Simulator>, body: Body) -> Response {
    let add = async {
        let NewPhone { phone_number, push_name } = read(body).await?;
        let is_number = phone_number.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number || !(7..=15).contains(&phone_number.len()) || phone_number.starts_with('0') {
            return Err(invalid("phone_number must be 7 to 15 digits and not start with 0"));
        }
        if push_name.is_empty() || push_name.chars().count() > 100 {
            return Err(invalid("push_name must have 1 to 100 characters"));
        }
        let status = if sim.add_phone(&phone_number, &push_name) { StatusCode::CREATED } else { StatusCode::OK };
        answer(status, describe(&find(&sim, &phone_number)?))
    };
    respond(add.await)
}

#[handler]
fn show_phone(sim: Data<&Simulator>, Path(n): Path<String>) -> Response {
    respond(find(&sim, &n).and_then(|phone| answer(StatusCode::OK, describe(&phone))))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scan {
    qr: String,
}

#[handler]
async fn scan(sim: Data<&Simulator>, Path(n): Path<String>, body: Body) -> Response {
    let scan = async {
        let phone = find(&sim, &n)?;
        let Scan { qr } = read(body).await?;
        answer(StatusCode::OK, json!({ "device": phone.scan(&qr).await? }))
    };
    respond(scan.await)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EnterCode {
    code: String,
}

#[handler]
async fn enter_code(sim: Data<&Simulator>, Path(n): Path<String>, body: Body) -> Response {
    let enter = async {
        let phone = find(&sim, &n)?;
        let EnterCode { code } = read(body).await?;
        answer(StatusCode::OK, json!({ "device": phone.enter(&code).await? }))
    };
    respond(enter.await)
}

#[handler]
fn show_inbox(sim: Data<&Simulator>, Path(n): Path<String>) -> Response {
    respond(find(&sim, &n).and_then(|phone| answer(StatusCode::OK, phone.inbox())))
}

#[handler]
fn list_devices(sim: Data<&Simulator>, Path(n): Path<String>) -> Response {
    respond(find(&sim, &n).and_then(|phone| answer(StatusCode::OK, phone.devices())))
}

fn no_device(device: u16) -> Refusal {
    Refusal(StatusCode::NOT_FOUND, format!("there is no device {device}"))
}

#[handler]
fn unlink_device(sim: Data<&Simulator>, Path((n, id)): Path<(String, u16)>) -> Response {
    let unlinked = find(&sim, &n).and_then(|phone| match phone.unlink(id) {
        true => answer(StatusCode::OK, json!({ "device": id })),
        false => Err(no_device(id)),
    });
    respond(unlinked)
}

#[handler]
async fn fault_device(sim: Data<&Simulator>, Path((n, id)): Path<(String, u16)>, body: Body) -> Response {
    let fault = async {
        find(&sim, &n)?;
        let fault: Fault = read(body).await?;
        sim.fault(&n, id, fault.clone()).await.map_err(|_| no_device(id))?;
        answer(StatusCode::OK, fault)
    };
    respond(fault.await)
}

#[handler]
async fn fault_next_connection(sim: Data<&Simulator>, body: Body) -> Response {
    let fault = async {
        let fault: Fault = read(body).await?;
        sim.fault_next_connection(fault.clone());
        answer(StatusCode::OK, fault)
    };
    respond(fault.await)
}

#[handler]
async fn fault_pairing(sim: Data<&Simulator>, body: Body) -> Response {
    let fault = async {
        let fault: Fault = read(body).await?;
        sim.fault_pairing_connections(&fault);
        answer(StatusCode::OK, fault)
    };
    respond(fault.await)
}

#[handler]
fn show_stats(sim: Data<&Simulator>) -> Response {
    respond(answer(StatusCode::OK, sim.stats()))
}
