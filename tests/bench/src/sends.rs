//! What the server sends: how many messages a second WhatsApp acknowledges, how soon a client has its answer, and what
//! messages cost that wait for their session. Beside the bare library, which sends the same and writes nothing down.

pub(crate) mod plan;

pub(crate) mod book;
pub(crate) mod client;
mod queue;
mod tables;

use std::time::Duration;

use anyhow::ensure;
use clap::Args;
use serde::Serialize;

use crate::options::{Measure, Options};
use crate::process::{Process, cpu_of};
use crate::report::Report;
use crate::sender::{Chats, warm_up};
use crate::sends::client::{Answered, post};
use crate::sends::plan::{Plan, Round};
use crate::sends::queue::Queued;
use crate::storage::{Kind, Storage};
use crate::world::{Bare, BootRate, Launch, Server, Simulator};

/// Pause after a part: what it left to do is done then, receipts above all.
const REST: Duration = Duration::from_secs(3);

/// How much is measured.
#[derive(Clone, Debug, Args)]
pub(crate) struct Sends {
    /// Sessions that send.
    #[arg(long, default_value_t = 20)]
    sessions: usize,
    /// Chats of each session.
    #[arg(long, default_value_t = 10)]
    chats: usize,
    /// Messages of a burst, in all chats together.
    #[arg(long, default_value_t = 2000)]
    messages: usize,
    /// Bursts of the server, in turns with as many of the bare library.
    #[arg(long, default_value_t = 5)]
    bursts: usize,
    /// Messages per second of the steady rate, in all chats together.
    #[arg(long, default_value_t = 50.0)]
    rate: f64,
    /// Seconds of the steady rate.
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// Times of the steady rate, in turns with as many of the bare library.
    #[arg(long, default_value_t = 2)]
    turns: usize,
    /// Messages that wait for a session which is offline, in all its chats together; the server keeps 10,000.
    #[arg(long, default_value_t = 10_000)]
    queued: usize,
    /// Messages that wait and are sent before anything of that is measured.
    #[arg(long, default_value_t = 1500)]
    warm_messages: usize,
    /// Seconds of rest before a look at memory: idle threads end after ten.
    #[arg(long, default_value_t = 12)]
    settle_seconds: u64,
    /// Only these parts.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Part::Burst, Part::Steady, Part::Queue])]
    parts: Vec<Part>,
}

/// What can be measured alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// As fast as it goes, beside the bare library.
    Burst,
    /// At a steady rate, beside the bare library.
    Steady,
    /// What waits for a session that is offline.
    Queue,
}

/// What one of the two has sent, until all of it was acknowledged.
#[derive(Clone, Debug, Serialize)]
struct Sent {
    round: Round,
    /// Processor time of who sends, until the receipts have come.
    cpu_seconds: f64,
    /// Processor time of who asks for it; the bare library asks itself.
    asker_cpu_seconds: f64,
}

/// What the server has sent, and the bare library right before it.
#[derive(Clone, Debug, Serialize)]
struct Beside {
    bare: Sent,
    server: Sent,
}

/// The same plan, a few times.
#[derive(Clone, Debug, Default, Serialize)]
struct Rounds {
    rounds: Vec<Beside>,
    simulator_complaints: usize,
}

/// One run of one subject.
#[derive(Clone, Debug, Serialize)]
struct Run {
    subject: &'static str,
    number: usize,
    burst: Rounds,
    steady: Rounds,
    queue: Option<Queued>,
}

/// The two of them, each with a simulator of its own, linked and warm.
struct Pair {
    _simulator_of_bare: Simulator,
    bare: Bare,
    simulator: Simulator,
    server: Server,
}

impl Measure for Sends {
    fn shrink(&mut self) {
        (self.sessions, self.chats, self.messages, self.bursts) = (4, 2, 40, 1);
        (self.rate, self.seconds, self.turns) = (20.0, 2, 1);
        (self.queued, self.warm_messages, self.settle_seconds) = (100, 20, 1);
    }

    async fn measure(&self, options: &Options) -> anyhow::Result<Report> {
        let chats = self.all_chats().all();
        ensure!(chats > 0 && self.rate > 0.0, "there must be somebody who sends");
        ensure!(self.messages >= chats, "--messages must be at least --sessions times --chats");
        ensure!(self.queued >= self.chats && self.warm_messages > 0, "something must wait in every chat");
        let mut runs = Vec::new();
        for number in 1..=options.runs() {
            for kind in options.kinds() {
                runs.push(self.run(&kind, number).await?);
            }
        }
        tables::report(self, &runs, options)
    }
}

impl Sends {
    fn has(&self, part: Part) -> bool {
        self.parts.contains(&part)
    }

    fn all_chats(&self) -> Chats {
        Chats { sessions: self.sessions, per_session: self.chats }
    }

    /// As fast as it goes.
    fn burst(&self) -> Plan {
        let chats = self.all_chats();
        Plan { chats, each: self.messages / chats.all(), rate: None }
    }

