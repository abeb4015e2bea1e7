//! Bodies of requests and replies. The body of an upload is read on a thread that may block and sent by the runtime, with a length that
//! is said before: WhatsApp takes no body whose length it does not know.

use std::io::Read;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::mpsc;
use whatsapp_rust::http::HttpResponse;
use whatsapp_rust::wacore::net::UploadBody;

/// Largest answer to an upload, bytes. It is two addresses.
const ANSWER_BYTES: usize = 64 * 1024;
/// Bytes that are read at once.
const PIECE: usize = 64 * 1024;
/// Pieces that are read ahead.
const AHEAD: usize = 4;
/// Longest wait until the host has taken a piece.
const PIECE_LIMIT: Duration = Duration::from_secs(60);
/// Longest wait for the answer, when the host has all.
const ANSWER_LIMIT: Duration = Duration::from_secs(120);

/// A reply with all of its body.
pub(super) async fn whole(mut reply: reqwest::Response, limit: usize) -> anyhow::Result<HttpResponse> {
    let status_code = reply.status().as_u16();
    let mut body = Vec::new();
    while let Some(chunk) = reply.chunk().await? {
        anyhow::ensure!(body.len() + chunk.len() <= limit, "the reply is larger than {limit} bytes");
        body.extend_from_slice(&chunk);
    }
    Ok(HttpResponse { status_code, body })
}

/// Sends this as the body of the call, and reads the answer.
///
/// # Errors
/// It cannot be read, is shorter than was said, or the host does not go on.
pub(super) async fn upload(
    call: reqwest::RequestBuilder,
    body: UploadBody,
    length: u64,
) -> anyhow::Result<HttpResponse> {
    let (pieces, sent) = mpsc::channel(AHEAD);
    let call =
        call.header(reqwest::header::CONTENT_LENGTH, length).body(reqwest::Body::wrap(Sent { sent, left: length }));
    let mut sending = std::pin::pin!(async {
        let reply = call.send().await?;
        whole(reply, ANSWER_BYTES).await
    });
    // The host may answer before it has all: it does not want it.
    let fed = tokio::select! {
        biased;
        answer = &mut sending => return answer,
        fed = feed(body, length, &pieces) => fed,
    };
    if let Err(error) = fed {
        // Whoever sends it must not take the end for the end of the file.
        let _ = pieces.try_send(Err(std::io::Error::other("the file could not be read"))); // It may not be sent any more.
        return Err(error);
    }
    drop(pieces);
    tokio::time::timeout(ANSWER_LIMIT, sending).await.context("the host gave no answer to an upload")?
}

/// Hands over the body piece by piece. Reads in this thread, which may block.
async fn feed(mut body: UploadBody, length: u64, pieces: &mpsc::Sender<std::io::Result<Bytes>>) -> anyhow::Result<()> {
    let mut left = length;
    while left > 0 {
        let mut piece = vec![0; PIECE.min(usize::try_from(left).unwrap_or(PIECE))];
        let count = body.read(&mut piece)?;
        anyhow::ensure!(count > 0, "the file is shorter than it was");
        piece.truncate(count);
        left = left.saturating_sub(u64::try_from(count)?);
        let taken = tokio::time::timeout(PIECE_LIMIT, pieces.send(Ok(piece.into()))).await;
        if taken.context("the host does not take any more of an upload")?.is_err() {
            // It has ended; the answer says why.
            return std::future::pending().await;
        }
    }
    Ok(())
}

/// What is sent, as it comes.
struct Sent {
    sent: mpsc::Receiver<std::io::Result<Bytes>>,
    left: u64,
}

impl Body for Sent {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        let piece = std::task::ready!(self.sent.poll_recv(cx));
        if let Some(Ok(piece)) = &piece {
            self.left = self.left.saturating_sub(u64::try_from(piece.len()).unwrap_or(u64::MAX));
        }
        Poll::Ready(piece.map(|piece| piece.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
