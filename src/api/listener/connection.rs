//! One connection, served by the workers.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use poem::http::uri::Scheme;
use poem::web::{LocalAddr, RemoteAddr};
use poem::{Endpoint, Response};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use crate::api::listener::activity::Request;
use crate::api::listener::limits::Timing;
use crate::api::listener::registry::Slot;
use crate::api::listener::stream::Stream;

/// Largest head of a request, bytes; also what is read and written at once.
const HEAD_MAX: usize = 64 * 1024;

/// A connection that has said something, and has a slot.
pub(super) struct Accepted {
    pub(super) tcp: std::net::TcpStream,
    /// What it has said.
    pub(super) begun: Bytes,
    pub(super) local: LocalAddr,
    pub(super) peer: SocketAddr,
    pub(super) slot: Slot,
}

/// How connections are served.
pub(super) struct Served<E> {
    pub(super) site: Arc<E>,
    pub(super) timing: Timing,
    /// No request is to be taken any more.
    pub(super) stopping: CancellationToken,
    /// Those under way have had their time.
    pub(super) cut: CancellationToken,
}

impl<E: Endpoint<Output = Response> + 'static> Served<E> {
    /// Serves a connection until it ends, has had its time, or is needed no more.
    pub(super) async fn serve(self, accepted: Accepted) {
        let Self { site, timing, stopping, cut } = self;
        let Accepted { tcp, begun, local, peer, slot } = accepted;
        let Ok(tcp) = TcpStream::from_std(tcp) else { return };
        let activity = Arc::clone(slot.activity());
        let service = service_fn(|request: hyper::Request<Incoming>| {
            let under_way = activity.begin();
            let request = (request, local.clone(), RemoteAddr(peer.into()), Scheme::HTTP).into();
            let site = Arc::clone(&site);
            async move {
                let answer = hyper::Response::from(site.get_response(request).await);
                Ok::<_, Infallible>(answer.map(|body| Answering { body, _under_way: under_way }))
            }
        });
        let io = TokioIo::new(Stream::new(tcp, begun, slot));
        // HTTP/1.1 alone: HTTP/2 without TLS, which nobody asks for, would bring limits of its own to watch. And no timer of
        // hyper's: its one limit for heads is its limit between two requests as well. `Activity` tells the two apart.
        let mut protocol = http1::Builder::new();
        // For the answer that opens a socket.
        protocol.max_buf_size(HEAD_MAX).preserve_header_case(true);
        let mut connection = pin!(protocol.serve_connection(io, service).with_upgrades());
        let ended = async {
            tokio::select! {
                () = activity.expired(timing) => {}
                () = activity.told_to_leave() => {}
                () = cut.cancelled() => {}
            }
        };
        let mut ended = pin!(ended);
        tokio::select! {
            // First, since what it does moves the moment at which the others are due.
            biased;
            // Its error is the client's: there is nobody left to tell.
            _ = &mut connection => return activity.upgrade(),
            () = &mut ended => return,
            () = stopping.cancelled() => connection.as_mut().graceful_shutdown(),
        }
        tokio::select! {
            biased;
            _ = &mut connection => activity.upgrade(),
            () = &mut ended => {}
        }
    }
}

/// An answer's body: the request is under way until it ends.
struct Answering<B> {
    body: B,
    _under_way: Request,
}

impl<B: Body + Unpin> Body for Answering<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
