//! How many calls the REST interface answers, beside an empty poem handler on the same machine at the same time.

use clap::Args;
use serde_json::json;

use crate::options::{Measure, Options};
use crate::report::{Report, Target};
use crate::rounds::{Asked, Call, Round, Volume, share, table};
use crate::storage::{Kind, Storage};
use crate::world::{BootRate, Server, Simulator, poem_server, session_id};

/// Share of the empty handler's requests that the status call must reach.
const STATUS_SHARE: f64 = 0.6;

/// How much is measured.
#[derive(Clone, Debug, Args)]
pub(crate) struct Api {
    #[command(flatten)]
    volume: Volume,
}

impl Measure for Api {
    fn shrink(&mut self) {
        self.volume.shrink();
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
        eprintln!("api: {}: linking {} sessions", kind.name(), self.volume.sessions);
        server.link(&simulator, 0..self.volume.sessions).await?;
        let (empty, port) = poem_server(storage, "child-empty").await?;
        let empty = Asked { call: Call::Empty, process: &empty, port, path: "/".to_owned(), body: None };
        let path = format!("/api/v1/sessions/{}/status", session_id(0));
        let (process, port) = (&server.process, server.port);
        let status = Asked { call: Call::Status, process, port, path, body: None };
        let list = Asked { call: Call::List, process, port, path: "/api/v1/sessions".to_owned(), body: None };
        for asked in [&empty, &status, &list] {
            self.volume.round(kind.name(), 0, asked).await?; // Warm-up: thrown away.
        }
        let mut rounds = Vec::new();
        for run in 1..=runs {
            eprintln!("api: {}: run {run}", kind.name());
            for _ in 0..self.volume.rounds {
                rounds.push(self.volume.round(kind.name(), run, &empty).await?);
                rounds.push(self.volume.round(kind.name(), run, &status).await?);
            }
            for _ in 0..self.volume.rounds {
                rounds.push(self.volume.round(kind.name(), run, &list).await?);
            }
        }
        Ok(rounds)
    }

    fn report(&self, rounds: &[Round], options: &Options) -> anyhow::Result<Report> {
        let sessions = self.volume.sessions;
        let list = format!("list of {sessions}");
        let calls = [(Call::Empty, "empty handler"), (Call::Status, "status"), (Call::List, &list)];
        let mut tables = Vec::new();
        let mut targets = Vec::new();
        for kind in options.kinds() {
            let here: Vec<&Round> = rounds.iter().filter(|round| round.database == kind.name()).collect();
            let title = format!("{}, {sessions} sessions", kind.name());
            tables.push(table(title, &here, &calls, &[(Call::Empty, "empty")])?);
            let status = share(&here, Call::Status, Call::Empty)?;
            targets.push(Target {
                what: format!("{}: status call beside the empty handler", kind.name()),
                reach: format!(">= {STATUS_SHARE} x"),
                measured: format!("{} x", status.text(2)),
                is_reached: status.median >= STATUS_SHARE,
            });
        }
        let notes = self.volume.notes(rounds, options.runs(), "empty and status");
        Ok(Report { bench: "api", notes, tables, targets, runs: json!(rounds) })
    }
}
