//! What becomes of messages: how many a second reach the journal and the webhooks' receiver, how soon, and whether a dead
//! receiver slows the others; beside the bare library, which receives the same burst and writes nothing down.

mod dead;
mod tables;

use std::time::Duration;

use anyhow::ensure;
use clap::Args;
use serde::Serialize;

use crate::events::dead::Halves;
use crate::options::{Measure, Options};
use crate::process::Process;
use crate::receiver::ledger::{Latency, Report as Received};
use crate::receiver::process::Receiver;
use crate::report::Report;
use crate::rest::Webhook;
use crate::sender::{Burst, Chats, Kept, Steady, acknowledged, burst, warm_up};
use crate::storage::{Kind, Storage};
use crate::wall_clock::seconds_between;
use crate::watch::{Seen, Watch};
use crate::world::{Bare, BootRate, Launch, Server, Simulator};

/// Pause before a measurement: what the logins and the last part left to do is done then.
const REST: Duration = Duration::from_secs(3);
/// Longest wait for the last deliveries. A failed one is tried again after 5 s and after 30 s.
const DELIVERED_LIMIT: Duration = Duration::from_secs(90);

/// How much is measured.
#[derive(Clone, Debug, Args)]
pub(crate) struct Events {
    /// Sessions of the bursts and of the steady rate.
    #[arg(long, default_value_t = 20)]
    sessions: usize,
    /// Messages of a burst, to all chats together.
    #[arg(long, default_value_t = 2000)]
    messages: usize,
    /// Phones that write to each session in a burst. The library hands over one message per chat at a time.
    #[arg(long, default_value_t = 10)]
    chats: usize,
    /// Bursts into each journal, in turns with as many to the bare library.
    #[arg(long, default_value_t = 5)]
    bursts: usize,
    /// Messages per second of the steady rate, to all sessions together.
    #[arg(long, default_value_t = 200.0)]
    rate: f64,
    /// Seconds of the steady rate.
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// Sessions with a receiver each, one of which is dead half of the time.
    #[arg(long, default_value_t = 100)]
    receivers: usize,
    /// Halves with a dead receiver, and as many without.
    #[arg(long, default_value_t = 4)]
    turns: usize,
    /// Seconds of each half.
    #[arg(long, default_value_t = 15)]
    half_seconds: u64,
    /// Messages that wait for the dead receiver.
    #[arg(long, default_value_t = 50)]
    held_messages: usize,
    /// Seconds of rest before the last look at threads and memory: idle threads end after ten.
    #[arg(long, default_value_t = 12)]
    settle_seconds: u64,
    /// Only these parts.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Part::Journal, Part::Webhooks, Part::Dead])]
    parts: Vec<Part>,
}

/// What can be measured alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// The burst into the journal, beside the bare library.
    Journal,
    /// The burst to the receiver, and the steady rate.
    Webhooks,
    /// One dead receiver among many.
    Dead,
}

/// A burst until all of it is acknowledged.
#[derive(Clone, Debug, Serialize)]
struct Taken {
    burst: Burst,
    /// From the first request until the last message was acknowledged (and, with the bare library, told of).
    seconds: f64,
    seen: Seen,
}

/// A burst until all of it is at the receiver.
#[derive(Clone, Debug, Serialize)]
struct Delivered {
    burst: Burst,
    /// From the first request until the last event came.
    seconds: f64,
    received: Received,
    seen: Seen,
    /// Processor time of the receiver's process.
    receiver_cpu_seconds: f64,
}

/// The steady rate.
#[derive(Clone, Debug, Serialize)]
struct Flowed {
    /// The same rate to the bare library, right before.
    bare: BareFlow,
    kept: Kept,
    received: u64,
    latency: Latency,
    seen: Seen,
}

/// The steady rate to the bare library.
#[derive(Clone, Debug, Serialize)]
struct BareFlow {
    kept: Kept,
    cpu_seconds: f64,
}

/// A burst into a journal, and the one to the bare library right before it.
#[derive(Clone, Debug, Serialize)]
struct Beside {
    bare: Taken,
    journal: Taken,
}

/// One run of one subject.
#[derive(Clone, Debug, Serialize)]
struct Run {
    subject: &'static str,
    number: usize,
    journal: Vec<Beside>,
    webhooks: Option<(Delivered, Flowed)>,
    dead: Option<Halves>,
}

impl Measure for Events {
    fn shrink(&mut self) {
        (self.sessions, self.messages, self.chats, self.rate, self.seconds) = (4, 40, 2, 20.0, 2);
        (self.receivers, self.turns, self.half_seconds, self.held_messages) = (6, 2, 2, 3);
        (self.bursts, self.settle_seconds) = (1, 1);
    }

