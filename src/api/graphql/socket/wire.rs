//! The frames of a socket. What a client may make the server keep is small until it has shown a key, and nothing waits for a
//! client without an end.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use poem::Upgraded;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufReader, ReadBuf};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};

use crate::api::body::BODY_MAX;
use crate::api::graphql::socket::message::{BAD_FRAME, BAD_MESSAGE, BAD_TEXT, Closing, NOT_TAKEN, Says, TOO_LARGE};

/// Largest frame and message of a client that has not shown a key, bytes.
const UNKNOWN_MAX: usize = 8 * 1024;
/// What a socket reads at once, bytes. The library's own 128 KiB were nearly all that a subscriber cost, and to clear them
/// at each look a third of the time: clients say little.
const READ_BUFFER: usize = 4096;
/// What is read ahead of the frame that is looked at, bytes.
const AHEAD: usize = 512;
/// Longest wait for a client to take a frame.
const SEND_LIMIT: Duration = Duration::from_secs(15);
/// Longest wait for a client to take its leave: a revoked key's socket is to be gone within a second.
const CLOSE_LIMIT: Duration = Duration::from_millis(500);

/// A socket's frames.
pub(super) struct Wire<T>(WebSocketStream<T>);

impl<'a> Wire<&'a mut Gate> {
    /// The frames of a client that has not shown a key.
    pub(super) async fn of_unknown(gate: &'a mut Gate) -> Self {
        Self::over(gate, UNKNOWN_MAX).await
    }
}

impl Wire<Gate> {
    /// The frames of a client that has, from where the others ended.
    pub(super) async fn of_caller(gate: Gate) -> Self {
        Self::over(Gate { is_open: true, ..gate }, BODY_MAX).await
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> Wire<T> {
    async fn over(connection: T, size_max: usize) -> Self {
        let config = WebSocketConfig::default()
            .max_message_size(Some(size_max))
            .max_frame_size(Some(size_max))
            .read_buffer_size(READ_BUFFER);
        Self(WebSocketStream::from_raw_socket(connection, Role::Server, Some(config)).await)
    }

    /// The next message; None is a sign of life. Safe to be dropped.
    ///
    /// # Errors
    /// Why the socket is to be closed; None when the client is gone.
    pub(super) async fn hear(&mut self) -> Result<Option<Utf8Bytes>, Option<Closing>> {
        match self.0.next().await {
            Some(Ok(Message::Text(text))) => Ok(Some(text)),
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => Ok(None),
            Some(Ok(Message::Binary(_))) => Err(Some(BAD_MESSAGE)),
            Some(Ok(Message::Close(_))) => {
                // The library has put the answer to it in line.
                let _ = timeout(CLOSE_LIMIT, self.0.flush()).await; // Whoever does not take it goes without.
                Err(None)
            }
            None => Err(None),
            Some(Err(error)) => Err(unreadable(&error)),
        }
    }

    /// Sends a message.
    ///
    /// # Errors
    /// `NOT_TAKEN` when the client does not take it.
    pub(super) async fn say(&mut self, message: &Says<'_>) -> Result<(), Closing> {
        let text = serde_json::to_string(message).map_err(|_| NOT_TAKEN)?;
        let sent = timeout(SEND_LIMIT, self.0.send(Message::text(text))).await;
        if matches!(sent, Ok(Ok(()))) { Ok(()) } else { Err(NOT_TAKEN) }
    }

    /// Closes the socket. Whoever is gone, or takes nothing, cannot be told.
    pub(super) async fn close(self, Closing(code, reason): Closing) {
        let Self(mut frames) = self;
        let leaving = async move {
            let frame = CloseFrame { code: code.into(), reason: reason.into() };
            if frames.send(Message::Close(Some(frame))).await.is_err() {
                return;
            }
            let connection = frames.get_mut();
            let _ = connection.shutdown().await; // It may be closed.
            // What the client has sent meanwhile would reset the connection if it were left, and the close frame with it.
            let _ = tokio::io::copy(connection, &mut tokio::io::sink()).await; // There is nothing to do about it.
        };
        let _ = timeout(CLOSE_LIMIT, leaving).await; // It is dropped then.
    }
}

/// Why a socket is closed whose frames cannot be read; None when there is nobody to tell.
fn unreadable(error: &Error) -> Option<Closing> {
    match error {
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => None,
        Error::Protocol(_) => Some(BAD_FRAME),
        Error::Capacity(_) => Some(TOO_LARGE),
        Error::Utf8(_) => Some(BAD_TEXT),
        _ => None,
    }
}

/// The connection below the frames. While it is not open it gives out one byte at a time, so that no frame is read beyond
/// its end: another reader, with other limits, can go on there.
pub(super) struct Gate {
    io: BufReader<Upgraded>,
    is_open: bool,
}

impl Gate {
    /// A connection of which it is not known whose it is.
    pub(super) fn new(upgraded: Upgraded) -> Self {
        Self { io: BufReader::with_capacity(AHEAD, upgraded), is_open: false }
    }
}

impl AsyncRead for Gate {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.is_open {
            return Pin::new(&mut self.io).poll_read(cx, into);
        }
        let mut byte = [0];
        let mut one = ReadBuf::new(&mut byte);
        ready!(Pin::new(&mut self.io).poll_read(cx, &mut one))?;
        into.put_slice(one.filled());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Gate {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
