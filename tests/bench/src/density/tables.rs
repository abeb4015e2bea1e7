//! What the density runs say, as tables and targets.

use serde_json::json;

use crate::density::{BARE, Cycles, Run, Step};
use crate::options::Options;
use crate::process::Usage;
use crate::report::{Report, Spread, Table, Target};

/// Most that a session may use beside the bare library's, as a factor.
const MEMORY_FACTOR: f64 = 1.25;
/// Most bytes on the disk per session.
const DISK_BYTES: f64 = 150_000.0;
/// Descriptors or threads that come and go with the pools, whatever the number of sessions.
const POOL_TOLERANCE: f64 = 4.0;
/// Growth over all cycles that is the allocator's own, bytes.
const CYCLE_BYTES: f64 = 4_000_000.0;

/// The whole report.
pub(super) fn report(runs: &[Run], sessions: &[usize], options: &Options) -> anyhow::Result<Report> {
    let mut tables = vec![steps_table(runs, sessions)?, marginal_table(runs)?];
    let mut targets = Vec::new();
    for kind in options.kinds() {
        targets.extend(targets_of(runs, kind.name())?);
    }
    tables.push(cycles_table(runs)?);
    let notes = vec![
        format!("{} runs; each cell: median (least-most).", options.runs()),
        "Memory from smaps_rollup: anonymous, and resident minus anonymous as file-backed.".to_owned(),
        "Per session: growth from the first step with sessions to the last, divided by the sessions in between."
            .to_owned(),
        "PostgreSQL's own processes are not counted, only the server's.".to_owned(),
    ];
    Ok(Report { bench: "density", notes, tables, targets, runs: json!(runs) })
}

fn subjects(runs: &[Run]) -> Vec<&'static str> {
    let mut subjects: Vec<&'static str> = Vec::new();
    for run in runs {
        if !subjects.contains(&run.subject) {
            subjects.push(run.subject);
        }
    }
    subjects
}

/// One number of every run of a subject.
fn spread(runs: &[Run], subject: &str, of: impl Fn(&Run) -> f64) -> anyhow::Result<Spread> {
    Spread::of(runs.iter().filter(|run| run.subject == subject).map(of))
}

fn steps_table(runs: &[Run], sessions: &[usize]) -> anyhow::Result<Table> {
    let head = ["", "sessions", "anonymous MB", "file MB", "descriptors", "threads", "CPU % of a core", "disk MB"];
    let mut table = Table::new("Logged-in, idle", &head);
    for subject in subjects(runs) {
        for (index, count) in sessions.iter().enumerate() {
            let cell = |of: &dyn Fn(&Step) -> f64, digits: usize| {
                spread(runs, subject, |run| of(&run.steps[index])).map(|spread| spread.text(digits))
            };
            table.row(vec![
                subject.to_owned(),
                count.to_string(),
                cell(&|step| step.usage.anonymous_bytes as f64 / 1e6, 1)?,
                cell(&|step| step.usage.file_bytes as f64 / 1e6, 1)?,
                cell(&|step| step.usage.descriptors as f64, 0)?,
                cell(&|step| step.usage.threads as f64, 0)?,
                cell(&|step| step.cpu_share * 100.0, 2)?,
                cell(&|step| step.disk_bytes as f64 / 1e6, 1)?,
            ]);
        }
    }
    Ok(table)
}

fn marginal_table(runs: &[Run]) -> anyhow::Result<Table> {
    let head = ["", "resident kB", "anonymous kB", "beside the bare library", "descriptors", "disk kB"];
    let mut table = Table::new("Per session", &head);
    let bare = spread(runs, BARE, |run| run.marginal(|step| step.usage.resident_bytes()))?;
    for subject in subjects(runs) {
        let resident = spread(runs, subject, |run| run.marginal(|step| step.usage.resident_bytes()) / 1e3)?;
        let anonymous = spread(runs, subject, |run| run.marginal(|step| step.usage.anonymous_bytes) / 1e3)?;
        table.row(vec![
            subject.to_owned(),
            resident.text(0),
            anonymous.text(0),
            format!("{:.2} x", resident.median * 1e3 / bare.median),
            spread(runs, subject, |run| run.marginal(|step| step.usage.descriptors))?.text(2),
            spread(runs, subject, |run| run.marginal(|step| step.disk_bytes) / 1e3)?.text(0),
        ]);
    }
    Ok(table)
}