    async fn measure(&self, options: &Options) -> anyhow::Result<Report> {
        ensure!(self.sessions > 0 && self.chats > 0, "there must be somebody who writes");
        ensure!(self.messages >= self.chats().all(), "--messages must be at least --sessions times --chats");
        ensure!(self.receivers > 1 && self.turns > 0 && self.rate > 0.0, "there must be others than the dead receiver");
        let mut runs = Vec::new();
        for number in 1..=options.runs() {
            for kind in options.kinds() {
                runs.push(self.run(&kind, number).await?);
            }
        }
        tables::report(self, &runs, options)
    }
}

impl Events {
    fn has(&self, part: Part) -> bool {
        self.parts.contains(&part)
    }

    /// The chats of a burst.
    fn chats(&self) -> Chats {
        Chats { sessions: self.sessions, per_session: self.chats }
    }

    /// Each part in a world of its own.
    async fn run(&self, kind: &Kind, number: usize) -> anyhow::Result<Run> {
        let mut run = Run { subject: kind.name(), number, journal: Vec::new(), webhooks: None, dead: None };
        for &part in &self.parts {
            eprintln!("events: run {number}: {}: {part:?}", kind.name());
            let storage = kind.prepare().await?;
            let outcome = match part {
                Part::Journal => self.journal(&storage).await.map(|bursts| run.journal = bursts),
                Part::Webhooks => self.webhooks(&storage).await.map(|both| run.webhooks = Some(both)),
                Part::Dead => self.dead(&storage).await.map(|halves| run.dead = Some(halves)),
            };
            storage.discard()?;
            outcome?;
        }
        Ok(run)
    }

    /// Bursts to the bare library and into the journal, in turns: the speed of a machine changes from minute to minute.
    async fn journal(&self, storage: &Storage) -> anyhow::Result<Vec<Beside>> {
        let of_bare = Kind::Sqlite.prepare().await?;
        let bursts = self.beside(&of_bare, storage).await;
        of_bare.discard()?;
        bursts
    }

    async fn beside(&self, of_bare: &Storage, storage: &Storage) -> anyhow::Result<Vec<Beside>> {
        let simulator_of_bare = Simulator::start(of_bare).await?;
        let mut bare = Bare::start(of_bare, &simulator_of_bare)?;
        bare.link(&simulator_of_bare, 0..self.sessions).await?;
        let simulator = Simulator::start(storage).await?;
        let server = start(storage, &simulator).await?;
        server.link(&simulator, 0..self.sessions).await?;
        for simulator in [&simulator_of_bare, &simulator] {
            warm_up(&simulator.control, self.chats()).await?;
        }
        let mut bursts = Vec::new();
        for _ in 0..self.bursts {
            tokio::time::sleep(REST).await;
            let of_bare = self.burst_of_bare(&simulator_of_bare, &mut bare).await?;
            tokio::time::sleep(REST).await;
            bursts.push(Beside { bare: of_bare, journal: self.burst_of_journal(&simulator, &server).await? });
        }
        Ok(bursts)
    }

    async fn burst_of_bare(&self, simulator: &Simulator, bare: &mut Bare) -> anyhow::Result<Taken> {
        let before = bare.counted().await?.messages;
        let watch = Watch::begin(&bare.process)?;
        let (burst, acknowledged_micros) = self.burst(simulator).await?;
        let seen = watch.end(self.idle_time()).await?;
        let counted = bare.counted().await?;
        let messages = counted.messages - before;
        ensure!(messages == burst.messages, "the library told of {messages} messages");
        let seconds = seconds_between(burst.begun_micros, acknowledged_micros.max(counted.last_micros));
        Ok(Taken { burst, seconds, seen })
    }

    async fn burst_of_journal(&self, simulator: &Simulator, server: &Server) -> anyhow::Result<Taken> {
        let (_, cursor) = server.rest.journal(None, None).await?;
        let mut watch = Watch::begin(&server.process)?;
        let (burst, acknowledged_micros) = self.burst(simulator).await?;
        watch.stop_clock()?;
        // Nothing has asked the server so far. What is acknowledged must be there now, once.
        let (events, _) = server.rest.journal(None, cursor).await?;
        let seen = watch.end(self.idle_time()).await?;
        let messages = events.iter().filter(|event| event.event == "message").count() as u64;
        ensure!(messages == burst.messages, "{messages} of {} messages are in the journal", burst.messages);
        Ok(Taken { burst, seconds: seconds_between(burst.begun_micros, acknowledged_micros), seen })
    }

    /// Sends the burst, and waits for its last acknowledgement.
    async fn burst(&self, simulator: &Simulator) -> anyhow::Result<(Burst, u64)> {
        let before = simulator.control.acknowledged().await?;
        let burst = burst(&simulator.control, self.chats(), self.messages / self.chats().all()).await?;
        let at_micros = acknowledged(&simulator.control, before + burst.messages, self.sessions).await?;
        Ok((burst, at_micros))
    }

