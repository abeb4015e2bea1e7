//! What the subscription runs say, as tables and targets.

use std::time::Duration;

use serde_json::json;

use crate::options::Options;
use crate::process::Usage;
use crate::report::{Report, Spread, Table, Target};
use crate::storage::Kind;
use crate::subscriptions::{BARE, FEW, REST, Run, Shape, Subscriptions, WARM_UP};

/// Most milliseconds that the slowest hundredth may begin at.
const P99_MILLIS: f64 = 50.0;
/// Most memory of a subscriber beside the bare broadcast's, as a factor.
const MEMORY_FACTOR: f64 = 1.5;

/// The whole report.
pub(super) fn report(bench: &Subscriptions, runs: &[Run], options: &Options) -> anyhow::Result<Report> {
    let kinds = options.kinds();
    let subjects: Vec<&str> = std::iter::once(BARE).chain(kinds.iter().map(Kind::name)).collect();
    let mut tables = Vec::new();
    let mut targets = Vec::new();
    for shape in [Shape::OneSession, Shape::OwnSession] {
        let title = format!("{} subscribers, {}: until the frame", bench.subscribers, shape.name());
        tables.push(frames_table(title, runs, shape, &subjects)?);
        for &subject in subjects.iter().filter(|&&subject| subject != BARE) {
            targets.push(p99_target(&Runs { runs, subject, shape })?);
            targets.push(memory_target(&Runs { runs, subject, shape })?);
        }
    }
    tables.push(memory_table(runs, &subjects)?);
    Ok(Report { bench: "subscriptions", notes: notes(bench, options), tables, targets, runs: json!(runs) })
}

/// The runs of one subject in one shape.
struct Runs<'a> {
    runs: &'a [Run],
    subject: &'a str,
    shape: Shape,
}

impl Runs<'_> {
    fn spread(&self, of: impl Fn(&Run) -> f64) -> anyhow::Result<Spread> {
        let same = self.runs.iter().filter(|run| run.subject == self.subject && run.shape == self.shape);
        Spread::of(same.map(of))
    }

    /// Bytes per subscriber before anything happened.
    fn memory(&self, of: fn(&Usage) -> u64) -> anyhow::Result<Spread> {
        self.spread(|run| run.per_subscriber(&run.with_all, of))
    }

    /// Resident memory per subscriber beside the bare broadcast's.
    fn beside_bare(&self) -> anyhow::Result<f64> {
        let bare = Runs { subject: BARE, ..*self };
        Ok(self.memory(Usage::resident_bytes)?.median / bare.memory(Usage::resident_bytes)?.median)
    }
}

fn frames_table(title: String, runs: &[Run], shape: Shape, subjects: &[&str]) -> anyhow::Result<Table> {
    let head = ["", "frames", "p50 ms", "p99 ms", "longest ms", "frame bytes", "subscribers' CPU"];
    let mut table = Table::new(title, &head);
    for &subject in subjects {
        let runs = Runs { runs, subject, shape };
        table.row(vec![
            subject.to_owned(),
            runs.spread(|run| run.frames.frames as f64)?.text(0),
            runs.spread(|run| run.frames.p50)?.text(1),
            runs.spread(|run| run.frames.p99)?.text(1),
            runs.spread(|run| run.frames.most)?.text(1),
            runs.spread(|run| run.frames.frame_bytes as f64)?.text(0),
            format!("{} %", runs.spread(|run| run.frames.subscriber_cpu * 100.0)?.text(0)),
        ]);
    }
    Ok(table)
}

fn memory_table(runs: &[Run], subjects: &[&str]) -> anyhow::Result<Table> {
    let head = [
        "",
        "follow",
        "resident kB",
        "anonymous kB",
        "beside the bare broadcast",
        "resident kB after the events",
        "descriptors",
    ];
    let mut table = Table::new("Server memory per subscriber", &head);
    for shape in [Shape::OneSession, Shape::OwnSession] {
        for &subject in subjects {
            let runs = Runs { runs, subject, shape };
            let afterwards = |run: &Run| {
                run.afterwards.map_or(f64::NAN, |usage| run.per_subscriber(&usage, Usage::resident_bytes) / 1e3)
            };
            table.row(vec![
                subject.to_owned(),
                shape.name().to_owned(),
                runs.spread(|run| run.per_subscriber(&run.with_all, Usage::resident_bytes) / 1e3)?.text(1),
                runs.spread(|run| run.per_subscriber(&run.with_all, |usage| usage.anonymous_bytes) / 1e3)?.text(1),
                format!("{:.2} x", runs.beside_bare()?),
                if shape == Shape::OneSession { runs.spread(afterwards)?.text(1) } else { "-".to_owned() },
                runs.memory(|usage| usage.descriptors)?.text(2),
            ]);
        }
    }
    Ok(table)
}

fn p99_target(runs: &Runs<'_>) -> anyhow::Result<Target> {
    let p99 = runs.spread(|run| run.frames.p99)?;
    Ok(Target {
        what: format!("{}: p99 until the frame, {}", runs.subject, runs.shape.name()),
        reach: format!("<= {P99_MILLIS} ms"),
        measured: format!("{} ms", p99.text(1)),
        is_reached: p99.median <= P99_MILLIS,
    })
}

fn memory_target(runs: &Runs<'_>) -> anyhow::Result<Target> {
    let factor = runs.beside_bare()?;
    Ok(Target {
        what: format!("{}: resident memory per subscriber, {}", runs.subject, runs.shape.name()),
        reach: format!("<= {MEMORY_FACTOR} x bare"),
        measured: format!("{factor:.2} x"),
        is_reached: factor <= MEMORY_FACTOR,
    })
}

fn notes(bench: &Subscriptions, options: &Options) -> Vec<String> {
    vec![
        format!("{} runs; each cell: median (least-most).", options.runs()),
        "Until the frame: from the sending of the request that lets the simulator say that the account was opened \
         elsewhere to the frame's arrival at the subscriber. An upper bound of what is asked, library's event to frame: \
         the request, the simulator, the library's own work and the subscriber's wait for its turn are in it."
            .to_owned(),
        "Bare broadcast: from the sending of a POST, whose body is broadcast, to the frame's arrival.".to_owned(),
        format!(
            "One session: {} events after {WARM_UP} to warm up, each once all have the last one's frame, the session is \
             logged in again and {REST:?} have passed; a frame of each subscriber for each event.",
            bench.events
        ),
        format!(
            "A session each: one event for each session, one every {:?}, in the order of their creation.",
            Duration::from_millis(bench.spacing_milliseconds)
        ),
        "The subscribers are one thread on the same cores: the last of many frames at once waits for all others to be \
         read."
            .to_owned(),
        format!(
            "Memory per subscriber: growth from {} subscribers to {}, divided by those in between; {} s of rest before \
             each look.",
            (bench.subscribers / FEW).max(1),
            bench.subscribers,
            bench.settle_seconds
        ),
    ]
}
