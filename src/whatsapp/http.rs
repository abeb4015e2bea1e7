//! The library's HTTP client, on the one HTTP client that the project has. Talks to WhatsApp's own hosts only.
//!
//! What passes here is held in memory as a whole: what the phone tells of the time before it linked the session, and large parts of the
//! app state. So few are fetched at the same time, whatever the number of sessions, and none may be large.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Semaphore;
use whatsapp_rust::http::{HttpClient, HttpRequest, HttpResponse};

use crate::whatsapp::transport::Progress;

/// Longest wait for a whole reply.
const REPLY_LIMIT: Duration = Duration::from_secs(60);
/// Longest wait for a connection.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// Largest reply that is read, bytes. A part of a history has one to a few megabytes; the library unpacks no more than 64 MB of it,
/// piece by piece.
const REPLY_BYTES: usize = 32 * 1024 * 1024;
/// Replies that are read at the same time, in the whole process.
const AT_ONCE: usize = 4;
/// The script that names the current protocol version.
const VERSION_PATH: &str = "/sw.js";

/// The client that all sessions share. Made for the first request: it reads the system's root certificates, and with a version that
/// is fixed by configuration there is none.
#[derive(Clone)]
pub(super) struct SharedClient {
    client: Arc<OnceLock<reqwest::Client>>,
    /// Who may read a reply now.
    turns: Arc<Semaphore>,
}

impl Default for SharedClient {
    fn default() -> Self {
        Self { client: Arc::default(), turns: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

impl SharedClient {
    fn get(&self) -> reqwest::Result<&reqwest::Client> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = reqwest::Client::builder().timeout(REPLY_LIMIT).connect_timeout(CONNECT_LIMIT).build()?;
        Ok(self.client.get_or_init(|| client))
    }
}

/// One session's view of the shared client; notes when the version could not be learnt.
pub(super) struct SessionHttp {
    pub(super) client: SharedClient,
    pub(super) progress: Arc<Progress>,
    /// False where the protocol version is fixed by configuration: then nothing is fetched at all.
    pub(super) may_fetch: bool,
}

#[async_trait]
impl HttpClient for SessionHttp {
    async fn execute(&self, request: HttpRequest) -> anyhow::Result<HttpResponse> {
        let is_version = request.url.ends_with(VERSION_PATH);
        // A login waits for the version: it does not wait behind what others fetch.
        let _turn = if is_version { None } else { Some(self.client.turns.acquire().await?) };
        let outcome = if self.may_fetch { self.fetch(request).await } else { Err(anyhow::anyhow!("no requests here")) };
        let failed = outcome.as_ref().map_or(true, |reply| reply.status_code >= 300);
        if is_version && failed {
            self.progress.version_failed();
        }
        outcome
    }
}

impl SessionHttp {
    async fn fetch(&self, request: HttpRequest) -> anyhow::Result<HttpResponse> {
        let mut call = self.client.get()?.request(request.method.parse()?, &request.url);
        for (name, value) in &request.headers {
            call = call.header(name, value);
        }
        if let Some(body) = request.body {
            call = call.body(body);
        }
        let mut reply = call.send().await?;
        let status_code = reply.status().as_u16();
        let mut body = Vec::new();
        while let Some(chunk) = reply.chunk().await? {
            anyhow::ensure!(body.len() + chunk.len() <= REPLY_BYTES, "the reply is larger than {REPLY_BYTES} bytes");
            body.extend_from_slice(&chunk);
        }
        Ok(HttpResponse { status_code, body })
    }
}
