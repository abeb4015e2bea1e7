//! How long a new session takes to its first QR code, read over REST, and to its login when it is scanned at once.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;
use serde_json::json;

use crate::options::{Measure, Options};
use crate::report::{Report, Spread, Table, Target, percentile};
use crate::storage::{Kind, Storage};
use crate::world::{Bare, BootRate, Server, Simulator, in_parallel, phone_number, session_id};

/// Samples whose time is thrown away: the first session of a process builds tables and pools.
const WARM_UP: usize = 5;
/// Pause between two looks at a session that logs in alone.
const LOOK_ALONE: Duration = Duration::from_millis(5);
/// The same among a few.
const LOOK_AMONG_FEW: Duration = Duration::from_millis(5);
/// Most milliseconds from the scan to the login among a few, at the median.
const LOGIN_MILLIS: f64 = 50.0;
/// The same among many: looking must not be the load.
const LOOK_AMONG_MANY: Duration = Duration::from_millis(50);
/// Pause behind a session that was created alone: what a login leaves to do belongs to none of the next one's numbers.
const REST_ALONE: Duration = Duration::from_millis(300);
/// A first code that took so many milliseconds is a stall.
const STALL_MILLIS: f64 = 1000.0;
/// Most that the first code may take beside the bare library's, as a factor.
const QR_FACTOR: f64 = 2.0;
/// The subject that the others are measured against.
const BARE: &str = "bare library";

/// How much is measured.
#[derive(Clone, Debug, Args)]
pub(crate) struct FirstQr {
    /// Sessions that are created one at a time.
    #[arg(long, default_value_t = 100)]
    samples: usize,
    /// Sessions that are created at once.
    #[arg(long, default_value_t = 50)]
    at_once: usize,
    /// Sessions at a time in the series in which a few are linked at once, ten times as many in all.
    #[arg(long, default_value_t = 8)]
    few: usize,
}

/// One session's times, milliseconds.
#[derive(Clone, Copy, Debug, Serialize)]
struct Sample {
    qr: f64,
    logged_in: f64,
    /// From the scan to the login.
    scanned: f64,
}

/// One run of one subject.
#[derive(Clone, Debug, Serialize)]
struct Run {
    subject: &'static str,
    alone: Vec<Sample>,
    few: Vec<Sample>,
    at_once: Vec<Sample>,
}

/// How the sessions of one series follow each other.
#[derive(Clone, Copy, Debug)]
struct Load {
    at_once: usize,
    /// Between two looks at the status.
    look: Duration,
    /// After each login.
    rest: Duration,
}

/// One session after the other.
const ALONE: Load = Load { at_once: 1, look: LOOK_ALONE, rest: REST_ALONE };

/// Where the samples of tasks that run at once come together.
type Samples = Arc<Mutex<Vec<Sample>>>;

impl Measure for FirstQr {
    fn shrink(&mut self) {
        (self.samples, self.at_once, self.few) = (5, 5, 2);
    }

    async fn measure(&self, options: &Options) -> anyhow::Result<Report> {
        let mut runs = Vec::new();
        for number in 1..=options.runs() {
            eprintln!("first-qr: run {number}: {BARE}");
            let storage = Kind::Sqlite.prepare().await?;
            let bare = self.bare(&storage).await;
            storage.discard()?;
            runs.push(bare?);
            for kind in options.kinds() {
                eprintln!("first-qr: run {number}: {}", kind.name());
                let storage = kind.prepare().await?;
                let server = self.server(kind.name(), &storage).await;
                storage.discard()?;
                runs.push(server?);
            }
        }
        self.report(&runs, options)
    }
}

impl FirstQr {
    async fn server(&self, subject: &'static str, storage: &Storage) -> anyhow::Result<Run> {
        let simulator = Simulator::start(storage).await?;
        let server = Server::start(storage, &simulator, BootRate::Lifted).await?;
        let [first, second, third] = self.series();
        let alone = sample_server(&server, &simulator, first, ALONE).await?;
        let few = sample_server(&server, &simulator, third, self.a_few()).await?;
        let at_once = sample_server(&server, &simulator, second, self.together()).await?;
        Ok(Run { subject, alone: alone[WARM_UP..].to_vec(), few, at_once })
    }

