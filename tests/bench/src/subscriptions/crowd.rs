//! The process with the subscribers, as the bench talks to it.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::ChildStdin;
use std::time::Duration;

use anyhow::Context;
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;

use crate::process::{Process, Start};
use crate::storage::Storage;
use crate::subscriber::{Frames, Opening, Order, Volley};
use crate::subscriptions::Subject;
use crate::world::TOKEN;

/// Longest wait for an order to be carried out. Each frame has a shorter limit of its own.
const ORDER_LIMIT: Duration = Duration::from_secs(600);

/// The subscribers. They end with this value.
pub(super) struct Crowd {
    input: ChildStdin,
    answers: mpsc::Receiver<String>,
    log: PathBuf,
    _process: Process,
}

impl Crowd {
    /// Starts the process; no socket is open yet.
    pub(super) fn start(storage: &Storage) -> anyhow::Result<Self> {
        let log = storage.log("subscribers.log");
        let environment = [("WAYPOST_ADMIN_TOKEN", TOKEN.to_owned())];
        let start =
            Start { name: "child-subscribers", arguments: &[], environment: &environment, log: &log, is_piped: true };
        let mut process = Process::start(&start)?;
        let (input, output) = process.pipes()?;
        let (sender, answers) = mpsc::channel(1);
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.blocking_send(line).is_err() {
                    return;
                }
            }
        });
        Ok(Self { input, answers, log, _process: process })
    }

    /// Opens a socket for each of these topics.
    pub(super) async fn open(&mut self, subject: &Subject<'_>, topics: Vec<String>) -> anyhow::Result<()> {
        self.order(&Order::Open(Opening { door: subject.door, address: subject.address, topics })).await
    }

    /// Lets things happen, and tells how long their frames took.
    pub(super) async fn fire(&mut self, volley: Volley) -> anyhow::Result<Frames> {
        self.order(&Order::Fire(volley)).await
    }

    async fn order<T: DeserializeOwned>(&mut self, order: &Order) -> anyhow::Result<T> {
        writeln!(self.input, "{}", serde_json::to_string(order)?).context("the subscribers' process is gone")?;
        let answer = tokio::time::timeout(ORDER_LIMIT, self.answers.recv()).await;
        let answer = answer.context("the subscribers do not answer")?;
        let answer = answer.with_context(|| std::fs::read_to_string(&self.log).unwrap_or_default())?;
        Ok(serde_json::from_str(&answer)?)
    }
}
