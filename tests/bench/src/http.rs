//! Plain HTTP/1.1 over one connection that stays open. It costs little beside what it is used to measure.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Longest wait for one answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);
/// Most bytes of a reply's head.
const HEAD_BYTES: usize = 16 * 1024;

/// A request as it goes over the wire: a POST of JSON if there is a body, otherwise a GET.
pub(crate) fn request(address: SocketAddr, token: &str, path: &str, body: Option<&str>) -> Vec<u8> {
    let method = if body.is_some() { "POST" } else { "GET" };
    let head =
        format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\naccept: */*\r\n");
    match body {
        // The server refuses a type where it takes no body.
        Some("") => format!("{head}content-length: 0\r\n\r\n"),
        Some(body) => format!("{head}content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len()),
        None => format!("{head}\r\n"),
    }
    .into_bytes()
}

/// An open connection, with room for one reply.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    /// Connects; nothing is sent yet.
    pub(crate) async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(HEAD_BYTES) })
    }

    /// Sends a request and reads the reply's body.
    ///
    /// # Errors
    /// The reply is anything but a 200 that says its length, or does not come within 30 s.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> anyhow::Result<&[u8]> {
        let (status, body) = self.exchange(request).await?;
        ensure!(status == 200, "the reply is not 200: {status}");
        Ok(body)
    }

    /// Sends a request and reads the reply's status and body.
    ///
    /// # Errors
    /// The reply does not say its length, or does not come within 30 s.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> anyhow::Result<(u16, &[u8])> {
        self.stream.write_all(request).await?;
        let read = tokio::time::timeout(ANSWER_LIMIT, self.read_answer()).await;
        let (status, body_begins) = read.context("no answer in time")??;
        Ok((status, &self.buffer[body_begins..]))
    }

    /// Reads one whole reply; its status, and where its body begins.
    async fn read_answer(&mut self) -> anyhow::Result<(u16, usize)> {
        self.buffer.clear();
        let head_ends = loop {
            if let Some(at) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            ensure!(self.buffer.len() < HEAD_BYTES || self.buffer.starts_with(b"HTTP/1.1 2"), "an endless head");
            self.read_more().await?;
        };
        let head = std::str::from_utf8(&self.buffer[..head_ends]).context("a head in UTF-8")?;
        let (status, length) = (status(head)?, content_length(head)?);
        while self.buffer.len() < head_ends + length {
            self.read_more().await?;
        }
        ensure!(self.buffer.len() == head_ends + length, "more came than the reply said");
        Ok((status, head_ends))
    }

    async fn read_more(&mut self) -> anyhow::Result<()> {
        self.buffer.reserve(HEAD_BYTES);
        ensure!(self.stream.read_buf(&mut self.buffer).await? > 0, "the connection was closed");
        Ok(())
    }
}

fn status(head: &str) -> anyhow::Result<u16> {
    let status = head.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
    status.with_context(|| format!("no status: {}", head.lines().next().unwrap_or_default()))
}

fn content_length(head: &str) -> anyhow::Result<usize> {
    for line in head.lines() {
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            return Ok(value.trim().parse()?);
        }
    }
    bail!("the reply does not say its length: {head}")
}

#[cfg(test)]
mod tests {
    use super::{content_length, request, status};

    #[test]
    fn the_length_is_found_whatever_its_case() {
        assert_eq!(content_length("HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n").unwrap(), 12);
        assert!(content_length("HTTP/1.1 200 OK\r\n\r\n").is_err());
        assert_eq!(status("HTTP/1.1 202 Accepted\r\n\r\n").unwrap(), 202);
        assert!(status("HTTP/1.1 ").is_err());
    }

    #[test]
    fn what_has_a_body_is_posted_with_its_length_in_bytes() {
        let address = ([127, 0, 0, 1], 80).into();
        let posted = String::from_utf8(request(address, "t", "/graphql", Some("\"é\""))).unwrap();
        assert!(posted.starts_with("POST /graphql HTTP/1.1\r\n"), "{posted}");
        assert!(posted.ends_with("content-length: 4\r\n\r\n\"é\""), "{posted}");
        assert!(request(address, "t", "/", None).starts_with(b"GET / "));
    }
}
