//! Fetches a whole file from an address that a user gave, piece by piece. No redirect is followed: what is fetched is sent to somebody,
//! and should come from where its sender says.

use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, LOCATION, USER_AGENT};
use reqwest::Response;
use secrecy::SecretString;
use tokio::time::{Instant, timeout_at};

use crate::egress::{AGENT, Egress, read, reason};

/// What is told of what did not come in time.
const LATE: &str = "the file did not come in time";

/// A file that is being fetched.
#[derive(Debug)]
pub struct Download {
    response: Response,
    until: Instant,
}

impl Egress {
    /// Begins to fetch what is at an address; all of it must have come by a moment.
    ///
    /// # Errors
    /// Why it cannot be had, without the address: its query may hold a secret.
    pub async fn download(&self, url: &str, until: Instant) -> Result<Download, String> {
        let url = read(&SecretString::from(url)).map_err(|rule| format!("the address {rule}"))?;
        if let Some(refusal) = self.refusal(&url) {
            return Err(refusal.to_string());
        }
        let client = &self.clients().map_err(|error| reason(&error))?.fresh;
        let request = client.get(url).header(USER_AGENT, AGENT).header(ACCEPT, "*/*");
        let asked = timeout_at(until, request.header(ACCEPT_ENCODING, "identity").send()).await;
        let response = asked.map_err(|_| LATE.to_owned())?.map_err(|error| reason(&error))?;
        let status = response.status();
        if status.is_redirection() && response.headers().contains_key(LOCATION) {
            return Err(format!("the server answered {}, and redirects are not followed", status.as_u16()));
        }
        // Of a part (206) or of nothing (204) nobody could tell that it is not the file.
        if status.as_u16() != 200 {
            return Err(format!("the server answered {}", status.as_u16()));
        }
        let coding = response.headers().get(CONTENT_ENCODING).map(|coding| coding.as_bytes().trim_ascii());
        if coding.is_some_and(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity")) {
            return Err("the server answered with a Content-Encoding, which was not asked for".to_owned());
        }
        Ok(Download { response, until })
    }
}

impl Download {
    /// How many bytes there are, if the server said so.
    pub fn length(&self) -> Option<u64> {
        self.response.content_length()
    }

    /// The next bytes; None after the last.
    ///
    /// # Errors
    /// Why there are no more although the file is not whole.
    pub async fn next(&mut self) -> Result<Option<Bytes>, String> {
        match timeout_at(self.until, self.response.chunk()).await {
            Ok(piece) => piece.map_err(|error| reason(&error)),
            Err(_) => Err(LATE.to_owned()),
        }
    }
}
