//! Files that come and go: how soon the server has one that WhatsApp's media hosts have, how soon one of the server's is there, what memory
//! that takes, and whether texts wait for it. Beside a plain client that moves as many bytes from and to the same host, and beside the
//! encryption alone, which nobody can be faster than.

mod outgoing;
mod pictures;
mod tables;

use std::io::Read;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::{Args, ValueEnum};
use futures::future::try_join_all;
use serde::Serialize;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use wacore::download::MediaType;
use wacore::upload::encrypt_media_streaming;

use crate::media::outgoing::Outgoing;
use crate::media::pictures::Pictures;
use crate::options::{Measure, Options};
use crate::process::Glance;
use crate::report::Report;
use crate::rest::answer;
use crate::storage::{Kind, Storage};
use crate::world::{BootRate, Server, Simulator, TOKEN, phone_number, sender_number, session_id};

const MEGABYTE: u64 = 1_000_000;
/// Longest wait for a file.
const LIMIT: Duration = Duration::from_secs(600);
/// Pause between two looks.
const LOOK_PAUSE: Duration = Duration::from_millis(20);

/// How much is measured.
#[derive(Clone, Debug, Args)]
pub(crate) struct MediaBench {
    /// Size of a file, megabytes; the server takes up to 104. The simulator has room for 1,000 MB and forgets the oldest files then.
    #[arg(long, default_value_t = 100)]
    megabytes: u64,
    /// Files that come or go at the same time, after one alone.
    #[arg(long, default_value_t = 8)]
    at_once: usize,
    /// Texts per second beside which files are uploaded, in all chats together.
    #[arg(long, default_value_t = 40.0)]
    text_rate: f64,
    /// Seconds for which texts are sent, once without uploads and once with them.
    #[arg(long, default_value_t = 8.0)]
    text_seconds: f64,
    /// Times of texts without uploads, in turns with as many with uploads.
    #[arg(long, default_value_t = 2)]
    turns: usize,
    /// Pictures of 200 kB.
    #[arg(long, default_value_t = 1000)]
    pictures: usize,
    /// Only these parts.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Part::In, Part::Out, Part::Pictures])]
    parts: Vec<Part>,
}

/// What can be measured alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Files that come in.
    In,
    /// Files that go out, and texts beside them.
    Out,
    /// Pictures that go out.
    Pictures,
}

/// One run of all parts.
#[derive(Clone, Debug, Serialize)]
struct Run {
    database: &'static str,
    /// AES-CBC, HMAC and both hashes, one thread, from memory to nowhere. Megabytes per second.
    encryption: f64,
    incoming: Option<Incoming>,
    outgoing: Option<Outgoing>,
    pictures: Option<Pictures>,
}

/// One run of what comes in. Rates are megabytes of files per second, of all together.
#[derive(Clone, Debug, Serialize)]
struct Incoming {
    plain_one: f64,
    plain_many: f64,
    /// Until the server has the file and has checked it: the first byte of its answer.
    fetched_one: f64,
    fetched_many: f64,
    /// From the store.
    kept_one: f64,
    /// Growth of the server's memory for each of many files that come at the same time, megabytes.
    growth: f64,
}

impl Measure for MediaBench {
    fn shrink(&mut self) {
        (self.megabytes, self.at_once, self.pictures) = (2, 2, 8);
        (self.text_rate, self.text_seconds, self.turns) = (20.0, 1.0, 1);
    }

    async fn measure(&self, options: &Options) -> anyhow::Result<Report> {
        ensure!(self.megabytes > 0 && self.at_once > 0 && self.turns > 0, "there must be something to measure");
        ensure!(self.text_rate > 0.0 && self.text_seconds > 0.0, "there must be texts");
        let mut runs = Vec::new();
        for kind in options.kinds() {
            for number in 1..=options.runs() {
                runs.push(self.run(&kind, number).await?);
            }
        }
        tables::report(self, &runs, options)
    }
}

impl MediaBench {
    /// Each part in a world of its own.
    async fn run(&self, kind: &Kind, number: usize) -> anyhow::Result<Run> {
        let encryption = self.rate(1, self.encryption().await?);
        let (incoming, outgoing, pictures) = (None, None, None);
        let mut run = Run { database: kind.name(), encryption, incoming, outgoing, pictures };
        for &part in &self.parts {
            eprintln!("media: {}: run {number}: {part:?}", kind.name());
            let storage = kind.prepare().await?;
            let outcome = match part {
                Part::In => self.incoming(&storage).await.map(|incoming| run.incoming = Some(incoming)),
                Part::Out => self.outgoing(&storage).await.map(|outgoing| run.outgoing = Some(outgoing)),
                Part::Pictures => self.pictures(&storage).await.map(|pictures| run.pictures = Some(pictures)),
            };
            storage.discard()?;
            outcome?;
        }
        Ok(run)
    }

    /// Megabytes per second of so many files.
    fn rate(&self, files: usize, took: Duration) -> f64 {
        files as f64 * self.megabytes as f64 / took.as_secs_f64()
    }

