//! What a bench measures, as processes: the simulator, the server before it, or the bare library in the server's place.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::ops::Range;
use std::path::PathBuf;
use std::process::{ChildStdin, ChildStdout};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::bare::{Counted, Happening};
use crate::process::{Process, Start, free_port};
use crate::rest::{Control, Rest, Webhook};
use crate::sends::plan::{Plan, Round};
use crate::storage::Storage;

/// Longest wait for a child to answer after its start.
const START_LIMIT: Duration = Duration::from_secs(60);
/// Longest wait for the bare library's next happening, under full load.
const HAPPENING_LIMIT: Duration = Duration::from_secs(120);
/// Sessions that are linked at the same time. More would only queue on two cores.
const LINKED_AT_ONCE: usize = 16;
/// Pause between two looks at a session that is being linked.
const LINK_PAUSE: Duration = Duration::from_millis(50);
/// Happenings that one bare session may have unread: six codes and a login or two.
const HAPPENINGS: usize = 16;
/// The key of the measured server; it lives on loopback for as long as the run.
pub(crate) const TOKEN: &str = "waypost-bench-0123456789abcdef0123456789abcdef";

/// The simulator's process.
#[derive(Debug)]
pub(crate) struct Simulator {
    pub(crate) control: Control,
    pub(crate) control_port: u16,
    whatsapp_url: String,
    _process: Process,
}

impl Simulator {
    /// A fresh world without phones.
    pub(crate) async fn start(storage: &Storage) -> anyhow::Result<Self> {
        let (port, control_port) = (free_port()?, free_port()?);
        let log = storage.log("simulator.log");
        let arguments = [format!("127.0.0.1:{port}"), format!("127.0.0.1:{control_port}")];
        let start =
            Start { name: "child-simulator", arguments: &arguments, environment: &[], log: &log, is_piped: false };
        let mut process = Process::start(&start)?;
        let control = Control::new(control_port)?;
        let deadline = Instant::now() + START_LIMIT;
        while control.stats().await.is_err() {
            process.check()?;
            if Instant::now() > deadline {
                bail!("the simulator does not answer; see {}", log.display());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let whatsapp_url = format!("ws://127.0.0.1:{port}/ws/chat");
        Ok(Self { control, control_port, whatsapp_url, _process: process })
    }
}

/// How fast sessions come back after a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BootRate {
    /// As configured by default.
    Default,
    /// As fast as they can.
    Lifted,
}

/// How a server is started.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Launch<'a> {
    pub(crate) rate: BootRate,
    /// More flags.
    pub(crate) arguments: &'a [String],
}

/// The measured server's process.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) rest: Rest,
    pub(crate) process: Process,
    pub(crate) port: u16,
    log: PathBuf,
}

impl Server {
    /// Starts it and waits until it answers.
    pub(crate) async fn start(storage: &Storage, simulator: &Simulator, rate: BootRate) -> anyhow::Result<Self> {
        let mut server = Self::launch(storage, simulator, &Launch { rate, arguments: &[] })?;
        server.answers().await?;
        Ok(server)
    }

    /// Starts it, without waiting for anything.
    pub(crate) fn launch(storage: &Storage, simulator: &Simulator, launch: &Launch<'_>) -> anyhow::Result<Self> {
        let port = free_port()?;
        let mut arguments = vec!["serve".to_owned(), "--listen".to_owned(), format!("127.0.0.1:{port}")];
        arguments.extend(storage.arguments());
        arguments.extend(["--whatsapp-url".to_owned(), simulator.whatsapp_url.clone()]);
        arguments.extend_from_slice(launch.arguments);
        if launch.rate == BootRate::Lifted {
            arguments.extend(["--boot-rate".to_owned(), "0".to_owned()]);
        }
        let environment = [("WAYPOST_ADMIN_TOKEN", TOKEN.to_owned())];
        let log = storage.log("server.log");
        let start = Start {
            name: "child-server",
            arguments: &arguments,
            environment: &environment,
            log: &log,
            is_piped: false,
        };
        let process = Process::start(&start)?;
        Ok(Self { rest: Rest::new(port, TOKEN)?, process, port, log })
    }

