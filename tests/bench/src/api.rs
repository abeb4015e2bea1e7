//! How many calls the REST interface answers, beside an empty poem handler on the same machine at the same time.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::ensure;
use clap::Args;
use serde::Serialize;
use serde_json::json;

use crate::load::Outcome;
use crate::options::{Measure, Options};
use crate::process::{Process, Start, free_port};
use crate::report::{Report, Spread, Table, Target};
use crate::storage::{Kind, Storage};
use crate::world::{BootRate, Server, Simulator, TOKEN, session_id};

/// What the load generator may take longer than its round.
const LOAD_GRACE: Duration = Duration::from_secs(60);
/// Share of the empty handler's requests that the status call must reach.
const STATUS_SHARE: f64 = 0.6;
/// From this share of a core on, the generator may be what limits the numbers.
const GENERATOR_BUSY: f64 = 0.9;

/// How much is measured.
#[derive(Clone, Debug, Args)]
pub(crate) struct Api {
    /// Linked sessions on the server.
    #[arg(long, default_value_t = 1000)]
    sessions: usize,
    /// Connections that ask at the same time.
    #[arg(long, default_value_t = 16)]
    connections: usize,
    /// Milliseconds of one round. The calls take turns, so that they share the machine's moods.
    #[arg(long, default_value_t = 2000)]
    round_milliseconds: u64,
    /// Rounds of each call in a run.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
}

/// A call that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Call {
    Empty,
    Status,
    List,
}

/// One round of one call.
#[derive(Clone, Debug, Serialize)]
struct Round {
    database: &'static str,
    run: usize,
    call: Call,
    #[serde(flatten)]
    outcome: Outcome,
    /// Processor time of the answering process per request, microseconds.
    cpu_micros: f64,
}

/// What answers in one run.
struct Subjects {
    database: &'static str,
    server: Server,
    empty: Process,
    empty_port: u16,
}

impl Measure for Api {
    fn shrink(&mut self) {
        (self.sessions, self.connections) = (10, 4);
        (self.round_milliseconds, self.rounds) = (200, 1);
    }

    async fn measure(&self, options: &Options) -> anyhow::Result<Report> {
        let mut rounds = Vec::new();
        for kind in options.kinds() {
            let storage = kind.prepare().await?;
            let outcome = self.runs(&kind, &storage, options.runs()).await;
            storage.discard()?;
            rounds.extend(outcome?);
        }
        self.report(&rounds, options)
    }
}

impl Api {
    async fn runs(&self, kind: &Kind, storage: &Storage, runs: usize) -> anyhow::Result<Vec<Round>> {
        let simulator = Simulator::start(storage).await?;
        let server = Server::start(storage, &simulator, BootRate::Lifted).await?;
        eprintln!("api: {}: linking {} sessions", kind.name(), self.sessions);
        server.link(&simulator, 0..self.sessions).await?;
        let (empty, empty_port) = empty_server(storage).await?;
        let subjects = Subjects { database: kind.name(), server, empty, empty_port };
        for call in [Call::Empty, Call::Status, Call::List] {
            self.round(&subjects, call, 0).await?; // Warm-up: thrown away.
        }
        let mut rounds = Vec::new();
        for run in 1..=runs {
            eprintln!("api: {}: run {run}", kind.name());
            for _ in 0..self.rounds {
                rounds.push(self.round(&subjects, Call::Empty, run).await?);
                rounds.push(self.round(&subjects, Call::Status, run).await?);
            }
            for _ in 0..self.rounds {
                rounds.push(self.round(&subjects, Call::List, run).await?);
            }
        }
        Ok(rounds)
    }

    async fn round(&self, subjects: &Subjects, call: Call, run: usize) -> anyhow::Result<Round> {
        let (process, port, path) = match call {
            Call::Empty => (&subjects.empty, subjects.empty_port, "/".to_owned()),
            Call::Status => {
                let path = format!("/api/v1/sessions/{}/status", session_id(0));
                (&subjects.server.process, subjects.server.port, path)
            }
            Call::List => (&subjects.server.process, subjects.server.port, "/api/v1/sessions".to_owned()),
        };
        let before = process.cpu()?;
        let outcome = self.load(SocketAddr::from(([127, 0, 0, 1], port)), path).await?;
        let used = process.cpu()?.saturating_sub(before);
        let cpu_micros = used.as_secs_f64() * 1e6 / outcome.requests as f64;
        Ok(Round { database: subjects.database, run, call, outcome, cpu_micros })
    }

