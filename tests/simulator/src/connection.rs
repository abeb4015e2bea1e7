//! One socket: WebSocket upgrade, Noise handshake, then a reader and a writer side by side until either ends.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::BytesMut;
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Message, http};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async_with_config};
use wacore_binary::{Node, marshal, util};
use wacore_noise::NoiseCipher;

use crate::fault::{self, HandshakeMode};
use crate::framing::{self, Incoming};
use crate::link::{Link, Outgoing};
use crate::noise::{Answer, Secured, answer_hello};
use crate::world::World;
use crate::{dispatch, login, pairing};

/// The one path that upgrades to a WebSocket.
const PATH: &str = "/ws/chat";

/// Bytes of the read buffer of a socket. The library's default of 128 KiB is too much for a thousand idle devices.
const READ_BUFFER: usize = 4 * 1024;

/// Stanzas larger than this end the connection; the client never sends one.
const LARGEST_MESSAGE: usize = 16 * 1024 * 1024;

/// How long a closed connection may take to read our last words.
const GOODBYE_LIMIT: Duration = Duration::from_secs(2);

type Socket = WebSocketStream<TcpStream>;

/// Serves one accepted socket to its end.
pub(crate) async fn serve(world: Arc<World>, tcp: TcpStream) {
    let (link, orders) = Link::new(world.next_serial(), world.stopping.child_token());
    let plan = {
        let mut state = world.state.lock();
        state.stats.connections += 1;
        if !state.is_accepting {
            None
        } else {
            state.links.insert(link.id, Arc::clone(&link));
            state.stats.open_connections = state.links.len() as u64;
            Some(Plan { handshake: state.handshake, fault: state.next_connection.pop_front() })
        }
    };
    let Some(plan) = plan else {
        cut(&tcp);
        return;
    };
    if let Err(error) = run(&world, &link, orders, tcp, plan).await {
        tracing::debug!(connection = link.id, error = %error, "a connection ended");
    }
    world.state.lock().drop_link(&link);
}

/// What is to go wrong with a connection.
struct Plan {
    handshake: HandshakeMode,
    fault: Option<fault::Fault>,
}

async fn run(
    world: &Arc<World>,
    link: &Arc<Link>,
    orders: mpsc::Receiver<Outgoing>,
    tcp: TcpStream,
    plan: Plan,
) -> Result<()> {
    let Plan { handshake, fault } = plan;
    let _ = tcp.set_nodelay(true); // only slower without it
    if fault == Some(fault::Fault::Abort) {
        cut(&tcp);
        return Ok(());
    }
    let limit = world.settings.handshake_limit;
    let opening = tokio::time::timeout(limit, open(world, tcp, handshake));
    let (socket, incoming, secured) = tokio::select! {
        opened = opening => opened.context("the handshake took too long")??,
        () = link.cut.cancelled() => return Ok(()),
    };
    let Secured { read, write, client_static, payload } = secured;
    let (mut sink, mut stream) = socket.split();
    let reading = async {
        if payload.username.is_some() {
            login::log_in(world, link, &payload, &client_static);
        } else {
            pairing::begin(world, link, &payload, client_static);
        }
        if let Some(fault) = fault {
            fault::afflict(world, link, &fault);
        }
        read_stanzas(world, link, &mut stream, incoming, &read).await
    };
    let writing = write_stanzas(link, orders, &mut sink, &write);
    let outcome = tokio::select! {
        ended = reading => ended,
        ended = writing => ended,
        () = link.cut.cancelled() => {
            let whole = sink.reunite(stream).context("the halves belong together")?;
            cut(whole.get_ref());
            return Ok(());
        }
    };
    world.state.lock().drop_link(link);
    let _ = sink.close().await; // already closed
    // A socket that is dropped with unread input is reset, and the reset may overtake our last words.
    let goodbye = async { while let Some(Ok(_)) = stream.next().await {} };
    tokio::select! {
        _ = tokio::time::timeout(GOODBYE_LIMIT, goodbye) => {}
        () = link.cut.cancelled() => {}
    }
    outcome
}

/// Ends a connection at once, with a reset and no closing frame.
fn cut(tcp: &TcpStream) {
    let _ = tcp.set_zero_linger(); // without it the peer sees an orderly end, which is nearly the same to it
}

