//! The receiver's process, as a bench talks to it.

use std::time::{Duration, Instant};

use anyhow::bail;
use serde_json::{Value, json};

use crate::process::{Process, Start, free_port};
use crate::receiver::ledger::{Count, Report};
use crate::receiver::{Mode, Order};
use crate::rest::{answer, http_client};
use crate::storage::Storage;

/// Longest wait for the first answer after the start.
const START_LIMIT: Duration = Duration::from_secs(30);
/// Pause between two looks at what has come.
const LOOK_PAUSE: Duration = Duration::from_millis(20);

/// The receiver. It ends with this value.
#[derive(Debug)]
pub(crate) struct Receiver {
    pub(crate) process: Process,
    http: reqwest::Client,
    base: String,
    port: u16,
}

impl Receiver {
    /// Starts it and waits until it answers.
    pub(crate) async fn start(storage: &Storage) -> anyhow::Result<Self> {
        let (port, control_port) = (free_port()?, free_port()?);
        let arguments = [format!("127.0.0.1:{port}"), format!("127.0.0.1:{control_port}")];
        let log = storage.log("receiver.log");
        let start =
            Start { name: "child-receiver", arguments: &arguments, environment: &[], log: &log, is_piped: false };
        let process = Process::start(&start)?;
        let base = format!("http://127.0.0.1:{control_port}");
        let mut receiver = Self { process, http: http_client()?, base, port };
        let deadline = Instant::now() + START_LIMIT;
        while receiver.count(None).await.is_err() || !receiver.listens().await {
            receiver.process.check()?;
            if Instant::now() > deadline {
                bail!("the receiver does not answer; see {}", log.display());
            }
            tokio::time::sleep(LOOK_PAUSE).await;
        }
        Ok(receiver)
    }

    /// The address of one of its paths: `ok`, `dead` or `fail`.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }

    /// Whether webhooks find somebody who listens.
    pub(crate) async fn listens(&self) -> bool {
        tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await.is_ok()
    }

    /// Makes all paths the same, or each its own again.
    pub(crate) async fn switch(&self, mode: Mode) -> anyhow::Result<()> {
        self.post("/control", &json!(Order { mode })).await.map(drop)
    }

    /// Forgets everything.
    pub(crate) async fn reset(&self) -> anyhow::Result<()> {
        self.post("/reset", &Value::Null).await.map(drop)
    }

    /// How much has come, of all sessions but one.
    pub(crate) async fn count(&self, except: Option<&str>) -> anyhow::Result<Count> {
        Ok(serde_json::from_value(self.get("/count", except).await?)?)
    }

    /// What has come.
    pub(crate) async fn report(&self) -> anyhow::Result<Report> {
        Ok(serde_json::from_value(self.get("/report", None).await?)?)
    }

    /// Microseconds that each text took, of all sessions but one.
    pub(crate) async fn latencies(&self, except: Option<&str>) -> anyhow::Result<Vec<u32>> {
        Ok(serde_json::from_value(self.get("/latencies", except).await?)?)
    }

    /// Sequence and id of each event of a session, in the order of first arrivals.
    pub(crate) async fn arrivals(&self, session: &str) -> anyhow::Result<Vec<(u64, String)>> {
        Ok(serde_json::from_value(self.get(&format!("/arrivals/{session}"), None).await?)?)
    }

    /// Waits until so many events have come or the time is over, and tells how many have.
    pub(crate) async fn reaches(&self, events: u64, except: Option<&str>, limit: Duration) -> anyhow::Result<Count> {
        let deadline = Instant::now() + limit;
        loop {
            let count = self.count(except).await?;
            if count.distinct >= events || Instant::now() > deadline {
                return Ok(count);
            }
            tokio::time::sleep(LOOK_PAUSE).await;
        }
    }

    async fn get(&self, path: &str, except: Option<&str>) -> anyhow::Result<Value> {
        let query = except.map(|session| format!("?except={session}")).unwrap_or_default();
        answer(self.http.get(format!("{}{path}{query}", self.base)), path).await
    }

    async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        answer(self.http.post(format!("{}{path}", self.base)).json(body), path).await
    }
}
