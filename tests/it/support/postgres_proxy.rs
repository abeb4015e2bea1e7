//! A way to PostgreSQL that can lose what the server answers: to a commit, which it holds up, too, or to another statement.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// How long the server hears nothing of a commit after whom it is from has lost the connection.
const HELD_UP: Duration = Duration::from_millis(400);

/// The proxy; it ends with this value.
pub(crate) struct PostgresProxy {
    address: SocketAddr,
    loses: Losses,
    _server: JoinSet<()>,
}

/// What is to be lost next.
type Losses = Arc<Mutex<Option<Loss>>>;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Loss {
    /// The answer to a commit, which is held up as well.
    Commit,
    /// The same, to that of the first transaction that has a statement with this in it.
    CommitAfter(&'static str),
    /// The answer to the first statement that has this in it, when it is run.
    Statement(&'static str),
}

/// Whether this is what is to be lost. It is only once.
fn is_next(loses: &Losses, is_it: impl Fn(Loss) -> bool) -> bool {
    loses.lock().expect("nobody panics").take_if(|loss| is_it(*loss)).is_some()
}

impl PostgresProxy {
    /// A proxy before this server, `postgres://user@host:port/database`.
    pub(crate) async fn before(url: &str) -> (Self, String) {
        let (before, rest) = url.split_once('@').expect("a user in the URL");
        let (server, path) = rest.split_once('/').expect("a database in the URL");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let (address, loses) = (listener.local_addr().expect("an address"), Losses::default());
        let proxied = format!("{before}@{address}/{path}");
        let mut own = JoinSet::new();
        own.spawn(serve(listener, server.to_owned(), Arc::clone(&loses)));
        (Self { address, loses, _server: own }, proxied)
    }

    /// The next commit breaks the connection before the server hears of it, which then commits all the same.
    pub(crate) fn lose_a_commit(&self) {
        *self.loses.lock().expect("nobody panics") = Some(Loss::Commit);
    }

    /// The same with the commit of the next transaction with a statement that has this in it and that the connection has not met before.
    pub(crate) fn lose_a_commit_after(&self, words: &'static str) {
        *self.loses.lock().expect("nobody panics") = Some(Loss::CommitAfter(words));
    }

    /// The connection breaks when the server has run the next statement that has this in it and that it has not met before.
    pub(crate) fn lose_an_answer_to(&self, words: &'static str) {
        *self.loses.lock().expect("nobody panics") = Some(Loss::Statement(words));
    }

    /// Whether there was one.
    pub(crate) fn has_lost_it(&self) -> bool {
        self.loses.lock().expect("nobody panics").is_none()
    }
}

impl std::fmt::Debug for PostgresProxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PostgresProxy({})", self.address)
    }
}

async fn serve(listener: TcpListener, server: String, loses: Losses) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        connections.spawn(pass_on(client, server.clone(), Arc::clone(&loses)));
    }
}

fn has(bytes: &[u8], words: &str) -> bool {
    bytes.windows(words.len()).any(|window| window == words.as_bytes())
}

async fn pass_on(client: TcpStream, server: String, loses: Losses) {
    let server = TcpStream::connect(server).await.expect("the server");
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let (mut asked, mut answered) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    // A statement is prepared with its words, and then run without them.
    let mut is_prepared = false;
    let mut is_to_be_lost = false;
    loop {
        tokio::select! {
            read = from_client.read(&mut asked) => {
                let Ok(count @ 1..) = read else { return };
                let asked = &asked[..count];
                is_to_be_lost |= is_next(&loses, |loss| matches!(loss, Loss::CommitAfter(words) if has(asked, words)));
                let is_commit = has(asked, "COMMIT") && (is_to_be_lost || is_next(&loses, |loss| loss == Loss::Commit));
                if is_commit || is_prepared {
                    drop((from_client, to_client));
                    if is_commit {
                        tokio::time::sleep(HELD_UP).await;
                    }
                    let _ = to_server.write_all(asked).await; // What the server makes of it is the test's question.
                    let _ = from_server.read(&mut answered).await; // Nobody hears it.
                    return;
                }
                is_prepared = is_next(&loses, |loss| matches!(loss, Loss::Statement(words) if has(asked, words)));
                if to_server.write_all(asked).await.is_err() { return }
            }
            read = from_server.read(&mut answered) => {
                let Ok(count @ 1..) = read else { return };
                if to_client.write_all(&answered[..count]).await.is_err() { return }
            }
        }
    }
}
