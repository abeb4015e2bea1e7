//! Whether anything is lost: messages flow while the server is killed with `kill -9` again and again, or while nobody listens
//! to its webhooks; at the end every message must be in the journal once and every event at the receiver, in order. With
//! `--sends` it is messages that the server sends ([`sends`]).
//!
//! The one bench whose numbers make the program fail.

mod flow;
mod rounds;
mod sends;
mod tables;
mod verdict;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::ensure;
use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::crash::flow::{Flow, Lane};
use crate::crash::rounds::Killed;
use crate::crash::verdict::{Evidence, Verdict};
use crate::events::loopback_allowed;
use crate::options::{Measure, Options};
use crate::receiver::process::Receiver;
use crate::report::Report;
use crate::rest::Webhook;
use crate::seeded_random::{SeededRandom, fresh_seed};
use crate::sender::undelivered;
use crate::storage::Storage;
use crate::world::{BootRate, Launch, Server, Simulator, session_id};

/// Pause between two looks at whether everything has come to rest.
const LOOK_PAUSE: Duration = Duration::from_secs(1);
/// Looks without any change until nothing more is expected, where not everything has come. Longer than the third wait
/// before a delivery is tried again (5 min, 20 % more).
const PATIENCE: Duration = Duration::from_secs(400);
/// The stream of the choices that are not a phone's.
const OWN_STREAM: u64 = 0;

/// What is done to whom.
#[derive(Clone, Debug, Args)]
pub(crate) struct Crash {
    /// How often the server is killed in a run.
    #[arg(long, default_value_t = 50)]
    rounds: usize,
    /// Messages go out, instead of coming in: texts from every session to every phone.
    #[arg(long)]
    sends: bool,
    /// Sessions, each with a webhook.
    #[arg(long, default_value_t = 8)]
    sessions: usize,
    /// Phones, each of which writes to every session.
    #[arg(long, default_value_t = 4)]
    phones: usize,
    /// Messages per second of all phones together, or of all sessions.
    #[arg(long, default_value_t = 100)]
    rate: u64,
    /// Most milliseconds from the server's first answer until it is killed.
    #[arg(long, default_value_t = 3000)]
    life_milliseconds: u64,
    /// Where the server aborts by itself, instead of being killed. With --sends all points take turns when absent.
    #[arg(long, value_enum)]
    point: Option<Point>,
    /// Most times that it passes there before it aborts.
    #[arg(long, default_value_t = 50)]
    passings: u64,
    /// What happens.
    #[arg(long, value_enum, default_value_t = Scenario::Kill)]
    scenario: Scenario,
    /// Seconds that the receiver is down.
    #[arg(long, default_value_t = 20)]
    down_seconds: u64,
    /// The seed of all choices [default: another one each time].
    #[arg(long)]
    seed: Option<u64>,
    /// One more flag for the server, as `--server-argument=--flag`. May be given more than once.
    #[arg(long = "server-argument", allow_hyphen_values = true)]
    server_arguments: Vec<String>,
}

/// What happens in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Scenario {
    /// The server is killed again and again.
    Kill,
    /// The receiver goes away for a while; the server lives.
    ReceiverDown,
}

/// A place in a sandbox build at which it can be told to abort.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Point {
    /// Messages are about to be written down.
    BeforeCommit,
    /// They are written down, and not acknowledged.
    AfterCommit,
    /// A delivery is claimed, and not posted.
    AfterClaim,
    /// It is posted and answered, and that is not written down.
    AfterPost,
    /// With --sends: a message is written down, and its client has no answer.
    MessageAccepted,
    /// With --sends: it is written down to be on its way, and not given to WhatsApp.
    BeforeWire,
    /// With --sends: it is given to WhatsApp, and there is no answer.
    AfterWire,
    /// With --sends: WhatsApp has answered, and that is not written down.
    AfterAck,
}

/// One run.
#[derive(Clone, Debug, Serialize)]
struct Run {
    database: &'static str,
    seed: u64,
    killed: Killed,
    verdict: Verdict,
    /// Deliveries to devices, which the simulator repeats until they are acknowledged.
    simulator_deliveries: u64,
    /// Messages that the server could not read and asked for again; those come behind later ones.
    simulator_retries: u64,
    /// Stanzas that the simulator does not know, and rules of the real server that were broken.
    simulator_complaints: usize,
    /// From the last start until everything had come.
    arrival_seconds: f64,
}

impl Point {
    /// As the server and the report know it.
    fn name(self) -> &'static str {
        match self {
            Self::BeforeCommit => "before_commit",
            Self::AfterCommit => "after_commit",
            Self::AfterClaim => "after_claim",
            Self::AfterPost => "after_post",
            Self::MessageAccepted => "message_accepted",
            Self::BeforeWire => "before_wire",
            Self::AfterWire => "after_wire",
            Self::AfterAck => "after_ack",
        }
    }

    /// Whether messages that come in and their webhooks pass it.
    fn is_passed_by_events(self) -> bool {
        match self {
            Self::BeforeCommit | Self::AfterCommit | Self::AfterClaim | Self::AfterPost => true,
            Self::MessageAccepted | Self::BeforeWire | Self::AfterWire | Self::AfterAck => false,
        }
    }
}

impl Measure for Crash {
    const COUNTS_FAILURES: bool = true;

    fn shrink(&mut self) {
        // With --sends one for each way to end.
        (self.rounds, self.sessions, self.phones) = (if self.sends { sends::POINTS.len() + 1 } else { 3 }, 2, 2);
        (self.rate, self.life_milliseconds, self.passings, self.down_seconds) = (20, 1000, 5, 2);
    }

