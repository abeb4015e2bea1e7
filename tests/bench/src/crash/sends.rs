//! Whether a message that was accepted can get lost, or go out as two: clients post texts while the server is killed again and
//! again, at random moments and at the points on a message's way. At the end what the server says of each message must be what
//! the simulator has.

mod flow;
mod rounds;
mod tables;
mod verdict;

use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};

use anyhow::ensure;
use serde::Serialize;
use tokio::sync::watch;

use crate::crash::rounds::Killed;
use crate::crash::sends::flow::{Flow, Lane};
use crate::crash::sends::verdict::{Evidence, Verdict};
use crate::crash::{Crash, LOOK_PAUSE, OWN_STREAM, Point, Scenario, keep_logs};
use crate::options::Options;
use crate::report::Report;
use crate::seeded_random::{SeededRandom, fresh_seed};
use crate::sends::unpaced;
use crate::storage::Storage;
use crate::world::{Server, Simulator, phone_number, sender_number, session_id};

/// Longest time in which messages are still to be sent and none has become anything else.
const PATIENCE: Duration = Duration::from_secs(120);
/// Rest before each look at the end: receipts come and are written down.
const REST: Duration = Duration::from_secs(3);
/// How long the end is looked at again while something is wrong: a phone that cannot read a message asks for it again.
const LOOKED_AT: Duration = Duration::from_secs(60);
/// The points on the way of a message, in the order in which it passes them.
pub(super) const POINTS: [Point; 5] =
    [Point::BeforeCommit, Point::MessageAccepted, Point::BeforeWire, Point::AfterWire, Point::AfterAck];

/// One run.
#[derive(Clone, Debug, Serialize)]
struct Run {
    database: &'static str,
    seed: u64,
    killed: Killed,
    /// How often the server aborted at each point.
    aborted_at: BTreeMap<&'static str, usize>,
    verdict: Verdict,
    /// Stanzas that the simulator does not know, and rules of the real server that were broken.
    simulator_complaints: usize,
    /// From the last start until nothing was to be sent any more.
    sent_seconds: f64,
}

impl Crash {
    /// All runs of messages that are sent.
    pub(super) async fn measure_sends(&self, options: &Options) -> anyhow::Result<Report> {
        ensure!(self.scenario == Scenario::Kill, "--sends is for --scenario kill");
        ensure!(self.point.is_none_or(|point| POINTS.contains(&point)), "--point is not on the way of a message");
        let seed = self.seed.unwrap_or_else(fresh_seed);
        let mut runs = Vec::new();
        for number in 0..options.runs_or(1) {
            for kind in options.kinds() {
                let seed = seed + number as u64;
                eprintln!("crash: sends: {}: seed {seed}", kind.name());
                let storage = kind.prepare().await?;
                let run = self.sends_run(kind.name(), seed, &storage).await;
                if !run.as_ref().is_ok_and(|run| run.verdict.is_clean()) {
                    keep_logs(&storage, &options.out);
                }
                storage.discard()?;
                runs.push(run?);
            }
        }
        tables::report(self, &runs)
    }

    async fn sends_run(&self, database: &'static str, seed: u64, storage: &Storage) -> anyhow::Result<Run> {
        let simulator = Simulator::start(storage).await?;
        let server = self.start(storage, &simulator).await?;
        server.link(&simulator, 0..self.sessions).await?;
        for phone in 0..self.phones {
            simulator.control.add_phone(&sender_number(phone)).await?;
        }
        let (address, rest) = watch::channel(server.rest.clone());
        let flow = Flow::begin(&rest, self, seed);
        let mut random = SeededRandom::new(seed, OWN_STREAM);
        let mut aborted_at = BTreeMap::new();
        let killed = self.end_servers(storage, &simulator, server, (&mut random, &address, &mut aborted_at)).await?;
        let mut server = self.launch(storage, &simulator, &unpaced())?;
        address.send_replace(server.rest.clone());
        server.answers().await?;
        let begun = Instant::now();
        let lanes = flow.end().await?;
        self.wait_until_sent(&server).await?;
        let sent_seconds = begun.elapsed().as_secs_f64();
        let verdict = self.judge(&simulator, &server, &lanes).await?;
        ensure!(verdict.accepted > 0, "no message was accepted: {:?}", verdict.examples);
        let simulator_complaints = simulator.control.complaints().await?;
        Ok(Run { database, seed, killed, aborted_at, verdict, simulator_complaints, sent_seconds })
    }

    /// Waits until it is known what became of every message, or nothing changes any more.
    async fn wait_until_sent(&self, server: &Server) -> anyhow::Result<()> {
        let (mut last, mut changed) = (None, Instant::now());
        while changed.elapsed() < PATIENCE {
            let mut open = 0;
            for session in (0..self.sessions).map(session_id) {
                open += server.rest.count_open(&session).await?;
            }
            if open == 0 {
                return Ok(());
            }
            if last != Some(open) {
                (last, changed) = (Some(open), Instant::now());
            }
            tokio::time::sleep(LOOK_PAUSE).await;
        }
        Ok(()) // What is still open then is counted as lost.
    }

    /// Compares, again and again until nothing is wrong or it stays so.
    async fn judge(&self, simulator: &Simulator, server: &Server, lanes: &[Lane]) -> anyhow::Result<Verdict> {
        let deadline = Instant::now() + LOOKED_AT;
        loop {
            tokio::time::sleep(REST).await;
            let verdict = Verdict::of(&self.gather_sends(simulator, server, lanes.to_vec()).await?);
            if verdict.is_clean() || Instant::now() > deadline {
                return Ok(verdict);
            }
        }
    }

    async fn gather_sends(&self, simulator: &Simulator, server: &Server, lanes: Vec<Lane>) -> anyhow::Result<Evidence> {
        let (mut shown, mut sent, mut arrived) = (BTreeMap::new(), BTreeMap::new(), HashSet::new());
        for session in 0..self.sessions {
            // The book first: what the server says is said later, and nothing is sent in between.
            sent.insert(session_id(session), simulator.control.sent(&phone_number(session)).await?);
            shown.insert(session_id(session), server.rest.sent_messages(&session_id(session)).await?);
        }
        for phone in 0..self.phones {
            arrived.extend(simulator.control.inbox_ids(&sender_number(phone)).await?);
        }
        Ok(Evidence { lanes, shown, sent, arrived })
    }
}