    async fn incoming(&self, storage: &Storage) -> anyhow::Result<Incoming> {
        let simulator = Simulator::start(storage).await?;
        let server = Server::start(storage, &simulator, BootRate::Lifted).await?;
        server.link(&simulator, 0..1).await?;
        simulator.control.add_phone(&sender_number(0)).await?;
        let control = format!("http://127.0.0.1:{}", simulator.control_port);
        let http = reqwest::Client::builder().no_proxy().timeout(LIMIT).build()?;
        let mut ids = Vec::new();
        for _ in 0..=self.at_once {
            let url = format!("{control}/phones/{}/messages", sender_number(0));
            let file = json!({ "to": phone_number(0), "kind": "file", "file": "document", "size_bytes": self.bytes() });
            let sent = answer(http.post(url).json(&file), "POST /messages").await?;
            ids.push(sent["ids"][0].as_str().context("no id")?.to_owned());
        }
        let base = format!("http://127.0.0.1:{}/api/v1/sessions/{}/messages", server.port, session_id(0));
        let urls: Vec<_> = ids.iter().map(|id| format!("{base}/{id}/media")).collect();
        for url in &urls {
            known(&http, url).await?;
        }
        let stored = answer(http.get(format!("{control}/media")), "GET /media").await?;
        let plain = plain_urls(&stored)?;
        let plain_one = self.rate(1, self.fetch_all(&http, &plain[..1]).await?);
        let plain_many = self.rate(self.at_once, self.fetch_all(&http, &plain[1..=self.at_once]).await?);
        let fetched_one = self.rate(1, self.fetched_all(&http, &urls[..1]).await?);
        let kept_one = self.rate(1, self.fetch_all(&http, &urls[..1]).await?);
        let (took, growth) = watched(&server, self.at_once, self.fetched_all(&http, &urls[1..])).await?;
        let fetched_many = self.rate(self.at_once, took);
        Ok(Incoming { plain_one, plain_many, fetched_one, fetched_many, kept_one, growth })
    }

    fn bytes(&self) -> u64 {
        self.megabytes * MEGABYTE
    }

    /// How long it takes to encrypt so much.
    async fn encryption(&self) -> anyhow::Result<Duration> {
        let plain = std::io::repeat(7).take(self.bytes());
        let begun = Instant::now();
        tokio::task::spawn_blocking(|| encrypt_media_streaming(plain, std::io::sink(), MediaType::Document)).await??;
        Ok(begun.elapsed())
    }

    /// How long it takes until all have come to this client.
    async fn fetch_all(&self, http: &reqwest::Client, urls: &[String]) -> anyhow::Result<Duration> {
        let begun = Instant::now();
        let coming = urls.iter().map(|url| async move {
            let mut reply = http.get(url).bearer_auth(TOKEN).send().await?.error_for_status()?;
            let mut count = 0;
            while let Some(piece) = reply.chunk().await? {
                count += piece.len() as u64;
            }
            ensure!(count >= self.bytes(), "{count} bytes of {url}");
            Ok(())
        });
        try_join_all(coming).await?;
        Ok(begun.elapsed())
    }

    /// How long it takes until the server has all. Their bytes are not taken.
    async fn fetched_all(&self, http: &reqwest::Client, urls: &[String]) -> anyhow::Result<Duration> {
        let begun = Instant::now();
        let coming = urls.iter().map(|url| async move {
            // One that takes longer than the server lets a request wait is asked for again.
            while http.get(url).header("range", "bytes=0-0").bearer_auth(TOKEN).send().await?.status() != 206 {
                ensure!(begun.elapsed() < LIMIT, "{url} does not come");
            }
            Ok(())
        });
        try_join_all(coming).await?;
        Ok(begun.elapsed())
    }
}

/// How long so many files took, and how much the server's memory grew at most meanwhile for each of them, megabytes.
async fn watched(
    server: &Server,
    files: usize,
    moving: impl Future<Output = anyhow::Result<Duration>>,
) -> anyhow::Result<(Duration, f64)> {
    let (process, done) = (server.process.number(), CancellationToken::new());
    let before = Glance::of(&process)?.resident_bytes;
    let watching = async {
        let mut most = before;
        while done.run_until_cancelled(tokio::time::sleep(LOOK_PAUSE)).await.is_some() {
            most = most.max(Glance::of(&process)?.resident_bytes);
        }
        anyhow::Ok(most)
    };
    let moving = async {
        let took = moving.await;
        done.cancel();
        took
    };
    let (most, took) = tokio::join!(watching, moving);
    Ok((took?, (most? - before) as f64 / MEGABYTE as f64 / files as f64))
}

/// Waits until the server knows the message.
async fn known(http: &reqwest::Client, url: &str) -> anyhow::Result<()> {
    let begun = Instant::now();
    while !http.head(url).bearer_auth(TOKEN).send().await?.status().is_success() {
        ensure!(begun.elapsed() < LIMIT, "the message of {url} does not come");
        tokio::time::sleep(LOOK_PAUSE).await;
    }
    Ok(())
}

/// Where the encrypted files are on the first media host.
fn plain_urls(stored: &Value) -> anyhow::Result<Vec<String>> {
    let host = stored["hosts"][0].as_str().context("no media host")?;
    let files = stored["files"].as_array().context("no files")?;
    let paths = files.iter().filter_map(|file| file["direct_path"].as_str());
    Ok(paths.map(|path| format!("http://{host}{path}")).collect())
}
