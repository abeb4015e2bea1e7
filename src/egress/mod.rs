//! The guarded client: the only way to an address that a user gave.
//!
//! A name is resolved, of its addresses only those that may be reached are dialled, and nothing else, so that a name cannot
//! change its mind in between. An address that stands in the URL itself is checked at each request. What is posted follows no redirects,
//! what is fetched ([`fetch`]) a few, each as a request of its own; no proxy of the environment is asked.

pub mod download;
pub mod fetch;
pub mod networks;

mod guard;
mod kept;
#[cfg(test)]
mod tests;

use std::error::Error as StdError;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::HeaderMap;
use http::header::RETRY_AFTER;
use reqwest::redirect::Policy;
use reqwest::{Client, Response, Url};
use secrecy::{ExposeSecret, SecretString};

use crate::egress::guard::{Guard, Lookup, NameRefusal, System, Unresolved, reachable};
use crate::egress::kept::{IDLE, Kept};
use crate::egress::networks::{Networks, Refusal};
use crate::error::{Error, Result};

/// Who we are, to those who are asked.
pub const AGENT: &str = concat!("Waypost/", env!("CARGO_PKG_VERSION"));

/// Most of a reply that is read and kept, bytes.
const REPLY_BYTES: usize = 16 * 1024;
/// Longest wait for what a name of this machine leads to, when an address is written down.
const LOOKUP_LIMIT: Duration = Duration::from_secs(2);
/// Longest wait for a connection.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// How many such connections are kept for one receiver: as many as are used at the same time while many sessions deliver.
const IDLE_OF_ONE: usize = 32;
/// Headers of an answer, at most. Its status counts, whatever a proxy has added.
const HEADERS_MAX: usize = 1_000;

/// What came of one request.
#[derive(Debug)]
pub struct Attempted {
    /// The status of the answer.
    pub status: Option<u16>,
    /// The first 16 KiB of the answer.
    pub reply: Option<String>,
    /// The header of that name.
    pub retry_after: Option<String>,
    /// Why it counts as failed; None after an answer of 200 to 299.
    pub failure: Option<String>,
    /// How long it took.
    pub duration: Duration,
}

/// The guarded client.
#[derive(Clone, Debug)]
pub struct Egress {
    guard: Arc<Guard>,
    clients: Arc<OnceLock<Clients>>,
    kept: Arc<Kept>,
    allowed: Arc<Networks>,
    lookup: Arc<dyn Lookup>,
}

/// Made when the first request is sent: each reads the system's root certificates.
// That was the largest part of the processor time of a start, and a server without webhooks needs none of it.
#[derive(Debug)]
struct Clients {
    /// Keeps connections.
    keeping: Client,
    /// Makes a new one each time.
    fresh: Client,
}

impl Egress {
    /// A client that reaches the internet, and these networks.
    pub fn new(allowed: Networks) -> Self {
        Self::with(allowed, Arc::new(System))
    }

    fn with(allowed: Networks, lookup: Arc<dyn Lookup>) -> Self {
        let allowed = Arc::new(allowed);
        let guard = Arc::new(Guard::new(Arc::clone(&allowed), Arc::clone(&lookup)));
        Self { guard, clients: Arc::default(), kept: Arc::default(), allowed, lookup }
    }

    fn clients(&self) -> reqwest::Result<&Clients> {
        if let Some(clients) = self.clients.get() {
            return Ok(clients);
        }
        let client = |idle| {
            Client::builder()
                .dns_resolver(Arc::clone(&self.guard))
                .no_proxy()
                .redirect(Policy::none())
                .referer(false)
                .connect_timeout(CONNECT_LIMIT)
                .pool_idle_timeout(IDLE)
                .pool_max_idle_per_host(idle)
                .http1_max_headers(HEADERS_MAX)
                .build()
        };
        let clients = Clients { keeping: client(IDLE_OF_ONE)?, fresh: client(0)? };
        Ok(self.clients.get_or_init(|| clients))
    }

    /// Refuses an address that can never be posted to. What a name resolves to is looked at with each request; here only what a
    /// name of this machine does, which asks nobody else and is the same then.
    ///
    /// # Errors
    /// `Invalid`, with the field.
    pub async fn admit(&self, field: &str, url: &SecretString) -> Result<()> {
        let url = read(url).map_err(|rule| Error::invalid(field, rule))?;
        let refusal = match self.refusal(&url) {
            Some(refusal) => Some(refusal.to_string()),
            None => self.local_refusal(&url).await.map(|refusal| refusal.to_string()),
        };
        refusal.map_or(Ok(()), |why| Err(Error::invalid(field, format!("must not be posted to: {why}"))))
    }

    /// Why a name of this machine may not be posted to: `localhost`, and what ends in it (RFC 6761).
    async fn local_refusal(&self, url: &Url) -> Option<NameRefusal> {
        let name = url.host_str()?.trim_end_matches('.');
        if name != "localhost" && !name.ends_with(".localhost") {
            return None;
        }
        let found = tokio::time::timeout(LOOKUP_LIMIT, self.lookup.lookup(name.to_owned())).await.ok()?.ok()?;
        reachable(&self.allowed, found).err()?.downcast().ok().map(|refusal| *refusal)
    }

    /// Why the address that stands in a URL may not be reached. A URL with a name has none: the name is for the guard.
    fn refusal(&self, url: &Url) -> Option<Refusal> {
        let host = url.host_str()?.trim_start_matches('[').trim_end_matches(']');
        self.allowed.refusal(host.parse::<IpAddr>().ok()?)
    }

