//! How long after `kill -9` and a new start all linked sessions are logged in again.

use std::time::{Duration, Instant};

use anyhow::ensure;
use clap::Args;
use serde::Serialize;
use serde_json::json;

use crate::options::{Measure, Options};
use crate::report::{Report, Spread, Table, Target};
use crate::storage::{Kind, Storage};
use crate::world::{BootRate, Server, Simulator};

/// Longest that a start may take until it counts as stuck.
const BOOT_LIMIT: Duration = Duration::from_secs(600);
/// Pause between two looks at the server's list.
const LOOK_PAUSE: Duration = Duration::from_millis(100);
/// Pause of a running server before it is killed, so that each start finds the same.
const REST: Duration = Duration::from_secs(5);
/// Seconds until all are back, without a limit on the boot queue.
const TARGET_SECONDS: f64 = 8.0;

/// How much is measured.
#[derive(Clone, Debug, Args)]
pub(crate) struct ColdStart {
    /// Linked sessions.
    #[arg(long, default_value_t = 500)]
    sessions: usize,
}

/// One start.
#[derive(Clone, Debug, Serialize)]
struct Run {
    database: &'static str,
    is_rate_lifted: bool,
    /// From the start of the process to the first answer of `/livez`.
    alive_seconds: f64,
    /// From the start of the process until the list shows all as logged in.
    all_seconds: f64,
    /// Processor time of the server until then.
    cpu_seconds: f64,
}

impl Measure for ColdStart {
    fn shrink(&mut self) {
        self.sessions = 5;
    }

    async fn measure(&self, options: &Options) -> anyhow::Result<Report> {
        let mut runs = Vec::new();
        for kind in options.kinds() {
            let storage = kind.prepare().await?;
            let outcome = self.starts(&kind, &storage, options.runs()).await;
            storage.discard()?;
            runs.extend(outcome?);
        }
        self.report(&runs, options)
    }
}

impl ColdStart {
    /// Links once, then kills and starts again and again: the phones do not notice.
    async fn starts(&self, kind: &Kind, storage: &Storage, times: usize) -> anyhow::Result<Vec<Run>> {
        let simulator = Simulator::start(storage).await?;
        let mut server = Server::start(storage, &simulator, BootRate::Lifted).await?;
        eprintln!("cold-start: {}: linking {} sessions", kind.name(), self.sessions);
        server.link(&simulator, 0..self.sessions).await?;
        let mut runs = Vec::new();
        for rate in [BootRate::Lifted, BootRate::Default] {
            for number in 1..=times {
                eprintln!("cold-start: {}: start {number}, boot rate {rate:?}", kind.name());
                tokio::time::sleep(REST).await;
                server.process.kill()?;
                let started = Instant::now();
                server = Server::start(storage, &simulator, rate).await?;
                let alive_seconds = started.elapsed().as_secs_f64();
                self.all_logged_in(&server).await?;
                runs.push(Run {
                    database: kind.name(),
                    is_rate_lifted: rate == BootRate::Lifted,
                    alive_seconds,
                    all_seconds: started.elapsed().as_secs_f64(),
                    cpu_seconds: server.process.cpu()?.as_secs_f64(),
                });
            }
        }
        Ok(runs)
    }

    async fn all_logged_in(&self, server: &Server) -> anyhow::Result<()> {
        let started = Instant::now();
        let mut count = 0;
        while count < self.sessions {
            ensure!(started.elapsed() < BOOT_LIMIT, "{count} of {} sessions came back", self.sessions);
            tokio::time::sleep(LOOK_PAUSE).await;
            count = server.rest.count_logged_in().await?;
        }
        Ok(())
    }

    fn report(&self, runs: &[Run], options: &Options) -> anyhow::Result<Report> {
        let head = ["", "boot rate", "first answer, s", "all logged in, s", "server CPU, s"];
        let mut table = Table::new(format!("{} sessions after kill -9", self.sessions), &head);
        let mut targets = Vec::new();
        for kind in options.kinds() {
            for is_rate_lifted in [true, false] {
                let spread = |of: fn(&Run) -> f64| {
                    let same = |run: &&Run| run.database == kind.name() && run.is_rate_lifted == is_rate_lifted;
                    Spread::of(runs.iter().filter(same).map(of))
                };
                let all = spread(|run| run.all_seconds)?;
                table.row(vec![
                    kind.name().to_owned(),
                    if is_rate_lifted { "lifted" } else { "default" }.to_owned(),
                    spread(|run| run.alive_seconds)?.text(2),
                    all.text(2),
                    spread(|run| run.cpu_seconds)?.text(2),
                ]);
                if is_rate_lifted {
                    targets.push(Target {
                        what: format!("{}: all {} logged in, rate lifted", kind.name(), self.sessions),
                        reach: format!("<= {TARGET_SECONDS} s"),
                        measured: format!("{} s", all.text(2)),
                        is_reached: all.median <= TARGET_SECONDS,
                    });
                }
            }
        }
        let notes = vec![
            format!("{} starts per line; each cell: median (least-most).", options.runs()),
            "The sessions are linked once per database; each start follows a kill -9 of a server at rest.".to_owned(),
            format!("All: by the server's own list, looked at every {} ms.", LOOK_PAUSE.as_millis()),
        ];
        Ok(Report { bench: "cold-start", notes, tables: vec![table], targets, runs: json!(runs) })
    }
}
