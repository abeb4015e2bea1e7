//! Connections on which bytes go as they are.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::support::world::World;

/// Longest wait for what the server does by itself.
const LIMIT: Duration = Duration::from_secs(40);

/// A connection to the server.
pub struct Wire(TcpStream);

impl Wire {
    /// Opens one.
    pub async fn open(world: &World) -> Self {
        Self(TcpStream::connect(address(world)).await.expect("it listens"))
    }

    /// Opens one to a client that has no room for what comes.
    pub async fn narrow(world: &World) -> Self {
        let socket = TcpSocket::new_v4().expect("there are descriptors");
        socket.set_recv_buffer_size(4096).expect("the system takes it");
        let address = address(world).parse().expect("an address");
        Self(socket.connect(address).await.expect("it listens"))
    }

    /// Opens one and says something.
    pub async fn saying(world: &World, said: &str) -> Self {
        let mut wire = Self::open(world).await;
        wire.say(said).await;
        wire
    }

    /// Says something. The server may have hung up meanwhile.
    pub async fn say(&mut self, said: &str) {
        let _ = self.0.write_all(said.as_bytes()).await;
    }

    /// Reads on until the text is there.
    pub async fn until(&mut self, text: &str) -> String {
        let mut seen = Vec::new();
        loop {
            let shown = String::from_utf8_lossy(&seen).into_owned();
            if shown.contains(text) {
                return shown;
            }
            let mut buffer = [0; 4096];
            let count = tokio::time::timeout(LIMIT, self.0.read(&mut buffer)).await;
            let count = count.unwrap_or_else(|_| panic!("no {text} in time but {shown}")).unwrap_or_default();
            assert!(count > 0, "the connection ended before {text}: {shown}");
            seen.extend_from_slice(&buffer[..count]);
        }
    }

    /// Everything that still comes until the server hangs up.
    pub async fn rest(&mut self) -> String {
        let mut rest = Vec::new();
        let read = tokio::time::timeout(LIMIT, self.0.read_to_end(&mut rest)).await;
        // To hang up while something is unread is a reset.
        let _ = read.expect("the server hangs up");
        String::from_utf8_lossy(&rest).into_owned()
    }
}

fn address(world: &World) -> String {
    world.server.base().trim_start_matches("http://").to_owned()
}
