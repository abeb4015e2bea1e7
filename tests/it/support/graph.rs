//! A client of the GraphQL door, over HTTP and over a socket.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::support::door::{Answer, Door};
use crate::support::server::TOKEN;

/// Longest wait for a frame.
const LIMIT: Duration = Duration::from_secs(40);

impl Door {
    /// Asks for something and gives the whole answer.
    pub async fn graph(&self, query: &str, variables: Value) -> Answer {
        let body = json!({ "query": query, "variables": variables });
        self.send(self.request(Method::POST, "/graphql").json(&body)).await
    }

    /// Asks for something that succeeds, and gives its data.
    pub async fn asked(&self, query: &str, variables: Value) -> Value {
        let answer = self.graph(query, variables).await.ok();
        assert!(answer["errors"].is_null(), "{answer}");
        answer["data"].clone()
    }

    /// Asks for something that fails, and gives the first failure's code; checks that it has all that it should.
    pub async fn graph_failure(&self, query: &str, variables: Value) -> String {
        let answer = self.graph(query, variables).await;
        let failure = answer.json()["errors"][0].clone();
        assert!(failure["message"].as_str().is_some_and(|text| !text.is_empty()), "{}", answer.text());
        assert_eq!(failure["extensions"]["requestId"], answer.header("x-request-id"), "{}", answer.text());
        failure["extensions"]["code"].as_str().unwrap_or_else(|| panic!("no code: {}", answer.text())).to_owned()
    }
}

/// A socket that speaks graphql-transport-ws.
pub struct Socket(WebSocketStream<TcpStream>);

impl Socket {
    /// Opens it with a sub-protocol; the status of a refusal otherwise.
    pub async fn open(base: &str, protocol: Option<&str>) -> Result<Self, u16> {
        let host = base.trim_start_matches("http://");
        let mut request = format!("ws://{host}/graphql/ws").into_client_request().expect("an address");
        if let Some(protocol) = protocol {
            request.headers_mut().insert("sec-websocket-protocol", protocol.parse().expect("a word"));
        }
        let stream = TcpStream::connect(host).await.expect("it listens");
        match client_async(request, stream).await {
            Ok((stream, _)) => Ok(Self(stream)),
            Err(Error::Http(reply)) => Err(reply.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    /// Opens it and shows the admin token.
    pub async fn admitted(base: &str) -> Self {
        Self::holding(base, TOKEN).await
    }

    /// Opens it and shows a token.
    pub async fn holding(base: &str, token: &str) -> Self {
        let mut socket = Self::open(base, Some("graphql-transport-ws")).await.expect("it is taken");
        let payload = json!({ "authorization": format!("Bearer {token}") });
        socket.say(json!({ "type": "connection_init", "payload": payload })).await;
        assert_eq!(socket.hear().await, json!({ "type": "connection_ack" }));
        socket
    }

    /// Sends a message.
    pub async fn say(&mut self, message: Value) {
        self.0.send(Message::text(message.to_string())).await.expect("the socket is open");
    }

    /// Begins an operation.
    pub async fn subscribe(&mut self, id: &str, query: &str) {
        self.say(json!({ "type": "subscribe", "id": id, "payload": { "query": query } })).await;
    }

    /// The next message; pings are answered on the way.
    pub async fn hear(&mut self) -> Value {
        match self.frame().await {
            Ok(message) => message,
            Err(code) => panic!("the socket is closed with {code}"),
        }
    }

    /// Hears out what still comes from these operations, up to the answer to a question that is asked now.
    pub async fn quiet(&mut self, ids: &[&str]) {
        self.subscribe("quiet", "{ version }").await;
        loop {
            let message = self.hear().await;
            match message["id"].as_str() {
                Some("quiet") if message["type"] == "complete" => return,
                Some(id) => assert!(id == "quiet" || ids.contains(&id), "{message}"),
                None => panic!("{message}"),
            }
        }
    }

    /// The code with which the socket is closed, whatever comes before.
    pub async fn closed(&mut self) -> u16 {
        loop {
            if let Err(code) = self.frame().await {
                return code;
            }
        }
    }

    /// The field of the next answer of an operation.
    pub async fn next(&mut self, id: &str, field: &str) -> Value {
        let message = self.hear().await;
        assert_eq!((&message["type"], &message["id"]), (&json!("next"), &json!(id)), "{message}");
        assert!(message["payload"]["errors"].is_null(), "{message}");
        message["payload"]["data"][field].clone()
    }

    /// Waits for an answer that is so.
    pub async fn until(&mut self, id: &str, field: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        loop {
            let answer = self.next(id, field).await;
            if is_it(&answer) {
                return answer;
            }
        }
    }

    /// Hears an operation out until it completes.
    pub async fn completes(&mut self, id: &str) {
        loop {
            let message = self.hear().await;
            assert_eq!(message["id"], id, "{message}");
            match message["type"].as_str() {
                Some("complete") => return,
                kind => assert_eq!(kind, Some("next"), "{message}"),
            }
        }
    }

    async fn frame(&mut self) -> Result<Value, u16> {
        loop {
            let frame = tokio::time::timeout(LIMIT, self.0.next()).await.expect("a frame comes in time");
            match frame {
                Some(Ok(Message::Text(text))) => {
                    let message: Value = serde_json::from_str(&text).expect("it is JSON");
                    if message["type"] != "ping" {
                        return Ok(message);
                    }
                    self.say(json!({ "type": "pong" })).await;
                }
                Some(Ok(Message::Close(frame))) => return Err(frame.map_or(1005, |frame| frame.code.into())),
                Some(Ok(_)) => {}
                Some(Err(error)) => panic!("{error}"),
                None => return Err(1006),
            }
        }
    }
}
