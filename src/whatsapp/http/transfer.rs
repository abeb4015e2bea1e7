//! Files that come or go, piece by piece: how many at the same time, and where the pieces of one come from.

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use bytes::{Buf, Bytes};
use sha2::{Digest, Sha256};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::whatsapp::http::SharedClient;

/// Files that come at the same time, in the whole process, and as many that go. Each has a thread that encrypts or decrypts it, and a few hundred
/// kilobytes of memory.
const AT_ONCE: usize = 32;
/// Longest wait for the beginning of a reply, and then for each piece of it.
const PIECE_LIMIT: Duration = Duration::from_secs(60);
/// Pieces that are fetched ahead of who reads them. One has up to 400 KB, as much as the HTTP library reads at once.
const AHEAD: usize = 1;

/// How files are fetched, and when. All sessions share it.
#[derive(Clone)]
pub(in crate::whatsapp) struct Transfers {
    client: SharedClient,
    downloads: Arc<Semaphore>,
    uploads: Arc<Semaphore>,
}

/// A reply whose body is still to come.
pub(in crate::whatsapp) struct Reply {
    response: reqwest::Response,
}

/// The pieces of a body, for a thread that may wait for them. It ends early, with an error, when whoever fetches them gives up.
pub(in crate::whatsapp) struct Pieces {
    coming: mpsc::Receiver<std::io::Result<Bytes>>,
    piece: Bytes,
}

impl Transfers {
    pub(in crate::whatsapp) fn new(client: SharedClient) -> Self {
        Self { client, downloads: Arc::new(Semaphore::new(AT_ONCE)), uploads: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// Waits until one more file may come. It may as long as this is kept.
    pub(in crate::whatsapp) async fn download_place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.downloads).acquire_owned().await.ok() // Nobody closes it.
    }

    /// The same of one that goes. Files that come do not hold it up.
    pub(in crate::whatsapp) async fn upload_place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.uploads).acquire_owned().await.ok() // Nobody closes it.
    }

    /// Begins to fetch something.
    ///
    /// # Errors
    /// The host may not be asked, cannot be reached, or does not answer.
    pub(in crate::whatsapp) async fn fetch(&self, url: &str) -> anyhow::Result<Reply> {
        let call = self.client.request("GET", url)?;
        let response = tokio::time::timeout(PIECE_LIMIT, call.send()).await.context("the host does not answer")??;
        Ok(Reply { response })
    }
}

impl Reply {
    /// The status.
    pub(in crate::whatsapp) fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    /// How many bytes there are, if it says so.
    pub(in crate::whatsapp) fn length(&self) -> Option<u64> {
        self.response.content_length()
    }

    /// Hands the pieces over as they come, and gives the future that does it: it ends with the last one, or when nobody reads them
    /// any more, and gives the hash of all that it has handed over.
    pub(in crate::whatsapp) fn pieces(self) -> (Pieces, impl Future<Output = Sha256> + Send) {
        let (pieces, coming) = mpsc::channel(AHEAD);
        let fetching = async move {
            let (mut response, mut hasher) = (self.response, Sha256::new());
            // Nothing is read from the network before there is a place for it.
            while let Ok(place) = pieces.reserve().await {
                let piece = match tokio::time::timeout(PIECE_LIMIT, response.chunk()).await {
                    Ok(Ok(Some(piece))) => Ok(piece),
                    // An empty piece is the end. Without one it was not reached.
                    Ok(Ok(None)) => Ok(Bytes::new()),
                    Ok(Err(error)) => Err(std::io::Error::other(error)),
                    Err(_) => Err(std::io::Error::from(std::io::ErrorKind::TimedOut)),
                };
                let is_last = piece.as_ref().map_or(true, Bytes::is_empty);
                // Here, and not where the file is opened: that keeps one processor busy by itself.
                hasher.update(piece.as_deref().unwrap_or_default());
                place.send(piece);
                if is_last {
                    break;
                }
            }
            hasher
        };
        (Pieces { coming, piece: Bytes::new() }, fetching)
    }
}

impl Read for Pieces {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        if self.piece.is_empty() {
            let given_up = || std::io::Error::from(std::io::ErrorKind::BrokenPipe);
            self.piece = self.coming.blocking_recv().ok_or_else(given_up)??;
            if self.piece.is_empty() {
                // Whoever reads on is told the same.
                self.coming.close();
                return Ok(0);
            }
        }
        let count = self.piece.len().min(buf.len());
        self.piece.copy_to_slice(&mut buf[..count]);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_that_is_given_up_does_not_look_as_if_it_were_whole() {
        let (pieces, coming) = mpsc::channel(AHEAD);
        pieces.try_send(Ok(Bytes::from_static(b"begin"))).expect("there is room");
        drop(pieces);
        let mut read = Vec::new();
        let ended = Pieces { coming, piece: Bytes::new() }.read_to_end(&mut read);
        assert_eq!(ended.expect_err("it did not end").kind(), std::io::ErrorKind::BrokenPipe);
        assert_eq!(read, b"begin");
    }

    #[test]
    fn a_body_ends_with_an_empty_piece() {
        let (pieces, coming) = mpsc::channel(3);
        for piece in [&b"be"[..], b"gin", b""] {
            pieces.try_send(Ok(Bytes::from_static(piece))).expect("there is room");
        }
        let mut read = Vec::new();
        Pieces { coming, piece: Bytes::new() }.read_to_end(&mut read).expect("it is whole");
        assert_eq!(read, b"begin");
    }
}
