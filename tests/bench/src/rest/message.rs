//! Messages over the server's REST interface, and what the simulator says of them.

use anyhow::Context;
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::rest::{Control, Rest, answer};

/// Messages of a page, the most that the server gives.
const PAGE: usize = 100;
/// The states in which it is not known yet what becomes of a message.
pub(crate) const OPEN: [&str; 4] = ["scheduled", "queued", "sending", "unconfirmed"];

/// A text that is to be sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewText<'a> {
    pub(crate) to: &'a str,
    pub(crate) text: &'a str,
    pub(crate) client_reference: &'a str,
    /// Seconds for which WhatsApp's answer is waited for.
    pub(crate) wait_seconds: u64,
}

/// What became of a post, as its client sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Posted {
    /// It is accepted, as the message with this id.
    Accepted(String),
    /// It is refused, with these words.
    Refused(String),
    /// It did not reach the server, or the server cannot take it now and says so.
    NotTaken,
    /// Nobody knows.
    Unanswered,
}

/// A message as the server shows it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct ShownMessage {
    pub(crate) id: String,
    /// None for what was not sent through the server.
    pub(crate) status: Option<String>,
    pub(crate) failed: Option<Failure>,
    pub(crate) client_reference: Option<String>,
}

/// Why it was not sent.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Failure {
    pub(crate) code: String,
}

/// A message as the simulator's book has it, with all its copies.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct SentMessage {
    pub(crate) id: String,
    /// The phone number that it is for.
    pub(crate) to: String,
    /// None if no copy could be opened.
    pub(crate) content: Option<Content>,
    /// How often it was sent.
    pub(crate) copies: usize,
    /// How many different contents these had.
    pub(crate) contents: usize,
    pub(crate) is_taken: bool,
    /// Its place among all that was taken of the account.
    pub(crate) place: Option<u64>,
}

/// What it says.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Content {
    pub(crate) text: String,
}

impl SentMessage {
    /// Its text, if a copy could be opened.
    pub(crate) fn text(&self) -> Option<&str> {
        self.content.as_ref().map(|content| content.text.as_str())
    }
}

impl Rest {
    /// `sendMessage`. That the server does not answer is no error here.
    ///
    /// # Errors
    /// It answers something else than a message or a refusal.
    pub(crate) async fn post_text(&self, session: &str, new: &NewText<'_>) -> anyhow::Result<Posted> {
        let NewText { to, text, client_reference, wait_seconds } = *new;
        let body = json!({
            "to": to,
            "content": { "type": "text", "text": text },
            "client_reference": client_reference,
        });
        let address = format!("{}/api/v1/sessions/{session}/messages?wait={wait_seconds}", self.base);
        let reply = match self.http.post(address).bearer_auth(&self.token).json(&body).send().await {
            Ok(reply) => reply,
            Err(error) if error.is_connect() => return Ok(Posted::NotTaken),
            Err(_) => return Ok(Posted::Unanswered),
        };
        let status = reply.status();
        let Ok(text) = reply.text().await else { return Ok(Posted::Unanswered) };
        if status.is_success() {
            let message: Value = serde_json::from_str(&text)?;
            return Ok(Posted::Accepted(message["id"].as_str().context("a message without an id")?.to_owned()));
        }
        Ok(match status {
            StatusCode::TOO_MANY_REQUESTS => Posted::NotTaken,
            // Not even the server may know whether its database has written it.
            status if status.is_server_error() => Posted::Unanswered,
            _ => Posted::Refused(format!("{status}: {text}")),
        })
    }

    /// `listMessages`: all that the account has sent, newest first.
    pub(crate) async fn sent_messages(&self, session: &str) -> anyhow::Result<Vec<ShownMessage>> {
        let mut messages = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let mut path = format!("/{session}/messages?direction=outgoing&limit={PAGE}");
            path.extend(after.iter().map(|after| format!("&after={after}")));
            let page = self.call(Method::GET, &path, None).await?;
            messages.extend(serde_json::from_value::<Vec<ShownMessage>>(page["messages"].clone())?);
            after = page["next_cursor"].as_str().map(str::to_owned);
            if after.is_none() {
                return Ok(messages);
            }
        }
    }

    /// Messages of the session that are still to be sent, or are in doubt; of each state as many as a page has, at most.
    pub(crate) async fn count_open(&self, session: &str) -> anyhow::Result<usize> {
        let mut open = 0;
        for status in OPEN {
            let page =
                self.call(Method::GET, &format!("/{session}/messages?status={status}&limit={PAGE}"), None).await?;
            open += page["messages"].as_array().map_or(0, Vec::len);
        }
        Ok(open)
    }

    /// `disconnectSession`.
    pub(crate) async fn disconnect(&self, session: &str) -> anyhow::Result<()> {
        self.call(Method::POST, &format!("/{session}/disconnect"), None).await.map(drop)
    }

    /// `connectSession`.
    pub(crate) async fn connect(&self, session: &str) -> anyhow::Result<()> {
        self.call(Method::POST, &format!("/{session}/connect"), None).await.map(drop)
    }
}

impl Control {
    /// All that an account's companions have sent to people, in the order of the first copies.
    pub(crate) async fn sent(&self, phone_number: &str) -> anyhow::Result<Vec<SentMessage>> {
        let path = format!("/phones/{phone_number}/sent");
        Ok(serde_json::from_value(answer(self.http.get(format!("{}{path}", self.base)), &path).await?)?)
    }

    /// The ids of all messages that a phone has.
    pub(crate) async fn inbox_ids(&self, phone_number: &str) -> anyhow::Result<Vec<String>> {
        let path = format!("/phones/{phone_number}/inbox");
        let inbox = answer(self.http.get(format!("{}{path}", self.base)), &path).await?;
        let inbox = inbox.as_array().context("no list of messages")?;
        Ok(inbox.iter().filter_map(|message| message["id"].as_str().map(str::to_owned)).collect())
    }

    /// Messages that companions have sent, all copies counted.
    pub(crate) async fn received(&self) -> anyhow::Result<u64> {
        self.stats().await?["received"].as_u64().context("stats without `received`")
    }

    /// How many stanzas the simulator did not know, and rules of the real server that were broken.
    pub(crate) async fn complaints(&self) -> anyhow::Result<usize> {
        let stats = self.stats().await?;
        Ok(["unknown", "violations"].map(|list| stats[list].as_array().map_or(0, Vec::len)).iter().sum())
    }
}