    async fn webhooks(&self, storage: &Storage) -> anyhow::Result<(Delivered, Flowed)> {
        let of_bare = Kind::Sqlite.prepare().await?;
        let bare = self.flowed_bare(&of_bare).await;
        of_bare.discard()?;
        let bare = bare?;
        let simulator = Simulator::start(storage).await?;
        let receiver = Receiver::start(storage).await?;
        let server = start(storage, &simulator).await?;
        let webhook = Webhook::new(receiver.url("ok"), &["message"]);
        server.link_with(&simulator, 0..self.sessions, Some(&webhook)).await?;
        warm_up(&simulator.control, self.chats()).await?;
        let chats = self.chats().all() as u64;
        let warm = receiver.reaches(chats, None, DELIVERED_LIMIT).await?.distinct;
        ensure!(warm == chats, "{warm} of {chats} chats deliver to the receiver");
        tokio::time::sleep(REST).await;
        let delivered = self.delivered(&simulator, &receiver, &server.process).await?;
        let flowed = self.flowed(&simulator, &receiver, &server.process, bare).await?;
        Ok((delivered, flowed))
    }

    async fn delivered(
        &self,
        simulator: &Simulator,
        receiver: &Receiver,
        server: &Process,
    ) -> anyhow::Result<Delivered> {
        receiver.reset().await?;
        let (watch, receiver_cpu) = (Watch::begin(server)?, receiver.process.cpu()?);
        let burst = burst(&simulator.control, self.chats(), self.messages / self.chats().all()).await?;
        let count = receiver.reaches(burst.messages, None, DELIVERED_LIMIT).await?;
        let receiver_cpu_seconds = receiver.process.cpu()?.saturating_sub(receiver_cpu).as_secs_f64();
        // Duplicates come during the rest, if they come.
        let seen = watch.end(self.idle_time()).await?;
        let seconds = seconds_between(burst.begun_micros, count.last_micros);
        Ok(Delivered { burst, seconds, received: receiver.report().await?, seen, receiver_cpu_seconds })
    }

    /// What the library alone takes of the processor at the steady rate, with its in-memory store.
    async fn flowed_bare(&self, storage: &Storage) -> anyhow::Result<BareFlow> {
        let simulator = Simulator::start(storage).await?;
        let mut bare = Bare::start(storage, &simulator)?;
        bare.link(&simulator, 0..self.sessions).await?;
        warm_up(&simulator.control, self.chats()).await?;
        tokio::time::sleep(REST).await;
        let told = bare.counted().await?.messages;
        let acknowledged_before = simulator.control.acknowledged().await?;
        let cpu = bare.process.cpu()?;
        let kept = self.steady().send(&simulator.control).await?;
        acknowledged(&simulator.control, acknowledged_before + kept.messages, self.sessions).await?;
        let cpu_seconds = bare.process.cpu()?.saturating_sub(cpu).as_secs_f64();
        let told = bare.counted().await?.messages - told;
        ensure!(told == kept.messages, "the library told of {told} of {} messages", kept.messages);
        Ok(BareFlow { kept, cpu_seconds })
    }

    fn steady(&self) -> Steady {
        Steady { sessions: self.sessions, rate: self.rate, duration: Duration::from_secs(self.seconds) }
    }

    async fn flowed(
        &self,
        simulator: &Simulator,
        receiver: &Receiver,
        server: &Process,
        bare: BareFlow,
    ) -> anyhow::Result<Flowed> {
        receiver.reset().await?;
        let watch = Watch::begin(server)?;
        let steady = self.steady();
        let kept = steady.send(&simulator.control).await?;
        let received = receiver.reaches(kept.messages, None, DELIVERED_LIMIT).await?.distinct;
        let seen = watch.end(self.idle_time()).await?;
        ensure!(received == kept.messages, "{received} of {} messages were delivered", kept.messages);
        let latency = Latency::of(&receiver.latencies(None).await?);
        Ok(Flowed { bare, kept, received, latency: latency.unwrap_or(Latency::UNKNOWN), seen })
    }

    fn idle_time(&self) -> Duration {
        Duration::from_secs(self.settle_seconds)
    }
}

/// A server whose webhooks may go to loopback.
async fn start(storage: &Storage, simulator: &Simulator) -> anyhow::Result<Server> {
    let arguments = loopback_allowed();
    let launch = Launch { rate: BootRate::Lifted, arguments: &arguments };
    let mut server = Server::launch(storage, simulator, &launch)?;
    server.answers().await?;
    Ok(server)
}

/// The flags without which no webhook may go to this machine.
pub(crate) fn loopback_allowed() -> Vec<String> {
    ["--egress-allow", "127.0.0.0/8"].map(str::to_owned).to_vec()
}
