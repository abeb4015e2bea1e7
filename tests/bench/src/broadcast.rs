//! The limit of the subscriptions: a poem server whose sockets pass the text frames of a broadcast channel on.
//!
//! No keys, no sub-protocol, no limits. It reads its sockets, as every server must that wants to see them close.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use futures::{SinkExt, StreamExt};
use poem::listener::TcpListener;
use poem::web::websocket::{Message, WebSocket};
use poem::web::{Data, Path};
use poem::{EndpointExt, IntoResponse, Route, Server, get, handler};
use tokio::sync::broadcast;

/// Frames that a socket may be behind. The next one is only sent when all have the last.
const UNREAD: usize = 4;

/// One channel for each name that somebody asked for.
#[derive(Clone, Default)]
struct Topics(Arc<Mutex<HashMap<String, broadcast::Sender<String>>>>);

impl Topics {
    fn find(&self, name: String) -> broadcast::Sender<String> {
        let mut topics = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        topics.entry(name).or_insert_with(|| broadcast::Sender::new(UNREAD)).clone()
    }
}

/// The child's life: until it is killed.
#[tokio::main]
pub(crate) async fn run(listen: SocketAddr) -> anyhow::Result<()> {
    let route = Route::new().at("/topics/:name", get(follow).post(say)).data(Topics::default());
    Ok(Server::new(TcpListener::bind(listen)).run(route).await?)
}

/// Sends a body to everybody who follows the topic.
#[handler]
fn say(Path(name): Path<String>, Data(topics): Data<&Topics>, body: String) {
    let _ = topics.find(name).send(body); // Nobody may be listening.
}

/// Follows a topic. The first frame says that from now on nothing is missed.
#[handler]
fn follow(Path(name): Path<String>, Data(topics): Data<&Topics>, socket: WebSocket) -> impl IntoResponse {
    let mut frames = topics.find(name).subscribe();
    socket.on_upgrade(move |mut socket| async move {
        let mut frame = "open".to_owned();
        while socket.send(Message::text(frame)).await.is_ok() {
            frame = tokio::select! {
                frame = frames.recv() => match frame {
                    Ok(frame) => frame,
                    Err(_) => return,
                },
                _ = socket.next() => return, // Nobody says anything here, so this is the end.
            };
        }
    })
}
