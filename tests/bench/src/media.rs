//! Files that come in: how soon the server has one that WhatsApp's media hosts have, and what memory that takes. Beside a plain client that
//! fetches the encrypted file from the same host, and beside the encryption alone, which nobody can be faster than.

use std::io::Read;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::Args;
use futures::future::try_join_all;
use serde::Serialize;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use wacore::download::MediaType;
use wacore::upload::encrypt_media_streaming;

use crate::options::{Measure, Options};
use crate::process::Glance;
use crate::report::{Report, Spread, Table, Target};
use crate::rest::answer;
use crate::storage::Storage;
use crate::world::{BootRate, Server, Simulator, TOKEN, phone_number, sender_number, session_id};

const MEGABYTE: u64 = 1_000_000;
/// Longest wait for a file.
const LIMIT: Duration = Duration::from_secs(600);
/// Pause between two looks.
const LOOK_PAUSE: Duration = Duration::from_millis(20);
/// What the project promised: this share of the limit by encryption, and this growth for each file that comes.
const TARGET_SHARE: f64 = 0.7;
const TARGET_GROWTH: f64 = 2.0;

/// How much is measured.
#[derive(Clone, Debug, Args)]
pub(crate) struct MediaIn {
    /// Size of a file, megabytes. All files of a run are in the simulator's memory, which has room for 1,000 MB.
    #[arg(long, default_value_t = 100)]
    megabytes: u64,
    /// Files that come at the same time, after one alone.
    #[arg(long, default_value_t = 8)]
    at_once: usize,
}

/// One run. Rates are megabytes of files per second, of all together.
#[derive(Clone, Debug, Serialize)]
struct Run {
    database: &'static str,
    /// AES-CBC, HMAC and both hashes, one thread, from memory to nowhere.
    encryption: f64,
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

impl Measure for MediaIn {
    fn shrink(&mut self) {
        (self.megabytes, self.at_once) = (2, 2);
    }

    async fn measure(&self, options: &Options) -> anyhow::Result<Report> {
        let mut runs = Vec::new();
        for kind in options.kinds() {
            for number in 1..=options.runs() {
                eprintln!("media: {}: run {number}", kind.name());
                let storage = kind.prepare().await?;
                let outcome = self.run(kind.name(), &storage).await;
                storage.discard()?;
                runs.push(outcome?);
            }
        }
        self.report(&runs, options)
    }
}

impl MediaIn {
    async fn run(&self, database: &'static str, storage: &Storage) -> anyhow::Result<Run> {
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
        let rate = |files: usize, took: Duration| files as f64 * self.megabytes as f64 / took.as_secs_f64();
        let encryption = rate(1, self.encryption().await?);
        let plain_one = rate(1, self.fetch_all(&http, &plain[..1]).await?);
        let plain_many = rate(self.at_once, self.fetch_all(&http, &plain[1..=self.at_once]).await?);
        let fetched_one = rate(1, self.fetched_all(&http, &urls[..1]).await?);
        let kept_one = rate(1, self.fetch_all(&http, &urls[..1]).await?);
        let (took, growth) = self.fetched_and_watched(&http, &urls[1..], &server).await?;
        let fetched_many = rate(self.at_once, took);
        Ok(Run { database, encryption, plain_one, plain_many, fetched_one, fetched_many, kept_one, growth })
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

    /// The same, and how much the server's memory grew at most meanwhile for each of them, megabytes.
    async fn fetched_and_watched(
        &self,
        http: &reqwest::Client,
        urls: &[String],
        server: &Server,
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
        let fetching = async {
            let took = self.fetched_all(http, urls).await;
            done.cancel();
            took
        };
        let (most, took) = tokio::join!(watching, fetching);
        Ok((took?, (most? - before) as f64 / MEGABYTE as f64 / urls.len() as f64))
    }

    fn report(&self, runs: &[Run], options: &Options) -> anyhow::Result<Report> {
        let head =
            ["", "encryption", "plain, 1", "plain, many", "fetched, 1", "fetched, many", "kept, 1", "growth, MB"];
        let title = format!("Files of {} MB, MB/s; many are {}", self.megabytes, self.at_once);
        let (mut table, mut targets) = (Table::new(title, &head), Vec::new());
        for kind in options.kinds() {
            let spread =
                |of: fn(&Run) -> f64| Spread::of(runs.iter().filter(|run| run.database == kind.name()).map(of));
            let columns: [fn(&Run) -> f64; 7] = [
                |run| run.encryption,
                |run| run.plain_one,
                |run| run.plain_many,
                |run| run.fetched_one,
                |run| run.fetched_many,
                |run| run.kept_one,
                |run| run.growth,
            ];
            let cells = columns.into_iter().map(|of| Ok(spread(of)?.text(1))).collect::<anyhow::Result<Vec<_>>>()?;
            table.row(std::iter::once(kind.name().to_owned()).chain(cells).collect());
            let (share, growth) = (spread(|run| run.fetched_one / run.encryption)?, spread(|run| run.growth)?);
            targets.push(Target {
                what: format!("{}: one file, share of the limit by encryption", kind.name()),
                reach: format!(">= {TARGET_SHARE}"),
                measured: share.text(2),
                is_reached: share.median >= TARGET_SHARE,
            });
            targets.push(Target {
                what: format!("{}: memory for each file that comes", kind.name()),
                reach: format!("<= {TARGET_GROWTH} MB"),
                measured: format!("{} MB", growth.text(2)),
                is_reached: growth.median <= TARGET_GROWTH,
            });
        }
        let notes = vec![
            format!("{} runs per line, each with a server of its own; each cell: median (least-most).", options.runs()),
            "Fetched: from the request to the first byte of the answer, which comes when the file is here, checked and on the disk."
                .to_owned(),
            "Plain: the encrypted file from the same host, read and thrown away.".to_owned(),
            "On two cores the simulator, the client and the server share them; encryption has one for itself.".to_owned(),
        ];
        Ok(Report { bench: "media", notes, tables: vec![table], targets, runs: json!(runs) })
    }
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