fn cycles_table(runs: &[Run]) -> anyhow::Result<Table> {
    let head = ["", "cycles", "anonymous MB before", "after", "descriptors before", "after"];
    let mut table = Table::new("Create and delete", &head);
    for subject in subjects(runs).into_iter().filter(|&subject| subject != BARE) {
        let cell = |of: &dyn Fn(&Cycles) -> f64, digits: usize| {
            spread(runs, subject, |run| run.cycles.as_ref().map_or(f64::NAN, of)).map(|spread| spread.text(digits))
        };
        table.row(vec![
            subject.to_owned(),
            cell(&|cycles| cycles.cycles as f64, 0)?,
            cell(&|cycles| cycles.before.anonymous_bytes as f64 / 1e6, 1)?,
            cell(&|cycles| cycles.after.anonymous_bytes as f64 / 1e6, 1)?,
            cell(&|cycles| cycles.before.descriptors as f64, 0)?,
            cell(&|cycles| cycles.after.descriptors as f64, 0)?,
        ]);
    }
    Ok(table)
}

fn targets_of(runs: &[Run], subject: &'static str) -> anyhow::Result<Vec<Target>> {
    let resident = |run: &Run| run.marginal(|step| step.usage.resident_bytes());
    let factor = spread(runs, subject, resident)?.median / spread(runs, BARE, resident)?.median;
    let descriptors = spread(runs, subject, |run| run.marginal(|step| step.usage.descriptors))?;
    let sessions = runs.first().and_then(|run| run.steps.last()).map_or(1, |step| step.sessions.max(1)) as f64;
    let threads = spread(runs, subject, |run| run.marginal(|step| step.usage.threads) * sessions)?;
    let disk = spread(runs, subject, |run| run.marginal(|step| step.disk_bytes))?;
    let memory_left = spread(runs, subject, |run| left(run, |usage| usage.anonymous_bytes))?;
    let descriptors_left = spread(runs, subject, |run| left(run, |usage| usage.descriptors))?;
    let target = |what: &str, reach: &str, measured: String, is_reached: bool| Target {
        what: format!("{subject}: {what}"),
        reach: reach.to_owned(),
        measured,
        is_reached,
    };
    Ok(vec![
        target("resident per session", "<= 1.25 x bare", format!("{factor:.2} x"), factor <= MEMORY_FACTOR),
        target(
            "descriptors per session",
            "1",
            descriptors.text(2),
            (descriptors.median - 1.0) * sessions <= POOL_TOLERANCE,
        ),
        target("threads that came with all sessions", "0", threads.text(0), threads.median <= POOL_TOLERANCE),
        target("disk per session", "<= 150 kB", format!("{:.0} kB", disk.median / 1e3), disk.median <= DISK_BYTES),
        target(
            "memory that the cycles left",
            "0 (allocator: 4 MB)",
            format!("{:.1} MB", memory_left.median / 1e6),
            memory_left.median <= CYCLE_BYTES,
        ),
        target("descriptors that they left", "0", descriptors_left.text(0), descriptors_left.median <= POOL_TOLERANCE),
    ])
}

/// How much more there was after the cycles than before.
fn left(run: &Run, of: impl Fn(&Usage) -> u64) -> f64 {
    run.cycles.as_ref().map_or(f64::NAN, |cycles| of(&cycles.after) as f64 - of(&cycles.before) as f64)
}
