//! One subscriber's socket.

use std::time::Instant;

use anyhow::{Context, bail, ensure};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::subscriber::{Door, Opening};

/// Read buffer of one socket, bytes: frames have a hundred. The library's own would be 128 KiB.
const READ_BUFFER: usize = 1024;
/// What a frame says of a session that has just gone down. The bare server is made to say the same.
const DOWN: &str = r#""status":"DISCONNECTED""#;
/// What it says of one that is back.
const UP: &str = r#""status":"LOGGED_IN""#;

/// A frame that a socket got.
pub(super) struct Seen {
    pub(super) socket: usize,
    pub(super) at: Instant,
    pub(super) is_down: bool,
    pub(super) bytes: usize,
}

pub(super) type Socket = WebSocketStream<TcpStream>;

/// Opens a socket and follows the topic until the first frame is there.
pub(super) async fn open(opening: &Opening, topic: &str, token: &str) -> anyhow::Result<Socket> {
    let Opening { door, address, .. } = opening;
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let config = Some(WebSocketConfig::default().read_buffer_size(READ_BUFFER));
    match door {
        Door::Bare => {
            let request = format!("ws://{address}/topics/{topic}").into_client_request()?;
            let (mut socket, _) = client_async_with_config(request, stream, config).await?;
            hear(&mut socket, "open").await?;
            Ok(socket)
        }
        Door::Graphql => {
            let mut request = format!("ws://{address}/graphql/ws").into_client_request()?;
            request.headers_mut().insert("sec-websocket-protocol", "graphql-transport-ws".parse()?);
            let (mut socket, _) = client_async_with_config(request, stream, config).await?;
            let payload = json!({ "authorization": format!("Bearer {token}") });
            say(&mut socket, json!({ "type": "connection_init", "payload": payload })).await?;
            hear(&mut socket, "connection_ack").await?;
            let query = format!("subscription {{ sessionUpdated(id: \"{topic}\") {{ id status }} }}");
            say(&mut socket, json!({ "type": "subscribe", "id": "1", "payload": { "query": query } })).await?;
            hear(&mut socket, UP).await?;
            Ok(socket)
        }
    }
}

async fn say(socket: &mut Socket, message: Value) -> anyhow::Result<()> {
    Ok(socket.send(Message::text(message.to_string())).await?)
}

/// The next frame, which must have this in it.
async fn hear(socket: &mut Socket, part: &str) -> anyhow::Result<()> {
    let frame = socket.next().await.context("the socket was closed")??;
    let text = frame.to_text()?;
    ensure!(text.contains(part), "a frame without {part}: {text}");
    Ok(())
}

/// Tells of each frame, and answers pings, until the socket ends.
pub(super) async fn listen(mut socket: Socket, number: usize, told: mpsc::Sender<Seen>) -> anyhow::Result<()> {
    while let Some(message) = socket.next().await {
        let at = Instant::now();
        let Message::Text(text) = message? else { continue };
        let is_down = text.contains(DOWN);
        if is_down || text.contains(UP) {
            told.send(Seen { socket: number, at, is_down, bytes: text.len() }).await?;
        } else if text.contains(r#""type":"ping""#) {
            say(&mut socket, json!({ "type": "pong" })).await?;
        }
    }
    bail!("a socket was closed")
}