    /// One round of load, from a process of its own.
    async fn load(&self, address: SocketAddr, path: String) -> anyhow::Result<Outcome> {
        let mut command = tokio::process::Command::new(std::env::current_exe()?);
        command.args(["child-load", &address.to_string(), &path]);
        command.args(["--connections", &self.connections.to_string()]);
        command.args(["--milliseconds", &self.round_milliseconds.to_string()]);
        command.env("WAYPOST_ADMIN_TOKEN", TOKEN).kill_on_drop(true);
        command.stdin(std::process::Stdio::null());
        let limit = Duration::from_millis(self.round_milliseconds) + LOAD_GRACE;
        let output = tokio::time::timeout(limit, command.output()).await??;
        ensure!(output.status.success(), "no load: {}", String::from_utf8_lossy(&output.stderr));
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    fn report(&self, rounds: &[Round], options: &Options) -> anyhow::Result<Report> {
        let mut tables = Vec::new();
        let mut targets = Vec::new();
        for kind in options.kinds() {
            let here: Vec<&Round> = rounds.iter().filter(|round| round.database == kind.name()).collect();
            let (table, status) = self.table(&here, kind.name())?;
            tables.push(table);
            targets.push(Target {
                what: format!("{}: status call beside the empty handler", kind.name()),
                reach: format!(">= {STATUS_SHARE} x"),
                measured: format!("{} x", status.text(2)),
                is_reached: status.median >= STATUS_SHARE,
            });
        }
        Ok(Report { bench: "api", notes: self.notes(rounds, options), tables, targets, runs: json!(rounds) })
    }

    /// One database's table, and the status call's share.
    fn table(&self, rounds: &[&Round], database: &str) -> anyhow::Result<(Table, Spread)> {
        let head =
            ["", "requests/s", "beside empty", "p50 ms", "p99 ms", "answer bytes", "server CPU us", "generator CPU"];
        let mut table = Table::new(format!("{database}, {} sessions", self.sessions), &head);
        for call in [Call::Empty, Call::Status, Call::List] {
            let of = |of: fn(&Round) -> f64| over_runs(rounds, call, of);
            table.row(vec![
                self.name(call),
                of(per_second)?.text(0),
                format!("{} x", share(rounds, call)?.text(2)),
                of(|round| round.outcome.p50)?.text(2),
                of(|round| round.outcome.p99)?.text(2),
                of(|round| round.outcome.body_bytes as f64)?.text(0),
                of(|round| round.cpu_micros)?.text(0),
                format!("{} %", of(|round| round.outcome.generator_cpu * 100.0)?.text(0)),
            ]);
        }
        Ok((table, share(rounds, Call::Status)?))
    }

    fn name(&self, call: Call) -> String {
        match call {
            Call::Empty => "empty handler".to_owned(),
            Call::Status => "status".to_owned(),
            Call::List => format!("list of {}", self.sessions),
        }
    }

    fn notes(&self, rounds: &[Round], options: &Options) -> Vec<String> {
        let busiest = rounds.iter().map(|round| round.outcome.generator_cpu).fold(0.0, f64::max);
        let limits = if busiest >= GENERATOR_BUSY { "it may be what limits" } else { "it is not what limits" };
        vec![
            format!(
                "{} runs of {} rounds of {} ms, {} connections; empty and status take turns.",
                options.runs(),
                self.rounds,
                self.round_milliseconds,
                self.connections
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

/// The process whose only handler does nothing.
async fn empty_server(storage: &Storage) -> anyhow::Result<(Process, u16)> {
    let port = free_port()?;
    let log = storage.log("empty.log");
    let arguments = [format!("127.0.0.1:{port}")];
    let start = Start { name: "child-empty", arguments: &arguments, environment: &[], log: &log, is_piped: false };
    let mut process = Process::start(&start)?;
    while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        process.check()?; // It listens at once or ends with an error.
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok((process, port))
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

/// Requests per second beside those of the empty handler in the same run.
fn share(rounds: &[&Round], call: Call) -> anyhow::Result<Spread> {
    let empty = run_medians(rounds, Call::Empty, per_second)?;
    let other = run_medians(rounds, call, per_second)?;
    Spread::of(other.iter().zip(&empty).map(|(other, empty)| other / empty))
}
