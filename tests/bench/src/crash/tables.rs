//! What the crash runs say, as a table and as laws.

use serde_json::json;

use crate::crash::{Crash, Point, Run, Scenario};
use crate::report::{Report, Table, Target};

/// A column: its heading, and a run's cell.
type Column = (&'static str, fn(&Run) -> String);

const FLOW: [Column; 10] = [
    ("killed", |run| run.killed.killed.to_string()),
    ("aborted", |run| run.killed.aborted.to_string()),
    ("before answering", |run| run.killed.before_answering.to_string()),
    ("receiver down s", |run| run.killed.receiver_down_seconds.to_string()),
    ("sent", |run| run.verdict.sent.to_string()),
    ("journaled", |run| run.verdict.journaled.to_string()),
    ("events", |run| run.verdict.events.to_string()),
    ("delivered", |run| run.verdict.delivered.to_string()),
    ("duplicates", |run| run.verdict.duplicates.to_string()),
    ("until all had come, s", |run| format!("{:.0}", run.arrival_seconds)),
];

const WRONG: [Column; 12] = [
    ("lost", |run| run.verdict.lost.to_string()),
    ("journaled again", |run| run.verdict.journaled_again.to_string()),
    ("strangers", |run| run.verdict.strangers.to_string()),
    ("gaps", |run| run.verdict.gaps.to_string()),
    ("overtaken", |run| run.verdict.overtaken.to_string()),
    ("undelivered", |run| run.verdict.undelivered.to_string()),
    ("expired codes", |run| {
        (run.verdict.undelivered_by_type.values().sum::<usize>() - run.verdict.undelivered).to_string()
    }),
    ("out of order", |run| run.verdict.out_of_order.to_string()),
    ("relabelled", |run| run.verdict.relabelled.to_string()),
    ("malformed", |run| run.verdict.malformed.to_string()),
    ("asked for again", |run| run.simulator_retries.to_string()),
    ("simulator's complaints", |run| run.simulator_complaints.to_string()),
];

/// The whole report.
pub(super) fn report(crash: &Crash, runs: &[Run]) -> anyhow::Result<Report> {
    let tables = vec![table("What happened", runs, &FLOW), table("What is wrong", runs, &WRONG)];
    let targets = vec![
        law("messages lost", runs, |run| run.verdict.lost),
        law("messages in the journal more than once, or never sent", runs, |run| {
            run.verdict.journaled_again + run.verdict.strangers
        }),
        law("gaps in a session's sequence", runs, |run| run.verdict.gaps),
        law("messages overtaken by a later one of the same phone", runs, |run| {
            // A message that was asked for again comes behind later ones, and rightly so.
            if run.simulator_retries == 0 { run.verdict.overtaken } else { 0 }
        }),
        law("events that did not come to the receiver", runs, |run| run.verdict.undelivered),
        law("events that came out of order", runs, |run| run.verdict.out_of_order),
        law("posts under another id, or malformed", runs, |run| {
            run.verdict.relabelled + usize::try_from(run.verdict.malformed).unwrap_or(usize::MAX)
        }),
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

fn law(what: &str, runs: &[Run], of: fn(&Run) -> usize) -> Target {
    let sum: usize = runs.iter().map(of).sum();
    Target { what: what.to_owned(), reach: "0".to_owned(), measured: sum.to_string(), is_reached: sum == 0 }
}

/// Each kind of run has a report of its own.
fn name(crash: &Crash) -> &'static str {
    match (crash.scenario, crash.point) {
        (Scenario::ReceiverDown, _) => "crash-receiver-down",
        (Scenario::Kill, None) => "crash",
        // These are passed by messages that are sent, which have reports of their own.
        (Scenario::Kill, Some(Point::MessageAccepted | Point::BeforeWire | Point::AfterWire | Point::AfterAck)) => {
            "crash"
        }
        (Scenario::Kill, Some(Point::BeforeCommit)) => "crash-before-commit",
        (Scenario::Kill, Some(Point::AfterCommit)) => "crash-after-commit",
        (Scenario::Kill, Some(Point::AfterClaim)) => "crash-after-claim",
        (Scenario::Kill, Some(Point::AfterPost)) => "crash-after-post",
    }
}

fn notes(crash: &Crash) -> Vec<String> {
    let happens = match (crash.scenario, crash.point) {
        (Scenario::ReceiverDown, _) => format!("Nobody listens to the webhooks for {} s.", crash.down_seconds),
        (Scenario::Kill, None) => format!(
            "{} times `kill -9`, each up to {} ms after the server's first answer; at once a new start.",
            crash.rounds, crash.life_milliseconds
        ),
        (Scenario::Kill, Some(point)) => format!(
            "{} times the server aborts at `{}`, the first to {}. time that it passes there.",
            crash.rounds,
            point.name(),
            crash.passings
        ),
    };
    vec![
        happens,
        format!(
            "{} phones write to {} sessions, about {} messages/s together, all the time; each session has a webhook for \
             all events.",
            crash.phones, crash.sessions, crash.rate
        ),
        "Sent, journaled: messages. Events, delivered: of all types, each counted once. Duplicates: posts of an event \
         that had come before, under the same `webhook-id`, which is allowed."
            .to_owned(),
        "Expired codes: QR and pair codes, which are not delivered any more once they have expired.".to_owned(),
        "Overtaken: judged only where the server asked for no message again (the simulator counts it), since what is \
         sent again comes behind later ones."
            .to_owned(),
        "The same seed makes the same choices; the machine's moods are its own.".to_owned(),
    ]
}
