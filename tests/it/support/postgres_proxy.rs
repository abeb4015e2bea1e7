//! A way to PostgreSQL that can lose what the server answers to a commit, and hold the commit itself up.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// How long the server hears nothing of a commit after whom it is from has lost the connection.
const HELD_UP: Duration = Duration::from_millis(400);

/// The proxy; it ends with this value.
pub(crate) struct PostgresProxy {
    address: SocketAddr,
    loses: Arc<AtomicBool>,
    _server: JoinSet<()>,
}

impl PostgresProxy {
    /// A proxy before this server, `postgres://user@host:port/database`.
    pub(crate) async fn before(url: &str) -> (Self, String) {
        let (before, rest) = url.split_once('@').expect("a user in the URL");
        let (server, path) = rest.split_once('/').expect("a database in the URL");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let (address, loses) = (listener.local_addr().expect("an address"), Arc::new(AtomicBool::new(false)));
        let proxied = format!("{before}@{address}/{path}");
        let mut own = JoinSet::new();
        own.spawn(serve(listener, server.to_owned(), Arc::clone(&loses)));
        (Self { address, loses, _server: own }, proxied)
    }

    /// The next commit breaks the connection before the server hears of it, which then commits all the same.
    pub(crate) fn lose_a_commit(&self) {
        self.loses.store(true, Ordering::SeqCst);
    }

    /// Whether there was one.
    pub(crate) fn has_lost_it(&self) -> bool {
        !self.loses.load(Ordering::SeqCst)
    }
}

impl std::fmt::Debug for PostgresProxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PostgresProxy({})", self.address)
    }
}

async fn serve(listener: TcpListener, server: String, loses: Arc<AtomicBool>) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        connections.spawn(pass_on(client, server.clone(), Arc::clone(&loses)));
    }
}

async fn pass_on(client: TcpStream, server: String, loses: Arc<AtomicBool>) {
    let server = TcpStream::connect(server).await.expect("the server");
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let (mut asked, mut answered) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    loop {
        tokio::select! {
            read = from_client.read(&mut asked) => {
                let Ok(count @ 1..) = read else { return };
                let is_commit = asked[..count].windows(6).any(|word| word == b"COMMIT");
                if is_commit && loses.swap(false, Ordering::SeqCst) {
                    drop((from_client, to_client));
                    tokio::time::sleep(HELD_UP).await;
                    let _ = to_server.write_all(&asked[..count]).await; // What the server makes of it is the test's question.
                    let _ = from_server.read(&mut answered).await; // Nobody hears it.
                    return;
                }
                if to_server.write_all(&asked[..count]).await.is_err() { return }
            }
            read = from_server.read(&mut answered) => {
                let Ok(count @ 1..) = read else { return };
                if to_client.write_all(&answered[..count]).await.is_err() { return }
            }
        }
    }
}
