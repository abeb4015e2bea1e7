//! What the runs with messages that are sent say, as tables and as laws.

use serde_json::json;

use crate::crash::sends::{POINTS, Run};
use crate::crash::{Crash, Point};
use crate::report::{Report, Table, Target};

/// A column: its heading, and a run's cell.
type Column = (&'static str, fn(&Run) -> String);

const FLOW: [Column; 12] = [
    ("killed", |run| run.killed.killed.to_string()),
    ("aborted", |run| run.killed.aborted.to_string()),
    ("before answering", |run| run.killed.before_answering.to_string()),
    ("posted", |run| run.verdict.posted.to_string()),
    ("answered", |run| run.verdict.answered.to_string()),
    ("accepted without an answer", |run| run.verdict.found.to_string()),
    ("sent", |run| run.verdict.sent.to_string()),
    ("of them delivered", |run| run.verdict.delivered.to_string()),
    ("taken", |run| run.verdict.book.taken.to_string()),
    ("repeated copies", |run| run.verdict.book.repeated.to_string()),
    ("in doubt", |run| run.verdict.in_doubt.to_string()),
    ("until all were sent, s", |run| format!("{:.0}", run.sent_seconds)),
];

const WRONG: [Column; 8] = [
    ("lost", |run| run.verdict.lost.to_string()),
    ("untrue", |run| run.verdict.untrue.to_string()),
    ("two ids", |run| run.verdict.two_ids.to_string()),
    ("contents changed", |run| run.verdict.book.changed.to_string()),
    ("out of order", |run| run.verdict.book.out_of_order.to_string()),
    ("taken and unread", |run| run.verdict.unread.to_string()),
    ("failed or refused", |run| run.verdict.failed.to_string()),
    ("simulator's complaints", |run| run.simulator_complaints.to_string()),
];

/// The whole report.
pub(super) fn report(crash: &Crash, runs: &[Run]) -> anyhow::Result<Report> {
    let tables = vec![
        table("What happened", runs, &FLOW),
        points_table(runs),
        table("What is wrong", runs, &WRONG),
        examples_table(runs),
    ];
    let targets = vec![
        law("accepted messages lost", runs, |run| run.verdict.lost),
        law("states that are not true", runs, |run| run.verdict.untrue),
        law("messages with two ids", runs, |run| run.verdict.two_ids),
        law("messages whose copies say something else", runs, |run| run.verdict.book.changed),
        law("messages taken behind a later one of their chat", runs, |run| run.verdict.book.out_of_order),
        law("messages taken that the phone cannot read", runs, |run| run.verdict.unread),
    ];
    Ok(Report { bench: name(crash), notes: notes(crash), tables, targets, runs: json!(runs) })
}

fn table(title: &str, runs: &[Run], columns: &[Column]) -> Table {
    let mut head = vec!["", "seed"];
    head.extend(columns.iter().map(|(heading, _)| *heading));
    let mut table = Table::new(title, &head);
    for run in runs {
        let mut cells = vec![run.database.to_owned(), run.seed.to_string()];
        cells.extend(columns.iter().map(|(_, cell)| cell(run)));
        table.row(cells);
    }
    table
}

/// How often the server aborted where.
fn points_table(runs: &[Run]) -> Table {
    let mut head = vec!["", "seed"];
    head.extend(POINTS.map(Point::name));
    let mut table = Table::new("Where the server aborted by itself", &head);
    for run in runs {
        let mut cells = vec![run.database.to_owned(), run.seed.to_string()];
        cells.extend(POINTS.map(|point| run.aborted_at.get(point.name()).copied().unwrap_or_default().to_string()));
        table.row(cells);
    }
    table
}

/// Some of what went wrong, or is in doubt.
fn examples_table(runs: &[Run]) -> Table {
    let mut table = Table::new("Some of it", &["", "seed", "what"]);
    for run in runs {
        for example in &run.verdict.examples {
            table.row(vec![run.database.to_owned(), run.seed.to_string(), example.replace('|', "/")]);
        }
    }
    table
}

fn law(what: &str, runs: &[Run], of: fn(&Run) -> usize) -> Target {
    let sum: usize = runs.iter().map(of).sum();
    Target { what: what.to_owned(), reach: "0".to_owned(), measured: sum.to_string(), is_reached: sum == 0 }
}

/// Each kind of run has a report of its own.
fn name(crash: &Crash) -> &'static str {
    match crash.point {
        Some(Point::BeforeCommit) => "crash-sends-before-commit",
        Some(Point::MessageAccepted) => "crash-sends-message-accepted",
        Some(Point::BeforeWire) => "crash-sends-before-wire",
        Some(Point::AfterWire) => "crash-sends-after-wire",
        Some(Point::AfterAck) => "crash-sends-after-ack",
        // The others are not on the way of a message, and are refused.
        None | Some(Point::AfterCommit | Point::AfterClaim | Point::AfterPost) => "crash-sends",
    }
}

fn notes(crash: &Crash) -> Vec<String> {
    let passings = crash.passings;
    let happens = match crash.point {
        None => format!(
            "{} rounds: in every sixth `kill -9`, up to {} ms after the server's first answer; in the others the server \
             aborts at the points on a message's way, in turns, the first to {passings}. time that it passes there.",
            crash.rounds, crash.life_milliseconds
        ),
        Some(point) => format!(
            "{} times the server aborts at `{}`, the first to {passings}. time that it passes there.",
            crash.rounds,
            point.name()
        ),
    };
    vec![
        happens,
        format!(
            "{} sessions write to {} phones each, about {} texts/s together, all the time; pacing is off. Half of the \
             clients wait for WhatsApp's answer, half do not; half of those that get no answer at all ask again under the \
             same `client_reference`, half leave it at that. Some ask again although they were answered.",
            crash.sessions, crash.phones, crash.rate
        ),
        "Lost: accepted, and not at the server; said to be sent, and not taken by the simulator; or still to be sent at the \
         end. Untrue: taken, and failed or unknown at the server; or delivered, and not on the phone."
            .to_owned(),
        "In doubt: given up as `unconfirmed` after three attempts that the process did not survive, which is true either \
         way. Repeated copies: came again under the same id, which is allowed."
            .to_owned(),
        "The same seed makes the same choices; the machine's moods are its own.".to_owned(),
    ]
}