    async fn measure(&self, options: &Options) -> anyhow::Result<Report> {
        ensure!(self.sessions > 0 && self.phones > 0 && self.rate > 0, "somebody must write to somebody");
        if self.sends {
            return self.measure_sends(options).await;
        }
        ensure!(self.point.is_none() || self.scenario == Scenario::Kill, "--point is for --scenario kill");
        ensure!(self.point.is_none_or(Point::is_passed_by_events), "--point is for --sends");
        let seed = self.seed.unwrap_or_else(fresh_seed);
        let mut runs = Vec::new();
        for number in 0..options.runs_or(1) {
            for kind in options.kinds() {
                let seed = seed + number as u64;
                eprintln!("crash: {}: seed {seed}", kind.name());
                let storage = kind.prepare().await?;
                let run = self.run(kind.name(), seed, &storage).await;
                if !run.as_ref().is_ok_and(|run| run.verdict.is_clean()) {
                    keep_logs(&storage, &options.out);
                }
                storage.discard()?;
                runs.push(run?);
            }
        }
        tables::report(self, &runs)
    }
}

impl Crash {
    async fn run(&self, database: &'static str, seed: u64, storage: &Storage) -> anyhow::Result<Run> {
        let simulator = Simulator::start(storage).await?;
        let receiver = Receiver::start(storage).await?;
        let server = self.start(storage, &simulator).await?;
        let webhook = Webhook::new(receiver.url("ok"), &["all"]);
        server.link_with(&simulator, 0..self.sessions, Some(&webhook)).await?;
        let flow = Flow::begin(&simulator.control, self, seed).await?;
        let mut random = SeededRandom::new(seed, OWN_STREAM);
        let (server, killed) = match self.scenario {
            Scenario::Kill => self.kill(storage, &simulator, server, &mut random).await?,
            Scenario::ReceiverDown => self.take_receiver_away(&receiver, server).await?,
        };
        let lanes = flow.end().await?;
        let begun = Instant::now();
        let evidence = self.gather_evidence(&simulator, &receiver, &server, lanes).await?;
        let stats = simulator.control.stats().await?;
        Ok(Run {
            database,
            seed,
            killed,
            verdict: Verdict::of(&evidence),
            simulator_deliveries: stats["deliveries"].as_u64().unwrap_or_default(),
            simulator_retries: stats["retries"].as_u64().unwrap_or_default(),
            simulator_complaints: ["unknown", "violations"]
                .map(|list| stats[list].as_array().map_or(0, Vec::len))
                .iter()
                .sum(),
            arrival_seconds: begun.elapsed().as_secs_f64(),
        })
    }

    /// A server that nothing happens to.
    async fn start(&self, storage: &Storage, simulator: &Simulator) -> anyhow::Result<Server> {
        let mut server = self.launch(storage, simulator, &[])?;
        server.answers().await?;
        Ok(server)
    }

    fn launch(&self, storage: &Storage, simulator: &Simulator, flags: &[String]) -> anyhow::Result<Server> {
        let arguments = [&loopback_allowed()[..], &self.server_arguments, flags].concat();
        Server::launch(storage, simulator, &Launch { rate: BootRate::Lifted, arguments: &arguments })
    }

    /// Waits until everything has come, or nothing more comes; and gathers what there is.
    async fn gather_evidence(
        &self,
        simulator: &Simulator,
        receiver: &Receiver,
        server: &Server,
        lanes: Vec<Lane>,
    ) -> anyhow::Result<Evidence> {
        let (mut last, mut changed) = (None, Instant::now());
        while undelivered(&simulator.control, self.sessions).await? > 0 && changed.elapsed() < PATIENCE {
            let acknowledged = Some(simulator.control.acknowledged().await?);
            if acknowledged != last {
                (last, changed) = (acknowledged, Instant::now());
            }
            tokio::time::sleep(LOOK_PAUSE).await;
        }
        let mut evidence = Evidence {
            lanes,
            journals: BTreeMap::new(),
            arrivals: BTreeMap::new(),
            received: receiver.report().await?,
        };
        changed = Instant::now();
        loop {
            let before = evidence.received.distinct;
            self.gather(receiver, server, &mut evidence).await?;
            if Verdict::of(&evidence).has_arrived() || changed.elapsed() > PATIENCE {
                return Ok(evidence);
            }
            if evidence.received.distinct != before {
                changed = Instant::now();
            }
            tokio::time::sleep(LOOK_PAUSE).await;
        }
    }

    async fn gather(&self, receiver: &Receiver, server: &Server, evidence: &mut Evidence) -> anyhow::Result<()> {
        for session in (0..self.sessions).map(session_id) {
            let (journal, _) = server.rest.journal(Some(&session), None).await?;
            evidence.arrivals.insert(session.clone(), receiver.arrivals(&session).await?);
            evidence.journals.insert(session, journal);
        }
        evidence.received = receiver.report().await?;
        Ok(())
    }
}

/// Copies what the processes wrote to where the report goes: a run that broke a law is to be understood.
fn keep_logs(storage: &Storage, directory: &Path) {
    for name in ["server.log", "simulator.log", "receiver.log"] {
        let kept = directory.join(format!("crash-{name}"));
        match std::fs::create_dir_all(directory).and_then(|()| std::fs::copy(storage.log(name), &kept)) {
            Ok(_) => eprintln!("crash: see {}", kept.display()),
            Err(error) => eprintln!("crash: {name} could not be kept: {error}"),
        }
    }
}
