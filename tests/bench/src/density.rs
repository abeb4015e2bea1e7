//! What a logged-in idle session costs: memory, descriptors, threads, processor, disk; and what a deleted one leaves.

mod tables;

use std::time::Duration;

use clap::Args;
use serde::Serialize;

use crate::options::{Measure, Options};
use crate::process::{Process, Usage};
use crate::report::Report;
use crate::storage::{Kind, Storage};
use crate::world::{Bare, BootRate, Server, Simulator, in_parallel, session_id};

/// Cycles that warm allocator and pools up before the cycles that count.
const WARM_UP_CYCLES: usize = 100;
/// Create-and-delete cycles under way at the same time.
const CYCLES_AT_ONCE: usize = 8;
/// The subject that the others are measured against.
const BARE: &str = "bare library";

/// How much is measured.
#[derive(Clone, Debug, Args)]
pub(crate) struct Density {
    /// Numbers of logged-in sessions to measure at, ascending.
    #[arg(long, value_delimiter = ',', default_values_t = [0, 100, 500, 1000])]
    sessions: Vec<usize>,
    /// Create-and-delete cycles.
    #[arg(long, default_value_t = 1000)]
    cycles: usize,
    /// Seconds of rest before each measurement: idle threads end after ten.
    #[arg(long, default_value_t = 15)]
    settle_seconds: u64,
    /// Seconds over which the idle processor time is taken.
    #[arg(long, default_value_t = 20)]
    window_seconds: u64,
}

/// One measurement at one number of sessions.
#[derive(Clone, Debug, Serialize)]
struct Step {
    sessions: usize,
    usage: Usage,
    /// Processor time per second of rest, as a share of one core.
    cpu_share: f64,
    disk_bytes: u64,
}

/// What the create-and-delete cycles left.
#[derive(Clone, Debug, Serialize)]
struct Cycles {
    cycles: usize,
    before: Usage,
    after: Usage,
}

/// One run of one subject.
#[derive(Clone, Debug, Serialize)]
struct Run {
    subject: &'static str,
    steps: Vec<Step>,
    cycles: Option<Cycles>,
}

impl Run {
    /// Growth per session between the first step with sessions and the last one.
    fn marginal(&self, of: impl Fn(&Step) -> u64) -> f64 {
        let first = self.steps.iter().find(|step| step.sessions > 0).or(self.steps.first());
        let (Some(first), Some(last)) = (first, self.steps.last()) else { return f64::NAN };
        let sessions = last.sessions.saturating_sub(first.sessions).max(1);
        (of(last) as f64 - of(first) as f64) / sessions as f64
    }
}

impl Measure for Density {
    fn shrink(&mut self) {
        (self.sessions, self.cycles) = (vec![0, 5, 10], 20);
        (self.settle_seconds, self.window_seconds) = (1, 2);
    }

    async fn measure(&self, options: &Options) -> anyhow::Result<Report> {
        let mut runs = Vec::new();
        for number in 1..=options.runs() {
            eprintln!("density: run {number}: {BARE}");
            runs.push(self.bare().await?);
            for kind in options.kinds() {
                eprintln!("density: run {number}: {}", kind.name());
                runs.push(self.server(&kind).await?);
            }
        }
        tables::report(&runs, &self.sessions, options)
    }
}

impl Density {
    async fn bare(&self) -> anyhow::Result<Run> {
        let storage = Kind::Sqlite.prepare().await?;
        let simulator = Simulator::start(&storage).await?;
        let bare = Bare::start(&storage, &simulator)?;
        let mut steps = Vec::new();
        let mut linked = 0;
        for &sessions in &self.sessions {
            bare.link(&simulator, linked..sessions).await?;
            linked = sessions;
            steps.push(self.step(&bare.process, sessions, None).await?);
        }
        drop(bare);
        storage.discard()?;
        Ok(Run { subject: BARE, steps, cycles: None })
    }

    async fn server(&self, kind: &Kind) -> anyhow::Result<Run> {
        // Two worlds: the steps are not to begin with the memory and the free pages that the cycles leave.
        let storage = kind.prepare().await?;
        let cycles = self.cycles(&storage).await;
        storage.discard()?;
        let storage = kind.prepare().await?;
        let steps = self.steps(&storage).await;
        storage.discard()?;
        Ok(Run { subject: kind.name(), steps: steps?, cycles: Some(cycles?) })
    }

    async fn steps(&self, storage: &Storage) -> anyhow::Result<Vec<Step>> {
        let simulator = Simulator::start(storage).await?;
        let server = Server::start(storage, &simulator, BootRate::Lifted).await?;
        let mut steps = Vec::new();
        let mut linked = 0;
        for &sessions in &self.sessions {
            server.link(&simulator, linked..sessions).await?;
            linked = sessions;
            steps.push(self.step(&server.process, sessions, Some(storage)).await?);
        }
        Ok(steps)
    }

    async fn step(&self, process: &Process, sessions: usize, storage: Option<&Storage>) -> anyhow::Result<Step> {
        tokio::time::sleep(Duration::from_secs(self.settle_seconds)).await;
        let window = Duration::from_secs(self.window_seconds);
        let before = process.cpu()?;
        tokio::time::sleep(window).await;
        let used = process.cpu()?.saturating_sub(before);
        let disk_bytes = match storage {
            Some(storage) => storage.bytes().await?,
            None => 0,
        };
        let cpu_share = used.as_secs_f64() / window.as_secs_f64();
        Ok(Step { sessions, usage: process.usage()?, cpu_share, disk_bytes })
    }

    async fn cycles(&self, storage: &Storage) -> anyhow::Result<Cycles> {
        let simulator = Simulator::start(storage).await?;
        let server = Server::start(storage, &simulator, BootRate::Lifted).await?;
        let idle_time = Duration::from_secs(self.settle_seconds);
        create_and_delete(&server, self.cycles.min(WARM_UP_CYCLES)).await?;
        tokio::time::sleep(idle_time).await;
        let before = server.process.usage()?;
        create_and_delete(&server, self.cycles).await?;
        tokio::time::sleep(idle_time).await;
        Ok(Cycles { cycles: self.cycles, before, after: server.process.usage()? })
    }
}

async fn create_and_delete(server: &Server, cycles: usize) -> anyhow::Result<()> {
    in_parallel(0..cycles, CYCLES_AT_ONCE, |cycle| {
        let rest = server.rest.clone();
        async move {
            let id = session_id(cycle);
            rest.create(&id).await?;
            rest.qr(&id).await?;
            rest.delete(&id).await
        }
    })
    .await
}
