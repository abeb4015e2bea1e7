//! The life of a session over REST, with the client that progenitor makes.

use std::collections::HashMap;
use std::env;
use std::time::Duration;

use progenitor_client::{Error, ResponseValue};
use reqwest::StatusCode;
use reqwest::header::{AUTHORIZATION, HeaderMap};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::client::types::{
    DesiredState, NewSession, Problem, SessionChanges, SessionStatus, Status, StatusReason,
};

#[allow(dead_code, clippy::all)]
mod client {
    include!(concat!(env!("OUT_DIR"), "/client.rs"));
}

const PHONE: &str = "15550100104";
const ID: &str = "rust";

#[expect(clippy::disallowed_methods, reason = "the server's rule: this is no part of it")]
fn given(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("{name} is not set"))
}

/// The server as the key sees it.
fn server(token: &str) -> client::Client {
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, format!("Bearer {token}").parse().expect("a token is printable"));
    let http = reqwest::Client::builder().default_headers(headers).build().expect("it needs nothing");
    client::Client::new_with_client(&given("WAYPOST_URL"), http)
}

/// Asks the simulated WhatsApp.
async fn simulator(path: &str, body: Value) -> Value {
    let url = format!("{}{path}", given("SIMULATOR_PHONES"));
    let answer = reqwest::Client::new().post(url).json(&body).send().await.expect("the simulator answers");
    answer.error_for_status().expect("the simulator does it").json().await.expect("it is JSON")
}

/// Asks until the answer is a fact, for at most 60 s.
async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let limit = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(fact) = ask().await {
            return fact;
        }
        assert!(Instant::now() < limit, "not within 60 s: {what}");
        sleep(Duration::from_millis(100)).await;
    }
}

async fn reaches(server: &client::Client, wanted: SessionStatus) -> Status {
    until(&wanted.to_string(), async || {
        let status = server.get_session_status(ID).await.expect("the session is there").into_inner();
        (status.status == wanted).then_some(status)
    })
    .await
}

fn problem<T>(outcome: Result<ResponseValue<T>, Error<Problem>>) -> ResponseValue<Problem> {
    match outcome {
        Err(Error::ErrorResponse(problem)) => problem,
        Err(error) => panic!("not a problem of the document: {error}"),
        Ok(_) => panic!("it was no problem"),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let server = server(&given("WAYPOST_ADMIN_TOKEN"));
    let labels = HashMap::from([("team".to_owned(), "north".to_owned())]);

    // Created, and linked by a phone.
    simulator("", json!({ "phone_number": PHONE, "push_name": "Ada" })).await;
    let new = NewSession {
        id: Some(ID.to_owned()),
        name: Some("Shop".to_owned()),
        metadata: Some(labels.clone()),
        ..NewSession::default()
    };
    let created = server.create_session(&new).await.expect("it is created");
    assert_eq!(created.status(), StatusCode::CREATED);
    assert_eq!(created.headers()["location"], "/api/v1/sessions/rust");
    assert_eq!(created.session.metadata, labels);
    assert_eq!(problem(server.create_session(&new).await).code, "session_exists");

    let qr = until("a QR code", async || {
        server.get_session_qr(ID, None).await.expect("it answers").into_inner().qr_codes.pop()
    })
    .await;
    let device_id = simulator(&format!("/{PHONE}/scan"), json!({ "qr": qr })).await["device"].clone();
    let linked = reaches(&server, SessionStatus::LoggedIn).await;
    assert_eq!((linked.reason, linked.desired), (StatusReason::Authenticated, DesiredState::Online));
    assert_eq!(linked.phone_number.as_deref(), Some(PHONE));
    let device = server.get_session_device(ID).await.expect("it is linked");
    assert_eq!((json!(device.device_id), &*device.phone_number), (device_id, PHONE));

    // Changed, and found.
    let changes = SessionChanges { name: Some("Market".to_owned()), ..SessionChanges::default() };
    let changed = server.update_session(ID, &changes).await.expect("it is changed");
    assert_eq!((changed.name.as_deref(), &changed.metadata), (Some("Market"), &labels));
    let status = Some(SessionStatus::LoggedIn);
    let page = server.list_sessions(None, Some(1.try_into().expect("it is in range")), Some(PHONE), status).await;
    let page = page.expect("they are listed");
    assert_eq!((page.total, &*page.sessions[0].id, &page.next_cursor), (1, ID, &None));

    // Away and back without another scan, then unlinked.
    server.disconnect_session(ID).await.expect("it is disconnected");
    assert_eq!(reaches(&server, SessionStatus::Disconnected).await.reason, StatusReason::Requested);
    server.connect_session(ID).await.expect("it is connected");
    reaches(&server, SessionStatus::LoggedIn).await;
    server.logout_session(ID).await.expect("it is logged out");
    assert_eq!(reaches(&server, SessionStatus::Disconnected).await.reason, StatusReason::LoggedOut);
    assert_eq!(problem(server.get_session_device(ID).await).code, "device_not_linked");

    // Deleted. What went wrong is typed.
    assert!(server.delete_session(ID).await.expect("it is deleted").success);
    let gone = problem(server.get_session(ID).await);
    assert_eq!((gone.status(), gone.status, gone.error.code), (StatusCode::NOT_FOUND, 404, 404));
    assert_eq!((&*gone.code, &*gone.type_), ("session_not_found", "urn:waypost:problem:session_not_found"));
    assert_eq!(gone.headers()["x-request-id"], gone.request_id.as_str());

    let stranger = self::server("not the key");
    assert_eq!(problem(stranger.list_sessions(None, None, None, None).await).code, "unauthenticated");
}