    /// Posts something, and waits for the answer at most so long.
    pub async fn post(&self, url: &SecretString, headers: HeaderMap, body: Vec<u8>, limit: Duration) -> Attempted {
        let began = Instant::now();
        let answer = self.answer(url, headers, body, limit).await;
        let duration = began.elapsed();
        match answer {
            Ok(Answer { status, reply, retry_after }) => {
                let failure = (!(200..300).contains(&status)).then(|| format!("the receiver answered {status}"));
                Attempted { status: Some(status), reply: Some(reply), retry_after, failure, duration }
            }
            Err(why) => Attempted { status: None, reply: None, retry_after: None, failure: Some(why), duration },
        }
    }

    async fn answer(
        &self,
        url: &SecretString,
        headers: HeaderMap,
        body: Vec<u8>,
        limit: Duration,
    ) -> Result<Answer, String> {
        let url = read(url).map_err(str::to_owned)?;
        if let Some(refusal) = self.refusal(&url) {
            return Err(refusal.to_string());
        }
        let deadline = tokio::time::Instant::now() + limit;
        let response = self.send(url, headers, body.into());
        let response = match tokio::time::timeout_at(deadline, response).await {
            Ok(response) => response.map_err(|error| reason(&error))?,
            Err(_) => return Err(format!("no answer within {} s", limit.as_secs())),
        };
        let status = response.status().as_u16();
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()).map(str::to_owned);
        // The status counts, even if the rest of the answer never comes.
        let reply = beginning(response, deadline).await;
        Ok(Answer { status, reply, retry_after })
    }
}

impl Egress {
    /// Sends a request, on a connection that was kept if there is one. When the receiver had ended that, which it need not say, the
    /// request never came to anybody: it is sent again, on a new one.
    async fn send(&self, url: Url, headers: HeaderMap, body: Bytes) -> reqwest::Result<Response> {
        let receiver = kept::receiver(&url);
        let Clients { keeping, fresh } = self.clients()?;
        let post = |client: &Client, url, headers| client.post(url).headers(headers).body(body.clone()).send();
        if !self.kept.keeps(&receiver, Instant::now()) {
            return post(fresh, url, headers).await;
        }
        let may_be_kept = self.kept.may_have_one(&receiver, Instant::now());
        let response = post(keeping, url.clone(), headers.clone()).await;
        match &response {
            Err(error) if may_be_kept && kept::has_ended(error) => {
                self.kept.lost(&receiver, Instant::now());
                return post(fresh, url, headers).await;
            }
            Ok(_) => self.kept.answered(&receiver, Instant::now()),
            Err(_) => {}
        }
        response
    }
}

struct Answer {
    status: u16,
    reply: String,
    retry_after: Option<String>,
}

/// Whether a text is an `http` or `https` address, in the grammar with which it is posted to.
pub fn is_web_address(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| is_web(&url))
}

fn is_web(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https") && url.host_str().is_some_and(|host| !host.is_empty())
}

/// Whether two addresses are the same receiver's: scheme, host and port.
pub fn is_same_receiver(one: &SecretString, other: &SecretString) -> bool {
    let origin = |url: &SecretString| Url::parse(url.expose_secret()).ok().map(|url| url.origin());
    origin(one).is_some_and(|origin_of_one| origin(other) == Some(origin_of_one))
}

/// The URL of a receiver. Numbers in every spelling are addresses after this.
fn read(url: &SecretString) -> Result<Url, &'static str> {
    let Ok(url) = Url::parse(url.expose_secret()) else { return Err("must be an http or https address") };
    if !is_web(&url) {
        return Err("must be an http or https address");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not have a user or a password in it; send an `authorization` header instead");
    }
    if url.port() == Some(0) {
        return Err("must not have the port 0");
    }
    Ok(url)
}

/// The first bytes of an answer that came in time, as text. PostgreSQL keeps no NUL.
async fn beginning(mut response: Response, deadline: tokio::time::Instant) -> String {
    let mut bytes = Vec::new();
    while bytes.len() < REPLY_BYTES
        && let Ok(Ok(Some(chunk))) = tokio::time::timeout_at(deadline, response.chunk()).await
    {
        bytes.extend_from_slice(&chunk[..chunk.len().min(REPLY_BYTES - bytes.len())]);
    }
    let mut text = String::from_utf8_lossy(&bytes).replace('\0', "");
    // What stands for a byte that is no text takes three.
    text.truncate(text.floor_char_boundary(REPLY_BYTES));
    text
}

/// What went wrong, without the URL: its query may hold a secret.
fn reason(error: &reqwest::Error) -> String {
    let mut innermost: &dyn StdError = error;
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(refusal) = error.downcast_ref::<Refusal>() {
            return refusal.to_string();
        }
        if let Some(refusal) = error.downcast_ref::<NameRefusal>() {
            return refusal.to_string();
        }
        if error.is::<Unresolved>() {
            return Unresolved.to_string();
        }
        match error.downcast_ref::<std::io::Error>().map(std::io::Error::kind) {
            Some(std::io::ErrorKind::ConnectionRefused) => return "connection refused".to_owned(),
            Some(std::io::ErrorKind::ConnectionReset) => return "the receiver broke the connection".to_owned(),
            _ => {}
        }
        innermost = error;
        cause = error.source();
    }
    let what = if error.is_timeout() && error.is_connect() {
        return format!("no connection within {} s", CONNECT_LIMIT.as_secs());
    } else if error.is_connect() {
        "no connection"
    } else {
        "the request failed"
    };
    if innermost.is::<reqwest::Error>() { what.to_owned() } else { format!("{what}: {innermost}") }
}
