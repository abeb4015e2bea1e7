//! Rounds of load on calls that take turns, and what they say together.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::ensure;
use clap::Args;
use serde::Serialize;

use crate::http::{self, Connection};
use crate::load::Outcome;
use crate::process::Process;
use crate::report::{Spread, Table};
use crate::world::TOKEN;

/// What the load generator may take longer than its round.
const LOAD_GRACE: Duration = Duration::from_secs(60);
/// From this share of a core on, the generator may be what limits the numbers.
const GENERATOR_BUSY: f64 = 0.9;

/// How much is asked.
#[derive(Clone, Debug, Args)]
pub(crate) struct Volume {
    /// Linked sessions on the server.
    #[arg(long, default_value_t = 1000)]
    pub(crate) sessions: usize,
    /// Connections that ask at the same time.
    #[arg(long, default_value_t = 16)]
    connections: usize,
    /// Milliseconds of one round. The calls take turns, so that they share the machine's moods.
    #[arg(long, default_value_t = 2000)]
    round_milliseconds: u64,
    /// Rounds of each call in a run.
    #[arg(long, default_value_t = 5)]
    pub(crate) rounds: usize,
}

/// A call that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Call {
    /// A handler that does nothing.
    Empty,
    /// A session's status over REST.
    Status,
    /// All sessions over REST.
    List,
    /// A session's status over GraphQL.
    Session,
    /// A field that is always the same, over GraphQL.
    Static,
}

/// A call and who answers it.
pub(crate) struct Asked<'a> {
    pub(crate) call: Call,
    pub(crate) process: &'a Process,
    pub(crate) port: u16,
    pub(crate) path: String,
    /// JSON to post; without it the path is fetched.
    pub(crate) body: Option<String>,
}

/// One round of one call.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Round {
    pub(crate) database: &'static str,
    run: usize,
    call: Call,
    #[serde(flatten)]
    outcome: Outcome,
    /// Processor time of the answering process per request, microseconds.
    cpu_micros: f64,
}

impl Asked<'_> {
    /// Asks once and looks at the answer: a failure that is answered quickly must not pass for speed.
    pub(crate) async fn answers(&self, with: &str) -> anyhow::Result<()> {
        let request = http::request(self.address(), TOKEN, &self.path, self.body.as_deref());
        let mut connection = Connection::open(self.address()).await?;
        let answer = String::from_utf8_lossy(connection.ask(&request).await?).into_owned();
        ensure!(answer.contains(with), "{:?} is answered with {answer}", self.call);
        Ok(())
    }

    fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }
}

impl Volume {
    /// Small numbers, to try the program itself.
    pub(crate) fn shrink(&mut self) {
        (self.sessions, self.connections) = (10, 4);
        (self.round_milliseconds, self.rounds) = (200, 1);
    }

    /// One round of one call.
    pub(crate) async fn round(&self, database: &'static str, run: usize, asked: &Asked<'_>) -> anyhow::Result<Round> {
        let before = asked.process.cpu()?;
        let outcome = self.load(asked).await?;
        let used = asked.process.cpu()?.saturating_sub(before);
        let cpu_micros = used.as_secs_f64() * 1e6 / outcome.requests as f64;
        Ok(Round { database, run, call: asked.call, outcome, cpu_micros })
    }

    /// The load comes from a process of its own.
    async fn load(&self, asked: &Asked<'_>) -> anyhow::Result<Outcome> {
        let mut command = tokio::process::Command::new(std::env::current_exe()?);
        command.args(["child-load", &asked.address().to_string(), &asked.path]);
        command.args(["--connections", &self.connections.to_string()]);
        command.args(["--milliseconds", &self.round_milliseconds.to_string()]);
        if let Some(body) = &asked.body {
            command.args(["--body", body]);
        }
        command.env("WAYPOST_ADMIN_TOKEN", TOKEN).kill_on_drop(true);
        command.stdin(std::process::Stdio::null());
        let limit = Duration::from_millis(self.round_milliseconds) + LOAD_GRACE;
        let output = tokio::time::timeout(limit, command.output()).await??;
        ensure!(output.status.success(), "no load: {}", String::from_utf8_lossy(&output.stderr));
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    /// How the rounds were made. `turns` names the calls that follow each other.
    pub(crate) fn notes(&self, rounds: &[Round], runs: usize, turns: &str) -> Vec<String> {
        let busiest = rounds.iter().map(|round| round.outcome.generator_cpu).fold(0.0, f64::max);
        let limits = if busiest >= GENERATOR_BUSY { "it may be what limits" } else { "it is not what limits" };
        vec![
            format!(
                "{runs} runs of {} rounds of {} ms, {} connections; {turns} take turns.",
                self.rounds, self.round_milliseconds, self.connections
            ),
            "A run's figure is the median of its rounds; each cell: median (least-most) of the runs.".to_owned(),
            format!(
                "The generator is one thread on the same cores, at most {:.0} % busy: {limits} the requests per second.",
                busiest * 100.0
            ),
            "Server CPU: processor time of the answering process per request, which no generator disturbs.".to_owned(),
        ]
    }
}

/// A row for each call, and each call's requests per second beside those of some.
pub(crate) fn table(
    title: String,
    rounds: &[&Round],
    calls: &[(Call, &str)],
    beside: &[(Call, &str)],
) -> anyhow::Result<Table> {
    let headings: Vec<String> = beside.iter().map(|(_, name)| format!("beside {name}")).collect();
    let mut head = vec!["", "requests/s"];
    head.extend(headings.iter().map(String::as_str));
    head.extend(["p50 ms", "p99 ms", "answer bytes", "server CPU us", "generator CPU"]);
    let mut table = Table::new(title, &head);
    for &(call, name) in calls {
        let of = |of: fn(&Round) -> f64| over_runs(rounds, call, of);
        let mut cells = vec![name.to_owned(), of(per_second)?.text(0)];
        for &(other, _) in beside {
            cells.push(format!("{} x", share(rounds, call, other)?.text(2)));
        }
        cells.extend([
            of(|round| round.outcome.p50)?.text(2),
            of(|round| round.outcome.p99)?.text(2),
            of(|round| round.outcome.body_bytes as f64)?.text(0),
            of(|round| round.cpu_micros)?.text(0),
            format!("{} %", of(|round| round.outcome.generator_cpu * 100.0)?.text(0)),
        ]);
        table.row(cells);
    }
    Ok(table)
}

/// Requests per second beside those of another call in the same run.
pub(crate) fn share(rounds: &[&Round], call: Call, beside: Call) -> anyhow::Result<Spread> {
    let limit = run_medians(rounds, beside, per_second)?;
    let call = run_medians(rounds, call, per_second)?;
    Spread::of(call.iter().zip(&limit).map(|(call, limit)| call / limit))
}

fn per_second(round: &Round) -> f64 {
    round.outcome.requests as f64 / round.outcome.seconds
}

/// The medians of each run's rounds.
fn run_medians(rounds: &[&Round], call: Call, of: fn(&Round) -> f64) -> anyhow::Result<Vec<f64>> {
    let last = rounds.iter().map(|round| round.run).max().unwrap_or(0);
    let median = |run| {
        let same = rounds.iter().filter(|round| round.run == run && round.call == call);
        Spread::of(same.map(|round| of(round))).map(|spread| spread.median)
    };
    (1..=last).map(median).collect()
}

fn over_runs(rounds: &[&Round], call: Call, of: fn(&Round) -> f64) -> anyhow::Result<Spread> {
    Spread::of(run_medians(rounds, call, of)?)
}
