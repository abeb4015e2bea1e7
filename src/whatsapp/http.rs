//! The library's HTTP client, on the one HTTP client that the project has. Talks to WhatsApp's own hosts only, over TLS. In the sandbox,
//! where WhatsApp is a simulator, it talks to loopback only: the simulator's media hosts speak HTTP, while the library puts `https://`
//! before the name of each host.
//!
//! What the library fetches by itself is held in memory as a whole: what the phone tells of the time before it linked the session, and
//! large parts of the app state. So few are fetched at the same time, whatever the number of sessions, and none may be large. That is
//! why this client does not say that it can stream: the library would then fetch these in another way, uncounted.
//!
//! Files of messages are streamed, by `transfer` and `execute_upload`. Nothing limits how long one
//! may take, since 2 GB over a slow line take hours; but each piece has a limit.

mod body;
mod host;
pub(super) mod transfer;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use whatsapp_rust::http::{HttpClient, HttpRequest, HttpResponse};
use whatsapp_rust::wacore::net::UploadBody;

use crate::whatsapp::http::host::Reach;
use crate::whatsapp::transport::Progress;

/// Longest wait for a whole reply that is kept in memory.
const REPLY_LIMIT: Duration = Duration::from_secs(60);
/// Longest wait for a connection.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// Largest reply that is read into memory, bytes. A part of a history has one to a few megabytes; the library unpacks no more than 64 MB
/// of it, piece by piece.
const REPLY_BYTES: usize = 32 * 1024 * 1024;
/// Replies that are read into memory at the same time, in the whole process.
const AT_ONCE: usize = 4;
/// The script that names the current protocol version.
const VERSION_PATH: &str = "/sw.js";

/// The client that all sessions share. Made for the first request: it reads the system's root certificates, and with a version that
/// is fixed by configuration there may be none.
#[derive(Clone)]
pub(super) struct SharedClient {
    client: Arc<OnceLock<reqwest::Client>>,
    /// Who may read a reply into memory now.
    turns: Arc<Semaphore>,
    reach: Reach,
}

impl SharedClient {
    /// A client that reaches WhatsApp; or only this machine, if WhatsApp is to be found at another address than its own.
    pub(super) fn new(is_simulated: bool) -> Self {
        let reach = if is_simulated { Reach::Loopback } else { Reach::WhatsApp };
        Self { client: Arc::default(), turns: Arc::new(Semaphore::new(AT_ONCE)), reach }
    }

    fn get(&self) -> reqwest::Result<&reqwest::Client> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let builder = reqwest::Client::builder().connect_timeout(CONNECT_LIMIT).redirect(self.reach.redirects());
        // Where WhatsApp is simulated there is no way out of this machine, and none through a proxy either.
        let builder = if self.reach == Reach::Loopback { builder.no_proxy() } else { builder };
        let client = builder.build()?;
        Ok(self.client.get_or_init(|| client))
    }

    fn request(&self, method: &str, url: &str) -> anyhow::Result<reqwest::RequestBuilder> {
        Ok(self.get()?.request(method.parse()?, self.reach.address(url)?))
    }
}

/// One session's view of the shared client; notes when the version could not be learnt.
pub(super) struct SessionHttp {
    pub(super) client: SharedClient,
    pub(super) progress: Arc<Progress>,
}

#[async_trait]
impl HttpClient for SessionHttp {
    async fn execute(&self, request: HttpRequest) -> anyhow::Result<HttpResponse> {
        let is_version = request.url.ends_with(VERSION_PATH);
        // A login waits for the version: it does not wait behind what others fetch.
        let _turn = if is_version { None } else { Some(self.client.turns.acquire().await?) };
        let outcome = self.fetch(request).await;
        let failed = outcome.as_ref().map_or(true, |reply| reply.status_code >= 300);
        if is_version && failed {
            self.progress.version_failed();
        }
        outcome
    }

    fn supports_upload_streaming(&self) -> bool {
        true
    }

    /// Runs on a thread that may block: it reads the file, while the runtime's own threads send it.
    fn execute_upload(&self, request: HttpRequest, body: UploadBody, length: u64) -> anyhow::Result<HttpResponse> {
        let mut call = self.client.request(&request.method, &request.url)?;
        for (name, value) in &request.headers {
            call = call.header(name, value);
        }
        Handle::current().block_on(body::upload(call, body, length))
    }
}

impl SessionHttp {
    async fn fetch(&self, request: HttpRequest) -> anyhow::Result<HttpResponse> {
        let mut call = self.client.request(&request.method, &request.url)?.timeout(REPLY_LIMIT);
        for (name, value) in &request.headers {
            call = call.header(name, value);
        }
        if let Some(body) = request.body {
            call = call.body(body);
        }
        body::whole(call.send().await?, REPLY_BYTES).await
    }
}
