//! How many queries the GraphQL interface answers, beside the same question over REST and beside a field that is always
//! the same, on the same machine at the same time.

use clap::Args;
use serde_json::json;

use crate::options::{Measure, Options};
use crate::report::{Report, Target};
use crate::rounds::{Asked, Call, Round, Volume, share, table};
use crate::storage::{Kind, Storage};
use crate::world::{BootRate, Server, Simulator, poem_server, session_id};

/// The query that asks what REST's status call answers.
const QUERY: &str = "query($id: ID!){ session(id: $id) { id status } }";
/// Share of the status call's requests that the query must reach.
const SESSION_SHARE: f64 = 0.5;

/// How much is measured.
#[derive(Clone, Debug, Args)]
pub(crate) struct Graphql {
    #[command(flatten)]
    volume: Volume,
}

impl Measure for Graphql {
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

impl Graphql {
    async fn runs(&self, kind: &Kind, storage: &Storage, runs: usize) -> anyhow::Result<Vec<Round>> {
        let simulator = Simulator::start(storage).await?;
        let server = Server::start(storage, &simulator, BootRate::Lifted).await?;
        eprintln!("graphql: {}: linking {} sessions", kind.name(), self.volume.sessions);
        server.link(&simulator, 0..self.volume.sessions).await?;
        let (fixed, fixed_port) = poem_server(storage, "child-static").await?;
        let (process, port, path) = (&server.process, server.port, "/graphql".to_owned());
        let status = format!("/api/v1/sessions/{}/status", session_id(0));
        let query = json!({ "query": QUERY, "variables": { "id": session_id(0) } }).to_string();
        let fixed_query = Some(json!({ "query": "{ version }" }).to_string());
        let turns = [
            Asked { call: Call::Status, process, port, path: status, body: None },
            Asked { call: Call::Static, process: &fixed, port: fixed_port, path: path.clone(), body: fixed_query },
            Asked { call: Call::Session, process, port, path, body: Some(query) },
        ];
        for (asked, with) in turns.iter().zip([r#""status":"logged_in""#, r#"{"data":{"version":"#, r#""LOGGED_IN""#]) {
            asked.answers(with).await?;
            self.volume.round(kind.name(), 0, asked).await?; // Warm-up: thrown away.
        }
        let mut rounds = Vec::new();
        for run in 1..=runs {
            eprintln!("graphql: {}: run {run}", kind.name());
            for _ in 0..self.volume.rounds {
                for asked in &turns {
                    rounds.push(self.volume.round(kind.name(), run, asked).await?);
                }
            }
        }
        Ok(rounds)
    }

    fn report(&self, rounds: &[Round], options: &Options) -> anyhow::Result<Report> {
        let calls =
            [(Call::Status, "REST status"), (Call::Static, "static GraphQL field"), (Call::Session, "GraphQL session")];
        let beside = [(Call::Status, "REST status"), (Call::Static, "static field")];
        let mut tables = Vec::new();
        let mut targets = Vec::new();
        for kind in options.kinds() {
            let here: Vec<&Round> = rounds.iter().filter(|round| round.database == kind.name()).collect();
            tables.push(table(format!("{}, {} sessions", kind.name(), self.volume.sessions), &here, &calls, &beside)?);
            let session = share(&here, Call::Session, Call::Status)?;
            targets.push(Target {
                what: format!("{}: GraphQL session query beside REST's status call", kind.name()),
                reach: format!(">= {SESSION_SHARE} x"),
                measured: format!("{} x", session.text(2)),
                is_reached: session.median >= SESSION_SHARE,
            });
        }
        let mut notes = self.volume.notes(rounds, options.runs(), "status, static field and session");
        notes.push(format!("Asked: {QUERY}, as a POST of JSON with the key; the static field has no key to check."));
        Ok(Report { bench: "graphql", notes, tables, targets, runs: json!(rounds) })
    }
}
