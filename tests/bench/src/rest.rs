//! The server's REST interface, as far as the measurements need it. Every wait has a limit.

pub(crate) mod message;

use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Longest wait for one reply; the first QR code may take ten seconds.
const REPLY_LIMIT: Duration = Duration::from_secs(30);
/// Longest wait for a session to become what it should, under full load.
const STATE_LIMIT: Duration = Duration::from_secs(120);

/// Events of a page of the journal, the most that the server gives.
const PAGE: usize = 1000;
/// What all webhooks are signed with here.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A webhook that is to be created.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Webhook {
    url: String,
    events: Vec<String>,
    secret: &'static str,
}

impl Webhook {
    /// One that gets these events, signed.
    pub(crate) fn new(url: String, events: &[&str]) -> Self {
        Self { url, events: events.iter().map(|&event| event.to_owned()).collect(), secret: SECRET }
    }
}

/// An event as the journal shows it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Event {
    pub(crate) id: String,
    pub(crate) session_id: String,
    pub(crate) event: String,
    pub(crate) sequence: u64,
    pub(crate) data: Value,
}

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
        self.create_with(id, None).await
    }

    /// `createSession`, with its first webhook.
    pub(crate) async fn create_with(&self, id: &str, webhook: Option<&Webhook>) -> anyhow::Result<()> {
        self.call(Method::POST, "", Some(json!({ "id": id, "webhook": webhook }))).await.map(drop)
    }

    /// `createSessionWebhook`. Gives its id.
    pub(crate) async fn add_webhook(&self, session: &str, webhook: &Webhook) -> anyhow::Result<String> {
        let created = self.call(Method::POST, &format!("/{session}/webhooks"), Some(json!(webhook))).await?;
        created["id"].as_str().map(str::to_owned).context("a webhook without an id")
    }

    /// `deleteSessionWebhook`.
    pub(crate) async fn delete_webhook(&self, session: &str, webhook: &str) -> anyhow::Result<()> {
        self.call(Method::DELETE, &format!("/{session}/webhooks/{webhook}"), None).await.map(drop)
    }

    /// All that the journal has behind a cursor, of all sessions or one, and where to read on.
    pub(crate) async fn journal(
        &self,
        session: Option<&str>,
        mut after: Option<String>,
    ) -> anyhow::Result<(Vec<Event>, Option<String>)> {
        let mut events = Vec::new();
        loop {
            let mut path = format!("/events?limit={PAGE}");
            path.extend(session.iter().map(|session| format!("&session={session}")));
            path.extend(after.iter().map(|after| format!("&after={after}")));
            let page = self.ask(Method::GET, &path, None).await?;
            let some: Vec<Event> = serde_json::from_value(page["events"].clone())?;
            after = page["next_cursor"].as_str().map(str::to_owned).or(after);
            if some.is_empty() {
                return Ok((events, after));
            }
            events.extend(some);
        }
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
        self.ask(method, &format!("/sessions{path}"), body).await
    }

    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> anyhow::Result<Value> {
        let name = format!("{method} /api/v1{path}");
        let mut request = self.http.request(method, format!("{}/api/v1{path}", self.base));
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
        let devices = self.devices(phone_number).await?;
        devices[0]["id"].as_u64().with_context(|| format!("the phone {phone_number} has no linked device"))
    }

    /// What the simulator has counted.
    pub(crate) async fn stats(&self) -> anyhow::Result<Value> {
        answer(self.http.get(format!("{}/stats", self.base)), "GET /stats").await
    }

    /// Lets a phone write to another, once or so many times. Gives the messages' ids.
    pub(crate) async fn send(
        &self,
        from: &str,
        to: &str,
        text: &str,
        count: Option<usize>,
    ) -> anyhow::Result<Vec<String>> {
        let reply =
            self.post(&format!("/phones/{from}/messages"), &json!({ "to": to, "text": text, "count": count })).await?;
        Ok(serde_json::from_value(reply["ids"].clone())?)
    }

    /// Messages that devices have acknowledged.
    pub(crate) async fn acknowledged(&self) -> anyhow::Result<u64> {
        self.stats().await?["acknowledged"].as_u64().context("stats without `acknowledged`")
    }

    /// Messages that the phone's devices have not acknowledged.
    pub(crate) async fn undelivered(&self, phone_number: &str) -> anyhow::Result<u64> {
        let devices = self.devices(phone_number).await?;
        let devices = devices.as_array().context("no list of devices")?;
        Ok(devices.iter().filter_map(|device| device["undelivered"].as_u64()).sum())
    }

    async fn devices(&self, phone_number: &str) -> anyhow::Result<Value> {
        let path = format!("/phones/{phone_number}/devices");
        answer(self.http.get(format!("{}{path}", self.base)), &path).await
    }

    async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        answer(self.http.post(format!("{}{path}", self.base)).json(body), path).await
    }
}

/// A client that keeps its connections and whose waits have a limit.
pub(crate) fn http_client() -> anyhow::Result<reqwest::Client> {
    Ok(reqwest::Client::builder().timeout(REPLY_LIMIT).build()?)
}

/// The reply's JSON; a refusal is an error that says what the other side said.
pub(crate) async fn answer(request: reqwest::RequestBuilder, name: &str) -> anyhow::Result<Value> {
    let reply = request.send().await.with_context(|| format!("{name}: no reply"))?;
    let status = reply.status();
    let text = reply.text().await.with_context(|| format!("{name}: the reply broke off"))?;
    ensure!(status.is_success(), "{name}: {status}: {text}");
    if text.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_str(&text).with_context(|| format!("{name}: not JSON: {text}"))
}