    async fn bare(&self, storage: &Storage) -> anyhow::Result<Run> {
        let simulator = Simulator::start(storage).await?;
        let bare = Arc::new(Bare::start(storage, &simulator)?);
        let [first, second, third] = self.series();
        let alone = sample_bare(&bare, &simulator, first, ALONE).await?;
        let few = sample_bare(&bare, &simulator, third, self.a_few()).await?;
        let at_once = sample_bare(&bare, &simulator, second, self.together()).await?;
        Ok(Run { subject: BARE, alone: alone[WARM_UP..].to_vec(), few, at_once })
    }

    /// The sessions that are created alone, those that are created at once, and those that are created a few at a time.
    fn series(&self) -> [Range<usize>; 3] {
        let alone = WARM_UP + self.samples;
        let at_once = alone + self.at_once;
        [0..alone, alone..at_once, at_once..at_once + 10 * self.few]
    }

    fn a_few(&self) -> Load {
        Load { at_once: self.few, look: LOOK_AMONG_FEW, rest: Duration::ZERO }
    }

    fn together(&self) -> Load {
        Load { at_once: self.at_once, look: LOOK_AMONG_MANY, rest: Duration::ZERO }
    }

    fn report(&self, runs: &[Run], options: &Options) -> anyhow::Result<Report> {
        let head = ["", "first code p50, ms", "p99", "longest", "logged in p50, ms", "p99", "longest"];
        let head = [&head[..], &["from the scan p50, ms", "p99", "longest"]].concat();
        let mut alone = Table::new("One at a time", &head);
        let mut at_once = Table::new(format!("{} at once", self.at_once), &head);
        let mut few = Table::new(format!("{} at a time", self.few), &head);
        let mut targets = Vec::new();
        let bare = p50_qr(runs, BARE)?;
        let kinds = options.kinds();
        for subject in std::iter::once(BARE).chain(kinds.iter().map(Kind::name)) {
            alone.row(row(runs, subject, |run| &run.alone)?);
            few.row(row(runs, subject, |run| &run.few)?);
            at_once.row(row(runs, subject, |run| &run.at_once)?);
            if subject != BARE {
                targets.push(factor_target(runs, subject, bare)?);
                targets.push(stall_target(runs, subject)?);
                targets.push(login_target(runs, subject)?);
            }
        }
        let notes = vec![
            format!("{} runs; each cell is the median (least-most) of the runs' own figures.", options.runs()),
            "Server: from the sending of POST /sessions until GET /qr has answered with a code.".to_owned(),
            "Bare library: in its process, from the building of the client to its event; no HTTP in between."
                .to_owned(),
            format!("One at a time: {REST_ALONE:?} of rest behind each login."),
            format!("A stall is a first code after more than {STALL_MILLIS} ms."),
            format!(
                "The login is looked for every {LOOK_ALONE:?} alone, every {LOOK_AMONG_FEW:?} among a few, every {LOOK_AMONG_MANY:?} at once."
            ),
        ];
        Ok(Report { bench: "first-qr", notes, tables: vec![alone, few, at_once], targets, runs: json!(runs) })
    }
}

async fn sample_server(
    server: &Server,
    simulator: &Simulator,
    sessions: Range<usize>,
    load: Load,
) -> anyhow::Result<Vec<Sample>> {
    add_phones(simulator, sessions.clone()).await?;
    let samples = Samples::default();
    in_parallel(sessions.clone(), load.at_once, |session| {
        let (rest, control, samples) = (server.rest.clone(), simulator.control.clone(), Arc::clone(&samples));
        async move {
            let id = session_id(session);
            let created = Instant::now();
            rest.create(&id).await?;
            let code = rest.qr(&id).await?;
            let qr = millis(created.elapsed());
            let scan = Instant::now();
            control.scan(&phone_number(session), &code).await?;
            rest.logged_in(&id, load.look).await?;
            let (logged_in, scanned) = (millis(created.elapsed()), millis(scan.elapsed()));
            keep(&samples, Sample { qr, logged_in, scanned });
            tokio::time::sleep(load.rest).await;
            Ok(())
        }
    })
    .await?;
    for session in sessions {
        server.rest.delete(&session_id(session)).await?;
    }
    Ok(taken(&samples))
}