async fn open(world: &World, tcp: TcpStream, mode: HandshakeMode) -> Result<(Socket, Incoming, Secured)> {
    let mut config = WebSocketConfig::default();
    config.read_buffer_size = READ_BUFFER;
    config.write_buffer_size = 0;
    config.max_message_size = Some(LARGEST_MESSAGE);
    let mut socket = accept_hdr_async_with_config(tcp, check_path, Some(config)).await?;
    let mut incoming = Incoming::default();
    let hello = read_frame(&mut socket, &mut incoming).await?;
    match mode {
        HandshakeMode::Normal => {}
        HandshakeMode::Garbage => {
            send(&mut socket, &[0x5a; 64]).await?;
            bail!("the handshake was answered with garbage, as ordered");
        }
        HandshakeMode::Silent => std::future::pending().await,
    }
    let header = incoming.header().context("a frame came before the header")?;
    let keys = world.state.lock().keys.for_handshake();
    let answer = answer_hello(&keys, &header, &hello)?;
    let is_resumption = matches!(answer, Answer::Done { .. });
    let is_fallback = matches!(answer, Answer::AwaitFinish { is_fallback: true, .. });
    let secured = match answer {
        Answer::Done { reply, secured } => {
            send(&mut socket, &reply).await?;
            *secured
        }
        Answer::AwaitFinish { reply, rest, .. } => {
            send(&mut socket, &reply).await?;
            rest.finish(&read_frame(&mut socket, &mut incoming).await?)?
        }
    };
    let mut state = world.state.lock();
    state.stats.handshakes += 1;
    state.stats.resumptions += u64::from(is_resumption);
    state.stats.fallbacks += u64::from(is_fallback);
    drop(state);
    Ok((socket, incoming, secured))
}

// The callback's type is the WebSocket library's.
#[allow(clippy::result_large_err)]
fn check_path(request: &Request, response: Response) -> Result<Response, ErrorResponse> {
    if request.uri().path() == PATH {
        return Ok(response);
    }
    let mut refusal = ErrorResponse::new(Some(format!("there is only {PATH} here")));
    *refusal.status_mut() = http::StatusCode::NOT_FOUND;
    Err(refusal)
}

async fn send(socket: &mut Socket, payload: &[u8]) -> Result<()> {
    socket.send(Message::binary(framing::frame(payload)?)).await?;
    Ok(())
}

async fn read_frame(socket: &mut Socket, incoming: &mut Incoming) -> Result<BytesMut> {
    loop {
        if let Some(frame) = incoming.next() {
            return Ok(frame);
        }
        match socket.next().await.context("the client went away during the handshake")?? {
            Message::Binary(bytes) => incoming.feed(&bytes)?,
            Message::Close(_) => bail!("the client closed during the handshake"),
            _ => {}
        }
    }
}

async fn read_stanzas(
    world: &Arc<World>,
    link: &Arc<Link>,
    stream: &mut SplitStream<Socket>,
    mut incoming: Incoming,
    cipher: &NoiseCipher,
) -> Result<()> {
    let mut counter = 0_u32;
    loop {
        while let Some(mut frame) = incoming.next() {
            cipher.decrypt_in_place_with_counter(counter, &mut frame).context("a frame does not open")?;
            counter += 1;
            if !link.is_silent() {
                dispatch::receive(world, link, decode(&frame)?).await;
            }
        }
        match stream.next().await {
            Some(Ok(Message::Binary(bytes))) => incoming.feed(&bytes)?,
            Some(Ok(Message::Close(_))) | None => return Ok(()),
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(error.into()),
        }
    }
}

fn decode(frame: &[u8]) -> Result<Node> {
    let unpacked = util::unpack(frame)?;
    Ok(marshal::unmarshal_ref(&unpacked)?.to_owned())
}

async fn write_stanzas(
    link: &Link,
    mut orders: mpsc::Receiver<Outgoing>,
    sink: &mut SplitSink<Socket, Message>,
    cipher: &NoiseCipher,
) -> Result<()> {
    let mut counter = 0_u32;
    while let Some(order) = orders.recv().await {
        if let Some(delay) = link.delay() {
            tokio::time::sleep(delay).await;
        }
        if link.is_silent() {
            continue;
        }
        match order {
            Outgoing::Stanza(node) => {
                let mut payload = marshal::marshal(&node)?;
                cipher.encrypt_in_place_with_counter(counter, &mut payload)?;
                counter += 1;
                sink.feed(Message::binary(framing::frame(&payload)?)).await?;
                // Everything that is waiting goes out in one go.
                if orders.is_empty() {
                    sink.flush().await?;
                }
            }
            Outgoing::Cut => {
                sink.flush().await?;
                link.cut.cancel();
                // The reset is done where both halves of the socket are.
                std::future::pending::<()>().await;
            }
            Outgoing::Close(status) => {
                let frame = CloseFrame { code: CloseCode::from(status), reason: "".into() };
                sink.send(Message::Close(Some(frame))).await?;
                return Ok(());
            }
        }
    }
    Ok(())
}
