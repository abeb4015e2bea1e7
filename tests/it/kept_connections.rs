//! An accident of transport is not the receiver's refusal: a kept connection that the receiver has closed costs nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use entity::words::webhook::DeliveryState;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use waypost::caller::Caller;
use waypost::webhook::types::WebhookChanges;

use crate::support::webhook_fixture::WebhookFixture;
use crate::support::world::Kind;

/// A receiver that counts what is posted, and ends each connection after one answer, without saying so.
struct Dropping {
    url: String,
    posts: Arc<AtomicUsize>,
    _server: JoinSet<()>,
}

impl Dropping {
    /// It answers so; with nothing it only hangs up.
    async fn answering(answer: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/", listener.local_addr().expect("an address"));
        let (posts, answer) = (Arc::new(AtomicUsize::new(0)), answer.to_owned());
        let (counted, mut server) = (Arc::clone(&posts), JoinSet::new());
        server.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((connection, _)) = listener.accept().await {
                connections.spawn(serve(connection, answer.clone(), Arc::clone(&counted)));
            }
        });
        Self { url, posts, _server: server }
    }

    fn posts(&self) -> usize {
        self.posts.load(Ordering::SeqCst)
    }

    /// An fixture whose webhook is here.
    async fn fixture(&self) -> WebhookFixture {
        let fixture = WebhookFixture::new(Kind::Sqlite, &["offline_sync_completed"]).await;
        let changes = WebhookChanges { url: Some(self.url.clone()), ..WebhookChanges::default() };
        fixture.webhooks.update(&Caller::admin(), &fixture.which, changes).await.expect("it is there");
        fixture
    }
}

async fn serve(connection: TcpStream, answer: String, posts: Arc<AtomicUsize>) {
    let mut connection = BufReader::new(connection);
    let (mut length, mut line) = (0, String::new());
    loop {
        line.clear();
        if connection.read_line(&mut line).await.unwrap_or(0) == 0 {
            return;
        }
        let line = line.trim_end().to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().expect("a number");
        }
        if line.is_empty() {
            break;
        }
    }
    connection.read_exact(&mut vec![0; length]).await.expect("a body");
    posts.fetch_add(1, Ordering::SeqCst);
    connection.write_all(answer.as_bytes()).await.expect("it is written");
    let _ = connection.shutdown().await; // Whoever asked may have gone.
}

#[tokio::test]
async fn a_receiver_that_ends_connections_in_silence_gets_each_event_once_and_at_once() {
    let receiver = Dropping::answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    let fixture = receiver.fixture().await;
    for count in 0..50 {
        fixture.happens(count).await;
    }
    fixture.rests().await;
    let delivered = fixture.deliveries(Some(DeliveryState::Delivered)).await;
    let attempts: Vec<_> = delivered.iter().map(|delivery| delivery.attempts.len()).collect();
    assert_eq!((attempts, receiver.posts()), (vec![1; 50], 50));
    assert_eq!(fixture.shown().await.last_error, None);
    fixture.close().await;
}

#[tokio::test]
async fn a_receiver_that_hangs_up_on_each_post_is_not_posted_to_twice_as_often() {
    let receiver = Dropping::answering("").await;
    let fixture = receiver.fixture().await;
    fixture.happens(0).await;
    fixture.pass(3, Duration::from_secs(60)).await;
    let waiting = fixture.deliveries(Some(DeliveryState::Pending)).await;
    assert_eq!((waiting[0].attempts.len(), receiver.posts()), (3, 3));
    fixture.close().await;
}

#[tokio::test]
async fn an_answer_counts_by_its_status_however_many_headers_it_has() {
    let headers: String = (0..300).map(|number| format!("X-Trace-{number}: a\r\n")).collect();
    let receiver = Dropping::answering(&format!("HTTP/1.1 200 OK\r\n{headers}Content-Length: 0\r\n\r\n")).await;
    let fixture = receiver.fixture().await;
    fixture.happens(0).await;
    fixture.rests().await;
    assert_eq!(fixture.deliveries(Some(DeliveryState::Delivered)).await.len(), 1);
    fixture.close().await;
}
