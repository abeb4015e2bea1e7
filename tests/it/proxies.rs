//! WhatsApp through the operator's proxy.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rstest::rstest;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use whatsapp_simulator::{Settings, Simulator};

use crate::support::door::Door;
use crate::support::server::{Server, Start};

/// Longest wait for a fact. Far above what it takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(40);

/// A proxy, and what was asked of it.
struct TestProxy {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    /// Ends with it.
    _server: JoinSet<()>,
}

impl TestProxy {
    /// Leads to the simulator. An HTTP proxy lets nobody through without these credentials.
    async fn start(scheme: &str, simulator: SocketAddr, credentials: Option<&'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a port");
        let (address, asked) = (listener.local_addr().expect("it has one"), Arc::<Mutex<Vec<String>>>::default());
        let (told, is_socks) = (Arc::clone(&asked), scheme.starts_with("socks"));
        let mut server = JoinSet::new();
        server.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((mut client, _)) = listener.accept().await {
                let told = Arc::clone(&told);
                connections.spawn(async move {
                    let target = match is_socks {
                        true => socks(&mut client).await,
                        false => tunnel(&mut client, credentials).await,
                    };
                    let Some(target) = target else { return };
                    told.lock().push(target);
                    let mut server = TcpStream::connect(simulator).await.expect("the simulator is there");
                    let _ = copy_bidirectional(&mut client, &mut server).await; // One of them hangs up.
                });
            }
        });
        Self { address, asked, _server: server }
    }
}

/// Reads a request for a tunnel. None if it has not the credentials.
async fn tunnel(client: &mut TcpStream, credentials: Option<&str>) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).expect("it is text");
    let is_known =
        credentials.is_none_or(|credentials| head.contains(&format!("Proxy-Authorization: Basic {credentials}\r\n")));
    let answer =
        if is_known { "HTTP/1.1 200 OK\r\n\r\n" } else { "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n" };
    client.write_all(answer.as_bytes()).await.ok()?;
    is_known.then(|| head.split(' ').nth(1).expect("a target").to_owned())
}

/// Reads a request of SOCKS 5 without credentials.
async fn socks(client: &mut TcpStream) -> Option<String> {
    let mut methods = vec![
        0;
        {
            client.read_u8().await.ok()?;
            client.read_u8().await.ok()?
        }
        .into()
    ];
    client.read_exact(&mut methods).await.ok()?;
    client.write_all(&[5, 0]).await.ok()?;
    let mut request = [0; 5];
    client.read_exact(&mut request).await.ok()?;
    assert_eq!(request[..4], [5, 1, 0, 1], "it asks for a connection to an IPv4 address");
    let mut rest = [0; 3];
    client.read_exact(&mut rest).await.ok()?;
    let port = client.read_u16().await.ok()?;
    client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await.ok()?;
    Some(format!("{}.{}.{}.{}:{port}", request[4], rest[0], rest[1], rest[2]))
}

/// A server with a variable in its environment.
fn server(variable: &str, simulator: &Simulator, data: &TempDir) -> (Server, Door) {
    let start = Start {
        data_dir: data.path().to_owned(),
        whatsapp_url: simulator.url(),
        through: ["env", variable].map(str::to_owned).to_vec(),
        ..Start::default()
    };
    let server = Server::start(&start);
    let door = Door::rest(server.base());
    (server, door)
}

async fn reaches(door: &Door, key: &str, value: &str) {
    let begun = Instant::now();
    while door.status("shop").await[key] != value {
        assert!(begun.elapsed() < LIMIT, "not in time: {value}, but {}", door.status("shop").await);
        tokio::time::sleep(Duration::from_millis(15)).await;
    }
}

#[rstest]
#[tokio::test]
async fn a_phone_links_a_session_through_the_proxy(
    #[values(("HTTPS_PROXY", "http"), ("all_proxy", "http"), ("HTTPS_PROXY", "socks5h"))] way: (&str, &str),
) {
    let (variable, scheme) = way;
    let simulator = Simulator::start(Settings::default()).await.expect("the simulator starts");
    let proxy = TestProxy::start(scheme, simulator.address(), None).await;
    let data = TempDir::new().expect("there is room");
    let (mut server, door) = server(&format!("{variable}={scheme}://{}", proxy.address), &simulator, &data);
    door.create("shop").await;
    let code = door.qr("shop").await;
    simulator.phone("15550100001").scan(&code).await.expect("the code is good");
    reaches(&door, "status", "logged_in").await;
    let asked = proxy.asked.lock().clone();
    let target = simulator.address().to_string();
    // Once to link, and once to log in.
    assert!(asked.len() >= 2 && asked.iter().all(|asked| *asked == target), "{asked:?}");
    assert!(server.stop().success());
}

#[tokio::test]
async fn a_proxy_gets_its_credentials_and_nobody_else_does() {
    let simulator = Simulator::start(Settings::default()).await.expect("the simulator starts");
    // `clerk:tea@six`
    let proxy = TestProxy::start("http", simulator.address(), Some("Y2xlcms6dGVhQHNpeA==")).await;
    let data = TempDir::new().expect("there is room");
    let (mut right, door) = server(&format!("HTTPS_PROXY=http://clerk:tea%40six@{}", proxy.address), &simulator, &data);
    door.create("shop").await;
    reaches(&door, "status", "waiting_for_qr").await;
    assert!(right.stop().success());
    let (mut wrong, door) = server(&format!("HTTPS_PROXY=http://clerk:coffee@{}", proxy.address), &simulator, &data);
    door.post("/shop/connect", serde_json::Value::Null).await.ok();
    reaches(&door, "reason", "unreachable").await;
    assert!(wrong.stop().success());
    for output in [right.output(), wrong.output()] {
        assert!(!output.contains("tea") && !output.contains("coffee") && !output.contains("Y2xl"), "{output}");
    }
}
