//! A reader of server-sent events.

use std::time::Duration;

use reqwest::{RequestBuilder, Response};
use serde_json::Value;

/// Longest wait for an event.
const LIMIT: Duration = Duration::from_secs(40);

/// A stream of events.
pub struct Events {
    reply: Response,
    unread: String,
}

impl Events {
    /// Asks for it; the request must be let in.
    pub async fn open(request: RequestBuilder) -> Self {
        let reply = request.send().await.expect("the server answers");
        assert_eq!(reply.headers()["content-type"], "text/event-stream", "{}", reply.status());
        Self { reply, unread: String::new() }
    }

    /// The next event: its name and its data. None when the stream ends in order.
    pub async fn next(&mut self) -> Option<(String, Value)> {
        // Over all of it: comments that keep the connection alive are no events.
        tokio::time::timeout(LIMIT, self.read()).await.expect("an event comes in time")
    }

    async fn read(&mut self) -> Option<(String, Value)> {
        loop {
            while let Some((event, rest)) = self.unread.split_once("\n\n") {
                let field =
                    |name| event.lines().find_map(|line| line.strip_prefix(name)).map(|text| text.trim().to_owned());
                // An event without a name is called so. src: HTML, server-sent events
                let (name, data) = (field("event:").unwrap_or("message".to_owned()), field("data:"));
                self.unread = rest.to_owned();
                // Comments keep the connection alive.
                if let Some(data) = data {
                    return Some((name, serde_json::from_str(&data).expect("it is JSON")));
                }
            }
            let chunk = self.reply.chunk().await.expect("the stream ends in order")?;
            self.unread.push_str(&String::from_utf8_lossy(&chunk));
        }
    }

    /// The data of the next event with this name that is so.
    pub async fn until(&mut self, name: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        loop {
            let (event, data) = self.next().await.unwrap_or_else(|| panic!("the stream ended before {name}"));
            if event == name && is_it(&data) {
                return data;
            }
        }
    }
}
