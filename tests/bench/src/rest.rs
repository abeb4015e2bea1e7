//! The server's REST interface, as far as the measurements need it. Every wait has a limit.

use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use reqwest::Method;
use serde_json::{Value, json};

/// Longest wait for one reply; the first QR code may take ten seconds.
const REPLY_LIMIT: Duration = Duration::from_secs(30);
/// Longest wait for a session to become what it should, under full load.
const STATE_LIMIT: Duration = Duration::from_secs(120);

/// A client of one server. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Rest {
    http: reqwest::Client,
    base: String,
    token: String,
}

impl Rest {
    /// A client that keeps its connections; nothing is sent yet.
    pub(crate) fn new(port: u16, token: &str) -> anyhow::Result<Self> {
        Ok(Self { http: http_client()?, base: format!("http://127.0.0.1:{port}"), token: token.to_owned() })
    }

    /// True once the server answers at all.
    pub(crate) async fn is_alive(&self) -> bool {
        let reply = self.http.get(format!("{}/livez", self.base)).send().await;
        reply.is_ok_and(|reply| reply.status().is_success())
    }

    /// `createSession`.
    pub(crate) async fn create(&self, id: &str) -> anyhow::Result<()> {
        self.call(Method::POST, "", Some(json!({ "id": id }))).await.map(drop)
    }

    /// `deleteSession`.
    pub(crate) async fn delete(&self, id: &str) -> anyhow::Result<()> {
        self.call(Method::DELETE, &format!("/{id}"), None).await.map(drop)
    }

    /// The session's QR code, asked for until there is one.
    pub(crate) async fn qr(&self, id: &str) -> anyhow::Result<String> {
        let deadline = Instant::now() + STATE_LIMIT;
        while Instant::now() < deadline {
            let reply = self.call(Method::GET, &format!("/{id}/qr"), None).await?;
            if let Some(code) = reply["qr_codes"][0].as_str() {
                return Ok(code.to_owned());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        bail!("session {id} shows no QR code within {STATE_LIMIT:?}")
    }

    /// Asks for the status every `pause` until the session is logged in.
    pub(crate) async fn logged_in(&self, id: &str, pause: Duration) -> anyhow::Result<()> {
        let deadline = Instant::now() + STATE_LIMIT;
        let mut last = Value::Null;
        while Instant::now() < deadline {
            last = self.call(Method::GET, &format!("/{id}/status"), None).await?;
            if last["is_logged_in"] == true {
                return Ok(());
            }
            tokio::time::sleep(pause).await;
        }
        bail!("session {id} is not logged in within {STATE_LIMIT:?}: {} / {}", last["status"], last["reason"])
    }

    /// How many sessions are logged in, by the server's own list.
    pub(crate) async fn count_logged_in(&self) -> anyhow::Result<usize> {
        let reply = self.call(Method::GET, "?status=logged_in", None).await?;
        Ok(reply["sessions"].as_array().context("a list without sessions")?.len())
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> anyhow::Result<Value> {
        let name = format!("{method} /api/v1/sessions{path}");
        let mut request = self.http.request(method, format!("{}/api/v1/sessions{path}", self.base));
        request = request.bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        answer(request, &name).await
    }
}

/// The simulator's control interface. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Control {
    http: reqwest::Client,
    base: String,
}

impl Control {
    /// A client that keeps its connections; nothing is sent yet.
    pub(crate) fn new(port: u16) -> anyhow::Result<Self> {
        Ok(Self { http: http_client()?, base: format!("http://127.0.0.1:{port}") })
    }

    /// A phone comes into being.
    pub(crate) async fn add_phone(&self, phone_number: &str) -> anyhow::Result<()> {
        let body = json!({ "phone_number": phone_number, "push_name": "Bench" });
        self.post("/phones", &body).await.map(drop)
    }

    /// The phone scans a code.
    pub(crate) async fn scan(&self, phone_number: &str, qr: &str) -> anyhow::Result<()> {
        self.post(&format!("/phones/{phone_number}/scan"), &json!({ "qr": qr })).await.map(drop)
    }

    /// The number of the phone's first linked device.
    pub(crate) async fn device(&self, phone_number: &str) -> anyhow::Result<u64> {
        let path = format!("/phones/{phone_number}/devices");
        let devices = answer(self.http.get(format!("{}{path}", self.base)), &path).await?;
        devices[0]["id"].as_u64().with_context(|| format!("the phone {phone_number} has no linked device"))
    }

    /// What the simulator has counted.
    pub(crate) async fn stats(&self) -> anyhow::Result<Value> {
        answer(self.http.get(format!("{}/stats", self.base)), "GET /stats").await
    }

    async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        answer(self.http.post(format!("{}{path}", self.base)).json(body), path).await
    }
}

fn http_client() -> anyhow::Result<reqwest::Client> {
    Ok(reqwest::Client::builder().timeout(REPLY_LIMIT).build()?)
}

/// The reply's JSON; a refusal is an error that says what the other side said.
async fn answer(request: reqwest::RequestBuilder, name: &str) -> anyhow::Result<Value> {
    let reply = request.send().await.with_context(|| format!("{name}: no reply"))?;
    let status = reply.status();
    let text = reply.text().await.with_context(|| format!("{name}: the reply broke off"))?;
    ensure!(status.is_success(), "{name}: {status}: {text}");
    if text.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_str(&text).with_context(|| format!("{name}: not JSON: {text}"))
}