async fn sample_bare(
    bare: &Arc<Bare>,
    simulator: &Simulator,
    sessions: Range<usize>,
    load: Load,
) -> anyhow::Result<Vec<Sample>> {
    add_phones(simulator, sessions.clone()).await?;
    let samples = Samples::default();
    in_parallel(sessions.clone(), load.at_once, |session| {
        let (bare, control, samples) = (Arc::clone(bare), simulator.control.clone(), Arc::clone(&samples));
        async move {
            let mut opened = bare.open(session)?;
            let (code, qr) = opened.qr().await?;
            let scan = Instant::now();
            control.scan(&phone_number(session), &code).await?;
            let logged_in = opened.logged_in().await?;
            let scanned = millis(scan.elapsed());
            keep(&samples, Sample { qr: millis(qr), logged_in: millis(logged_in), scanned });
            tokio::time::sleep(load.rest).await;
            Ok(())
        }
    })
    .await?;
    for session in sessions {
        bare.close(session)?;
    }
    Ok(taken(&samples))
}

/// The phones are there before the clock runs.
async fn add_phones(simulator: &Simulator, sessions: Range<usize>) -> anyhow::Result<()> {
    for session in sessions {
        simulator.control.add_phone(&phone_number(session)).await?;
    }
    Ok(())
}

fn keep(samples: &Samples, sample: Sample) {
    samples.lock().unwrap_or_else(PoisonError::into_inner).push(sample);
}

fn taken(samples: &Samples) -> Vec<Sample> {
    std::mem::take(&mut *samples.lock().unwrap_or_else(PoisonError::into_inner))
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// A percentile of each run, over the runs.
fn over_runs(runs: &[Run], subject: &str, percent: f64, of: impl Fn(&Run) -> Vec<f64>) -> anyhow::Result<Spread> {
    Spread::of(runs.iter().filter(|run| run.subject == subject).map(|run| {
        let mut values = of(run);
        values.sort_by(f64::total_cmp);
        percentile(&values, percent)
    }))
}

fn row(runs: &[Run], subject: &str, samples: fn(&Run) -> &[Sample]) -> anyhow::Result<Vec<String>> {
    let mut cells = vec![subject.to_owned()];
    let times: [fn(&Sample) -> f64; 3] = [|sample| sample.qr, |sample| sample.logged_in, |sample| sample.scanned];
    for of in times {
        for percent in [50.0, 99.0, 100.0] {
            cells.push(over_runs(runs, subject, percent, |run| samples(run).iter().map(of).collect())?.text(1));
        }
    }
    Ok(cells)
}

fn p50_qr(runs: &[Run], subject: &str) -> anyhow::Result<f64> {
    Ok(over_runs(runs, subject, 50.0, |run| run.alone.iter().map(|sample| sample.qr).collect())?.median)
}

fn factor_target(runs: &[Run], subject: &str, bare: f64) -> anyhow::Result<Target> {
    let p50 = p50_qr(runs, subject)?;
    Ok(Target {
        what: format!("{subject}: p50 to the first code, one at a time"),
        reach: format!("<= {QR_FACTOR} x bare"),
        measured: format!("{:.2} x ({p50:.1} ms beside {bare:.1} ms)", p50 / bare),
        is_reached: p50 <= QR_FACTOR * bare,
    })
}

fn login_target(runs: &[Run], subject: &str) -> anyhow::Result<Target> {
    let of = |subject| over_runs(runs, subject, 50.0, |run| run.few.iter().map(|sample| sample.scanned).collect());
    let (p50, bare) = (of(subject)?, of(BARE)?);
    Ok(Target {
        what: format!("{subject}: p50 from the scan to the login, a few at a time"),
        reach: format!("<= {LOGIN_MILLIS} ms"),
        measured: format!("{} ms (bare {} ms)", p50.text(1), bare.text(1)),
        is_reached: p50.median <= LOGIN_MILLIS,
    })
}

fn stall_target(runs: &[Run], subject: &str) -> anyhow::Result<Target> {
    let longest = over_runs(runs, subject, 100.0, |run| {
        run.alone.iter().chain(&run.few).chain(&run.at_once).map(|sample| sample.qr).collect()
    })?;
    Ok(Target {
        what: format!("{subject}: longest first code"),
        reach: "no stalls".to_owned(),
        measured: format!("{} ms", longest.text(1)),
        is_reached: longest.most <= STALL_MILLIS,
    })
}
