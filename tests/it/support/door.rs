//! A client of the API: the same verbs whichever door it goes through.

use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};

use crate::support::server::TOKEN;

/// An answer, whatever it is.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: reqwest::header::HeaderMap,
    /// Body as it came.
    pub bytes: Vec<u8>,
}

impl Answer {
    /// The body as JSON; null if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_default()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// A header's value; empty if it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The JSON of a success.
    pub fn ok(self) -> Value {
        assert!((200..300).contains(&self.status), "{} {}", self.status, self.text());
        self.json()
    }

    /// Status and code of a refusal; checks that it is a whole problem.
    pub fn problem(self) -> (u16, String) {
        let body = self.json();
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.text());
        for field in ["type", "title", "detail", "code", "request_id"] {
            assert!(body[field].as_str().is_some_and(|text| !text.is_empty()), "{field} in {body}");
        }
        assert_eq!(body["status"], self.status);
        assert_eq!(body["error"]["code"], self.status);
        assert_eq!(body["error"]["message"], body["detail"]);
        assert_eq!(self.header("x-request-id"), body["request_id"]);
        (self.status, body["code"].as_str().expect("it was looked at above").to_owned())
    }
}

/// The REST door of one server.
#[derive(Clone)]
pub struct Door {
    client: Client,
    base: String,
    token: String,
}

impl Door {
    /// The door of the server at this address.
    pub fn rest(base: &str) -> Self {
        // It fails only if there is a provider already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self { client: Client::new(), base: base.to_owned(), token: TOKEN.to_owned() }
    }

    /// The same door for the holder of another token.
    pub fn holding(&self, token: &str) -> Self {
        Self { token: token.to_owned(), ..self.clone() }
    }

    /// A request with the key, to any path.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.anonymous(method, path).bearer_auth(&self.token)
    }

    /// A request without a key.
    pub fn anonymous(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base))
    }

    /// Sends a request.
    pub async fn send(&self, request: RequestBuilder) -> Answer {
        let reply = request.send().await.expect("the server answers");
        let (status, headers) = (reply.status().as_u16(), reply.headers().clone());
        let answer = Answer { status, headers, bytes: reply.bytes().await.expect("the body comes whole").to_vec() };
        check_logged_in(&answer.json());
        answer
    }

    /// GET below the sessions.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, &format!("/api/v1/sessions{path}"))).await
    }

    /// POST below the sessions; null is no body.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        let request = self.request(Method::POST, &format!("/api/v1/sessions{path}"));
        self.send(if body.is_null() { request } else { request.json(&body) }).await
    }

    /// A request to any path; null is no body.
    pub async fn ask(&self, method: Method, path: &str, body: &Value) -> Answer {
        let request = self.request(method, path);
        self.send(if body.is_null() { request } else { request.json(body) }).await
    }

    /// Creates a key, and gives it with its token.
    pub async fn key(&self, body: Value) -> (Value, String) {
        let answer = self.ask(Method::POST, "/api/v1/keys", &body).await.ok();
        (answer["key"].clone(), answer["token"].as_str().expect("a token").to_owned())
    }

    /// Creates a session.
    pub async fn create(&self, id: &str) -> Value {
        self.post("", json!({ "id": id })).await.ok()["session"].clone()
    }

    /// Changes a session.
    pub async fn update(&self, id: &str, body: Value) -> Answer {
        self.send(self.request(Method::PATCH, &format!("/api/v1/sessions/{id}")).json(&body)).await
    }

    /// Deletes a session.
    pub async fn delete(&self, id: &str) -> Answer {
        self.send(self.request(Method::DELETE, &format!("/api/v1/sessions/{id}"))).await
    }

    /// The status call's answer.
    pub async fn status(&self, id: &str) -> Value {
        self.get(&format!("/{id}/status")).await.ok()
    }

    /// The current QR code; waits for the first.
    pub async fn qr(&self, id: &str) -> String {
        let reply = self.get(&format!("/{id}/qr")).await.ok();
        reply["qr_codes"][0].as_str().unwrap_or_else(|| panic!("no code in {reply}")).to_owned()
    }
}

/// What holds in every answer at every moment: `is_logged_in` is true exactly when the status is `logged_in`.
fn check_logged_in(body: &Value) {
    match body {
        Value::Object(fields) => {
            if let (Some(status), Some(is_logged_in)) = (fields.get("status"), fields.get("is_logged_in")) {
                assert_eq!(is_logged_in == true, status == "logged_in", "{body}");
            }
            fields.values().for_each(check_logged_in);
        }
        Value::Array(items) => items.iter().for_each(check_logged_in),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
