//! One chat as a client of the server sees it: posts over a connection of its own, one after the other.

use std::net::SocketAddr;

use anyhow::ensure;
use serde_json::json;

use crate::http::{self, Connection};
use crate::sends::plan::{Chat, Plan, Round};
use crate::world::{Server, TOKEN, session_id};

/// When a post is to be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answered {
    /// When WhatsApp has acknowledged the message: 201.
    Acknowledged,
    /// When it is written down: 202.
    Accepted,
}

impl Answered {
    fn query(self) -> &'static str {
        match self {
            Self::Acknowledged => "",
            Self::Accepted => "?wait=0",
        }
    }

    fn status(self) -> u16 {
        match self {
            Self::Acknowledged => 201,
            Self::Accepted => 202,
        }
    }
}

/// Texts that are posted to one chat.
struct PostedChat {
    connection: Connection,
    address: SocketAddr,
    path: String,
    to: String,
    answered: Answered,
}

impl Chat for PostedChat {
    async fn send(&mut self, text: String) -> anyhow::Result<()> {
        let body = json!({ "to": self.to, "content": { "type": "text", "text": text } }).to_string();
        let request = http::request(self.address, TOKEN, &self.path, Some(&body));
        let (status, answer) = self.connection.exchange(&request).await?;
        let answer = String::from_utf8_lossy(answer);
        ensure!(status == self.answered.status(), "POST {}: {status}: {answer}", self.path);
        Ok(())
    }
}

/// Posts what is planned, from this process.
pub(crate) async fn post(server: &Server, plan: Plan, answered: Answered) -> anyhow::Result<Round> {
    let address = SocketAddr::from(([127, 0, 0, 1], server.port));
    let mut chats = Vec::new();
    for number in 0..plan.chats.all() {
        let session = session_id(plan.chats.session(number));
        let path = format!("/api/v1/sessions/{session}/messages{}", answered.query());
        let (to, _) = plan.chats.numbers(number);
        // Others than in the part before: the server closes those that nobody uses for a minute. It has few places for
        // those that have not said anything.
        let mut connection = Connection::open(address).await?;
        connection.ask(&http::request(address, TOKEN, "/readyz", None)).await?;
        chats.push(PostedChat { connection, address, path, to, answered });
    }
    plan.carry_out(chats).await
}