    /// Waits until it answers.
    pub(crate) async fn answers(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + START_LIMIT;
        while !self.rest.is_alive().await {
            self.process.check().with_context(|| std::fs::read_to_string(&self.log).unwrap_or_default())?;
            if Instant::now() > deadline {
                bail!("the server does not answer; see {}", self.log.display());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    /// Creates these sessions and links each to a phone of its own, until all are logged in.
    pub(crate) async fn link(&self, simulator: &Simulator, sessions: Range<usize>) -> anyhow::Result<()> {
        self.link_with(simulator, sessions, None).await
    }

    /// The same, each with this webhook.
    pub(crate) async fn link_with(
        &self,
        simulator: &Simulator,
        sessions: Range<usize>,
        webhook: Option<&Webhook>,
    ) -> anyhow::Result<()> {
        in_parallel(sessions, LINKED_AT_ONCE, |session| {
            let (rest, control, webhook) = (self.rest.clone(), simulator.control.clone(), webhook.cloned());
            async move {
                let id = session_id(session);
                control.add_phone(&phone_number(session)).await?;
                rest.create_with(&id, webhook.as_ref()).await?;
                let qr = rest.qr(&id).await?;
                control.scan(&phone_number(session), &qr).await?;
                rest.logged_in(&id, LINK_PAUSE).await
            }
        })
        .await
    }
}

/// The bare library's process.
#[derive(Debug)]
pub(crate) struct Bare {
    pub(crate) process: Process,
    input: Arc<Mutex<ChildStdin>>,
    listeners: Listeners,
    counts: mpsc::Receiver<Counted>,
    rounds: mpsc::Receiver<Round>,
}

type Listeners = Arc<Mutex<HashMap<usize, mpsc::Sender<Happening>>>>;

impl Bare {
    /// Starts it; no session is open yet.
    pub(crate) fn start(storage: &Storage, simulator: &Simulator) -> anyhow::Result<Self> {
        let arguments = [simulator.whatsapp_url.clone()];
        let log = storage.log("bare.log");
        let start = Start { name: "child-bare", arguments: &arguments, environment: &[], log: &log, is_piped: true };
        let mut process = Process::start(&start)?;
        let (input, output) = process.pipes()?;
        let listeners = Listeners::default();
        let told = Arc::clone(&listeners);
        let ((counted, counts), (sent, rounds)) = (mpsc::channel(1), mpsc::channel(1));
        std::thread::spawn(move || listen(output, &told, &counted, &sent));
        Ok(Self { process, input: Arc::new(Mutex::new(input)), listeners, counts, rounds })
    }

    /// Opens these sessions and links each to a phone of its own, until all are logged in.
    pub(crate) async fn link(&self, simulator: &Simulator, sessions: Range<usize>) -> anyhow::Result<()> {
        in_parallel(sessions, LINKED_AT_ONCE, |session| {
            let (control, opened) = (simulator.control.clone(), self.open(session));
            async move {
                control.add_phone(&phone_number(session)).await?;
                let mut opened = opened?;
                let (qr, _) = opened.qr().await?;
                control.scan(&phone_number(session), &qr).await?;
                opened.logged_in().await.map(drop)
            }
        })
        .await
    }

    /// Opens one session.
    pub(crate) fn open(&self, session: usize) -> anyhow::Result<Opened> {
        let (sender, happenings) = mpsc::channel(HAPPENINGS);
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner).insert(session, sender);
        self.command(&format!("open {session}\n"))?;
        Ok(Opened { happenings })
    }

    /// Closes one session for good.
    pub(crate) fn close(&self, session: usize) -> anyhow::Result<()> {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner).remove(&session);
        self.command(&format!("close {session}\n"))
    }

    /// The messages that the library has told of so far.
    pub(crate) async fn counted(&mut self) -> anyhow::Result<Counted> {
        self.command("count\n")?;
        let counted = tokio::time::timeout(HAPPENING_LIMIT, self.counts.recv()).await;
        counted.context("the bare library says nothing")?.context("the bare library's process is gone")
    }

    /// Lets the sessions send what is planned, until all of it is acknowledged.
    pub(crate) async fn send(&mut self, plan: Plan) -> anyhow::Result<Round> {
        self.command(&format!("send {}\n", serde_json::to_string(&plan)?))?;
        let round = tokio::time::timeout(plan.duration() + HAPPENING_LIMIT, self.rounds.recv()).await;
        round.context("the bare library does not come to an end")?.context("the bare library's process is gone")
    }

    fn command(&self, line: &str) -> anyhow::Result<()> {
        let mut input = self.input.lock().unwrap_or_else(PoisonError::into_inner);
        input.write_all(line.as_bytes()).context("the bare library's process is gone")
    }
}

/// A bare session as this program sees it.
#[derive(Debug)]
pub(crate) struct Opened {
    happenings: mpsc::Receiver<Happening>,
}

impl Opened {
    /// The first QR code, and how long after the opening it came.
    pub(crate) async fn qr(&mut self) -> anyhow::Result<(String, Duration)> {
        let happening = self.next().await?;
        let qr = happening.qr.context("logged in without a code")?;
        Ok((qr, Duration::from_micros(happening.after_micros)))
    }

