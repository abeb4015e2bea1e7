//! A socket that tells what happens on it, and whose slot is free once it is closed.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use rustix::net::sockopt;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tracing::debug;

use crate::api::listener::answer;
use crate::api::listener::registry::Slot;

/// What the system keeps for a client that does not take it, bytes; it doubles the number. On its own it would keep 4 MiB.
const SEND_BUFFER: usize = 256 * 1024;

/// A connection's socket.
pub(super) struct Stream {
    tcp: TcpStream,
    /// What was read before it came here.
    begun: Bytes,
    /// An answer that stands for what the HTTP library had to say.
    instead: Bytes,
    slot: Slot,
}

/// Sets what the system itself can watch over: a client that takes nothing although it is there, and one that is not there
/// any more. Where it cannot, our own limits are left.
pub(super) fn limit(tcp: &TcpStream, take: Duration) {
    let millis = u32::try_from(take.as_millis()).unwrap_or(u32::MAX);
    let set = tcp.set_nodelay(true);
    let set = set.and_then(|()| Ok(sockopt::set_socket_send_buffer_size(tcp, SEND_BUFFER)?));
    if let Err(error) = set.and_then(|()| Ok(sockopt::set_tcp_user_timeout(tcp, millis)?)) {
        debug!(error = %error, "a socket takes no options");
    }
}

impl Stream {
    pub(super) fn new(tcp: TcpStream, begun: Bytes, slot: Slot) -> Self {
        Self { tcp, begun, instead: Bytes::new(), slot }
    }

    /// Notes what came of an attempt to write.
    fn note<T>(&self, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        match &written {
            Poll::Ready(_) => self.slot.activity().took(),
            Poll::Pending => self.slot.activity().takes_nothing(),
        }
        written
    }

    /// Writes what stands for the library's words.
    fn poll_instead(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.instead.is_empty() {
            let written = Pin::new(&mut self.tcp).poll_write(cx, &self.instead);
            let count = ready!(self.note(written))?;
            self.instead.advance(count);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if !self.begun.is_empty() {
            let count = self.begun.len().min(buf.remaining());
            buf.put_slice(&self.begun.split_to(count));
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        let read = Pin::new(&mut self.tcp).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.slot.activity().came();
        }
        read
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_instead(cx))?;
        if let Some(instead) = answer::instead_of(buf) {
            self.instead = instead;
            // What it does not take now goes with the flush.
            let _ = self.poll_instead(cx)?;
            return Poll::Ready(Ok(buf.len()));
        }
        let written = Pin::new(&mut self.tcp).poll_write(cx, buf);
        self.note(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let [only] = bufs {
            return self.poll_write(cx, only);
        }
        ready!(self.poll_instead(cx))?;
        let written = Pin::new(&mut self.tcp).poll_write_vectored(cx, bufs);
        self.note(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_instead(cx))?;
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_instead(cx))?;
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}
