//! Fetches the beginning of what is at an address that a user gave: a page, or a small picture.
//!
//! Redirects are followed, since most links that people send have one, but few of them. Each is a request of its own through the same
//! guard, so it leads nowhere that its own address would not, and never from `https` to `http`. Nothing is kept between two requests:
//! no connection, no cookie, and no word about where a link was found.

use http::header::{ACCEPT, CONTENT_TYPE, LOCATION, USER_AGENT};
use reqwest::{Response, Url};
use secrecy::SecretString;
use tokio::time::{Instant, timeout_at};

use crate::egress::{AGENT, Egress, is_web, read};

/// Redirects that are followed. Shortened links have one, those to a site's other name one more.
const REDIRECTS_MAX: usize = 3;

/// What was fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// Where it was in the end.
    pub url: String,
    /// In which charset it says it is written, in small letters.
    pub charset: Option<String>,
    /// Its first bytes.
    pub body: Vec<u8>,
    /// Whether these are all of it.
    pub is_whole: bool,
}

impl Egress {
    /// Fetches the first `most` bytes of what is at an address, if it is of this media type, until a moment. What has come by then
    /// counts. None whatever the reason: who asks goes on without it.
    pub async fn fetch(&self, url: &str, media_type: &str, most: usize, until: Instant) -> Option<Fetched> {
        let mut url = admitted(url)?;
        for _ in 0..=REDIRECTS_MAX {
            let response = self.get(url.clone(), media_type, until).await?;
            if response.status().is_redirection() {
                url = next(&url, &response)?;
                continue;
            }
            if !response.status().is_success() {
                return None;
            }
            let (found, charset) = content_type(&response)?;
            if found != media_type {
                return None;
            }
            let (body, is_whole) = first_bytes(response, most, until).await;
            return Some(Fetched { url: url.into(), charset, body, is_whole });
        }
        None
    }

    async fn get(&self, url: Url, media_type: &str, until: Instant) -> Option<Response> {
        if self.refusal(&url).is_some() {
            return None;
        }
        let request = self.clients().ok()?.fresh.get(url).header(USER_AGENT, AGENT).header(ACCEPT, media_type);
        timeout_at(until, request.send()).await.ok()?.ok()
    }
}

/// What a link on a page leads to: an `http` or `https` address.
pub fn joined(page: &str, link: &str) -> Option<String> {
    let url = Url::parse(page).ok()?.join(link.trim()).ok()?;
    is_web(&url).then(|| url.into())
}

/// An address that may be asked, as far as can be said without its name's addresses.
fn admitted(url: &str) -> Option<Url> {
    read(&SecretString::from(url)).ok()
}

/// Where a redirect leads. From `https` it leads to nothing that others on the way could read or change.
fn next(url: &Url, response: &Response) -> Option<Url> {
    let location = response.headers().get(LOCATION)?.to_str().ok()?;
    let next = admitted(url.join(location).ok()?.as_str())?;
    (url.scheme() == "http" || next.scheme() == "https").then_some(next)
}

/// Media type and charset of an answer, in small letters.
fn content_type(response: &Response) -> Option<(String, Option<String>)> {
    let value = response.headers().get(CONTENT_TYPE)?.to_str().ok()?.to_ascii_lowercase();
    let mut parts = value.split(';').map(str::trim);
    let media_type = parts.next()?.to_owned();
    let charset = parts.find_map(|part| part.strip_prefix("charset="));
    Some((media_type, charset.map(|charset| charset.trim_matches('"').to_owned())))
}

/// The first bytes of an answer that came in time, and whether they are all of it.
async fn first_bytes(mut response: Response, most: usize, until: Instant) -> (Vec<u8>, bool) {
    let mut bytes = Vec::new();
    loop {
        match timeout_at(until, response.chunk()).await {
            Ok(Ok(Some(chunk))) if chunk.len() > most - bytes.len() => {
                bytes.extend_from_slice(&chunk[..most - bytes.len()]);
                return (bytes, false);
            }
            Ok(Ok(Some(chunk))) => bytes.extend_from_slice(&chunk),
            Ok(Ok(None)) => return (bytes, true),
            Ok(Err(_)) | Err(_) => return (bytes, false),
        }
    }
}