    /// How long after the opening the session was logged in.
    pub(crate) async fn logged_in(&mut self) -> anyhow::Result<Duration> {
        loop {
            let happening = self.next().await?;
            if happening.qr.is_none() {
                return Ok(Duration::from_micros(happening.after_micros));
            }
        }
    }

    async fn next(&mut self) -> anyhow::Result<Happening> {
        let next = tokio::time::timeout(HAPPENING_LIMIT, self.happenings.recv()).await;
        next.context("the bare library says nothing")?.context("the bare library's process is gone")
    }
}

/// Hands the child's lines to whoever waits for them; at its end nobody waits any more.
fn listen(output: ChildStdout, listeners: &Listeners, counted: &mpsc::Sender<Counted>, sent: &mpsc::Sender<Round>) {
    for line in BufReader::new(output).lines() {
        let Ok(line) = line else { break };
        if let Ok(count) = serde_json::from_str::<Counted>(&line) {
            let _ = counted.blocking_send(count); // Whoever asked may have gone.
            continue;
        }
        if let Ok(round) = serde_json::from_str::<Round>(&line) {
            let _ = sent.blocking_send(round); // Whoever asked may have gone.
            continue;
        }
        let Ok(happening) = serde_json::from_str::<Happening>(&line) else { continue };
        let listener = listeners.lock().unwrap_or_else(PoisonError::into_inner).get(&happening.session).cloned();
        if let Some(listener) = listener {
            let _ = listener.try_send(happening); // The session is linked and nobody reads on.
        }
    }
    listeners.lock().unwrap_or_else(PoisonError::into_inner).clear();
}

/// A poem server of this program's own that something is measured against, once it listens, and its port.
pub(crate) async fn poem_server(storage: &Storage, name: &'static str) -> anyhow::Result<(Process, u16)> {
    let port = free_port()?;
    let log = storage.log(&format!("{name}.log"));
    let arguments = [format!("127.0.0.1:{port}")];
    let start = Start { name, arguments: &arguments, environment: &[], log: &log, is_piped: false };
    let mut process = Process::start(&start)?;
    while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        process.check()?; // It listens at once or ends with an error.
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok((process, port))
}

/// Runs one task per number, so many at the same time; the first failure ends it.
pub(crate) async fn in_parallel<F, T>(numbers: Range<usize>, at_once: usize, task: F) -> anyhow::Result<()>
where
    F: Fn(usize) -> T,
    T: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    let mut running = JoinSet::new();
    for number in numbers {
        if running.len() >= at_once
            && let Some(ended) = running.join_next().await
        {
            ended??;
        }
        running.spawn(task(number));
    }
    while let Some(ended) = running.join_next().await {
        ended??;
    }
    Ok(())
}

/// The name of a session in every bench.
pub(crate) fn session_id(session: usize) -> String {
    format!("bench-{session:05}")
}

/// An invented number.
pub(crate) fn phone_number(session: usize) -> String {
    format!("1555{session:07}")
}

/// The number of the phone that writes to a session, or to all. No session has it.
pub(crate) fn sender_number(phone: usize) -> String {
    format!("1555{:07}", 9_000_000 + phone)
}