    fn steady(&self) -> Plan {
        let chats = self.all_chats();
        let each = self.rate * self.seconds as f64 / chats.all() as f64;
        Plan { chats, each: (each.round() as usize).max(1), rate: Some(self.rate) }
    }

    /// Each part in a world of its own.
    async fn run(&self, kind: &Kind, number: usize) -> anyhow::Result<Run> {
        let (burst, steady) = (Rounds::default(), Rounds::default());
        let mut run = Run { subject: kind.name(), number, burst, steady, queue: None };
        for &part in &self.parts {
            eprintln!("sends: run {number}: {}: {part:?}", kind.name());
            let storage = kind.prepare().await?;
            let outcome = match part {
                Part::Burst => self.rounds(&storage, self.burst(), self.bursts).await.map(|rounds| run.burst = rounds),
                Part::Steady => {
                    self.rounds(&storage, self.steady(), self.turns).await.map(|rounds| run.steady = rounds)
                }
                Part::Queue => self.queue(&storage).await.map(|queued| run.queue = Some(queued)),
            };
            storage.discard()?;
            outcome?;
        }
        Ok(run)
    }

    /// A plan, so often by the bare library and by the server, in turns: the speed of a machine changes from minute to minute.
    async fn rounds(&self, storage: &Storage, plan: Plan, times: usize) -> anyhow::Result<Rounds> {
        let of_bare = Kind::Sqlite.prepare().await?;
        let rounds = self.beside(&of_bare, storage, plan, times).await;
        of_bare.discard()?;
        rounds
    }

    async fn beside(&self, of_bare: &Storage, storage: &Storage, plan: Plan, times: usize) -> anyhow::Result<Rounds> {
        let mut pair = self.pair(of_bare, storage).await?;
        tokio::time::sleep(REST).await;
        let mut rounds = Vec::new();
        for _ in 0..times {
            let bare = of_bare_library(&mut pair.bare, plan).await?;
            rounds.push(Beside { bare, server: of_server(&pair.server, plan).await? });
        }
        // Of the server's alone: what the library does wrong by itself is not judged here.
        let simulator_complaints = pair.simulator.control.complaints().await?;
        Ok(Rounds { rounds, simulator_complaints })
    }

    /// Links both, and lets everybody write once to everybody: the first message between two costs more than the others.
    async fn pair(&self, of_bare: &Storage, storage: &Storage) -> anyhow::Result<Pair> {
        let simulator_of_bare = Simulator::start(of_bare).await?;
        let mut bare = Bare::start(of_bare, &simulator_of_bare)?;
        bare.link(&simulator_of_bare, 0..self.sessions).await?;
        let simulator = Simulator::start(storage).await?;
        let server = start(storage, &simulator).await?;
        server.link(&simulator, 0..self.sessions).await?;
        let chats = self.all_chats();
        for simulator in [&simulator_of_bare, &simulator] {
            warm_up(&simulator.control, chats).await?;
        }
        let first = Plan { chats, each: 1, rate: None };
        bare.send(first).await?;
        post(&server, first, Answered::Acknowledged).await?;
        Ok(Pair { _simulator_of_bare: simulator_of_bare, bare, simulator, server })
    }

    fn idle_time(&self) -> Duration {
        Duration::from_secs(self.settle_seconds)
    }
}

async fn of_bare_library(bare: &mut Bare, plan: Plan) -> anyhow::Result<Sent> {
    let cpu = (bare.process.cpu()?, cpu_of("self")?);
    let round = bare.send(plan).await?;
    Sent::end(round, &bare.process, cpu).await
}

async fn of_server(server: &Server, plan: Plan) -> anyhow::Result<Sent> {
    let cpu = (server.process.cpu()?, cpu_of("self")?);
    let round = post(server, plan, Answered::Acknowledged).await?;
    Sent::end(round, &server.process, cpu).await
}

impl Sent {
    /// Ends with a rest, in which receipts come and are written down. `cpu` is what both had used before.
    async fn end(round: Round, process: &Process, (cpu, asker_cpu): (Duration, Duration)) -> anyhow::Result<Self> {
        let asker_cpu = cpu_of("self")?.saturating_sub(asker_cpu);
        tokio::time::sleep(REST).await;
        let cpu_seconds = process.cpu()?.saturating_sub(cpu).as_secs_f64();
        Ok(Self { round, cpu_seconds, asker_cpu_seconds: asker_cpu.as_secs_f64() })
    }
}

/// A server that sends as fast as it goes.
async fn start(storage: &Storage, simulator: &Simulator) -> anyhow::Result<Server> {
    let arguments = unpaced();
    let mut server = Server::launch(storage, simulator, &Launch { rate: BootRate::Lifted, arguments: &arguments })?;
    server.answers().await?;
    Ok(server)
}

/// The flags with which each session sends as fast as it goes.
pub(crate) fn unpaced() -> Vec<String> {
    ["--send-rate", "0"].map(str::to_owned).to_vec()
}
