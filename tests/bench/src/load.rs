//! Load on one address: requests over connections that stay open, as fast as the answers come.
//!
//! Plain HTTP/1.1 over the socket, so that it costs little beside what it measures. It runs on one thread in a process
//! of its own and says how busy that was.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::process::cpu_of;

/// Longest wait for one answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);
/// Most bytes of a reply's head.
const HEAD_BYTES: usize = 16 * 1024;

/// One round of load.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Load {
    pub(crate) address: SocketAddr,
    pub(crate) path: String,
    /// Connections that ask at the same time.
    #[arg(long)]
    pub(crate) connections: usize,
    #[arg(long)]
    pub(crate) milliseconds: u64,
    #[arg(long, env = "WAYPOST_ADMIN_TOKEN", hide_env_values = true)]
    pub(crate) token: String,
}

/// What came of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Outcome {
    pub(crate) requests: usize,
    pub(crate) seconds: f64,
    /// Milliseconds until the answer was read.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) most: f64,
    /// Bytes of one answer's body.
    pub(crate) body_bytes: usize,
    /// How busy the generator itself was, as a share of one core.
    pub(crate) generator_cpu: f64,
}

/// The child's life: one round, one JSON line.
pub(crate) fn run(load: &Load) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let outcome = runtime.block_on(measure(load))?;
    println!("{}", serde_json::to_string(&outcome)?);
    Ok(())
}

async fn measure(load: &Load) -> anyhow::Result<Outcome> {
    let cpu = cpu_of("self")?;
    let started = Instant::now();
    let until = started + Duration::from_millis(load.milliseconds);
    let mut asking = JoinSet::new();
    for _ in 0..load.connections {
        asking.spawn(ask(load.address, request(load), until));
    }
    let (mut waits, mut body_bytes) = (Vec::new(), 0);
    while let Some(asked) = asking.join_next().await {
        let (more, bytes) = asked??;
        waits.extend(more);
        body_bytes = bytes;
    }
    let seconds = started.elapsed().as_secs_f64();
    ensure!(!waits.is_empty(), "no answer within {} ms", load.milliseconds);
    waits.sort_by(f64::total_cmp);
    Ok(Outcome {
        requests: waits.len(),
        seconds,
        p50: crate::report::percentile(&waits, 50.0),
        p99: crate::report::percentile(&waits, 99.0),
        most: waits[waits.len() - 1],
        body_bytes,
        generator_cpu: (cpu_of("self")? - cpu).as_secs_f64() / seconds,
    })
}

fn request(load: &Load) -> Vec<u8> {
    let Load { address, path, token, .. } = load;
    format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\naccept: */*\r\n\r\n")
        .into_bytes()
}

/// Asks over one connection until the time is over. Milliseconds of each answer, and the last body's size.
async fn ask(address: SocketAddr, request: Vec<u8>, until: Instant) -> anyhow::Result<(Vec<f64>, usize)> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut buffer = Vec::with_capacity(HEAD_BYTES);
    let (mut waits, mut body_bytes) = (Vec::new(), 0);
    while Instant::now() < until {
        let asked = Instant::now();
        stream.write_all(&request).await?;
        let answer = tokio::time::timeout(ANSWER_LIMIT, read_answer(&mut stream, &mut buffer)).await;
        body_bytes = answer.context("no answer in time")??;
        waits.push(asked.elapsed().as_secs_f64() * 1e3);
    }
    Ok((waits, body_bytes))
}

/// Reads one reply that says its length; anything but a 200 is an error.
async fn read_answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> anyhow::Result<usize> {
    buffer.clear();
    let head_ends = loop {
        if let Some(at) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        ensure!(buffer.len() < HEAD_BYTES || buffer.starts_with(b"HTTP/1.1 200"), "an endless head");
        read_more(stream, buffer).await?;
    };
    let head = std::str::from_utf8(&buffer[..head_ends]).context("a head in UTF-8")?;
    ensure!(head.starts_with("HTTP/1.1 200"), "the reply is not 200: {}", head.lines().next().unwrap_or_default());
    let length = content_length(head)?;
    while buffer.len() < head_ends + length {
        read_more(stream, buffer).await?;
    }
    ensure!(buffer.len() == head_ends + length, "more came than the reply said");
    Ok(length)
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

async fn read_more(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> anyhow::Result<()> {
    buffer.reserve(HEAD_BYTES);
    ensure!(stream.read_buf(buffer).await? > 0, "the connection was closed");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::content_length;

    #[test]
    fn the_length_is_found_whatever_its_case() {
        assert_eq!(content_length("HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n").unwrap(), 12);
        assert!(content_length("HTTP/1.1 200 OK\r\n\r\n").is_err());
    }
}
