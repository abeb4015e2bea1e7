//! What the runs of the sends bench say, as tables and targets.

use serde_json::json;

use crate::options::Options;
use crate::report::{Report, Spread, Table, Target};
use crate::sends::queue::Queued;
use crate::sends::{Beside, Part, Rounds, Run, Sends, Sent};
use crate::storage::Kind;

/// Share of the bare library's messages per second that must be reached.
const BURST_SHARE: f64 = 0.4;
/// Milliseconds that the middle answer may come later than the bare library's acknowledgement.
const P50_MORE_MILLIS: f64 = 8.0;
/// Most milliseconds that the slowest hundredth of the answers may begin at.
const P99_MILLIS: f64 = 60.0;
/// Most bytes on the disk of 10,000 messages that wait.
const DISK_BYTES: f64 = 25e6;
/// The messages of which this is said.
const DISK_MESSAGES: f64 = 10_000.0;
/// Growth that is the allocator's own, bytes.
const ALLOCATOR_BYTES: f64 = 4e6;

/// The whole report.
pub(super) fn report(bench: &Sends, runs: &[Run], options: &Options) -> anyhow::Result<Report> {
    let (mut tables, mut targets) = (Vec::new(), Vec::new());
    let subjects: Vec<&str> = options.kinds().iter().map(Kind::name).collect();
    let Sends { sessions, chats, rate, .. } = bench;
    let plan = format!("{sessions} sessions, {chats} chats each");
    if bench.has(Part::Burst) {
        let title = format!("As fast as it goes: {} texts, {plan}", bench.messages);
        tables.push(rounds_table(title, runs, &subjects, |run| &run.burst)?);
        targets.extend(subjects.iter().map(|subject| burst_target(runs, subject)).collect::<Result<Vec<_>, _>>()?);
    }
    if bench.has(Part::Steady) {
        let title = format!("{rate} texts/s for {} s, {plan}", bench.seconds);
        tables.push(rounds_table(title, runs, &subjects, |run| &run.steady)?);
        for subject in &subjects {
            targets.extend(steady_targets(runs, subject)?);
        }
    }
    if bench.has(Part::Queue) {
        tables.push(queue_table(bench, runs, &subjects)?);
        for subject in &subjects {
            targets.extend(queue_targets(runs, subject)?);
        }
    }
    Ok(Report { bench: "sends", notes: notes(bench, options), tables, targets, runs: json!(runs) })
}

/// Over all rounds of a subject.
fn of_rounds(
    runs: &[Run],
    subject: &str,
    rounds: fn(&Run) -> &Rounds,
    of: impl Fn(&Beside) -> f64,
) -> anyhow::Result<Spread> {
    Spread::of(runs.iter().filter(|run| run.subject == subject).flat_map(|run| &rounds(run).rounds).map(of))
}

/// Over all runs of a subject in which something waited.
fn of_queues(runs: &[Run], subject: &str, of: impl Fn(&Queued) -> f64) -> anyhow::Result<Spread> {
    Spread::of(runs.iter().filter(|run| run.subject == subject).filter_map(|run| run.queue.as_ref()).map(of))
}

fn per_second(sent: &Sent) -> f64 {
    sent.round.messages as f64 / sent.round.seconds
}

/// Messages per second beside the bare library's right before.
fn beside_bare(Beside { bare, server }: &Beside) -> f64 {
    per_second(server) / per_second(bare)
}

/// Milliseconds that the middle answer comes later than the bare library's right before.
fn later_than_bare(Beside { bare, server }: &Beside) -> f64 {
    server.round.wait.p50 - bare.round.wait.p50
}

fn rounds_table(title: String, runs: &[Run], subjects: &[&str], rounds: fn(&Run) -> &Rounds) -> anyhow::Result<Table> {
    let mut head = vec!["", "acknowledged/s", "beside bare", "p50 ms", "p99 ms", "longest ms", "sent late p99 ms"];
    head.extend(["CPU us per message", "asker's CPU us per message", "simulator's complaints"]);
    let mut table = Table::new(title, &head);
    for subject in subjects {
        let bare: fn(&Beside) -> &Sent = |beside| &beside.bare;
        let server: fn(&Beside) -> &Sent = |beside| &beside.server;
        let complaints: usize =
            runs.iter().filter(|run| run.subject == *subject).map(|run| rounds(run).simulator_complaints).sum();
        for (name, sent, complaints) in [
            (format!("bare library beside {subject}"), bare, "-".to_owned()),
            ((*subject).to_owned(), server, complaints.to_string()),
        ] {
            let of = |of: fn(&Sent) -> f64| of_rounds(runs, subject, rounds, |beside| of(sent(beside)));
            let share = |beside: &Beside| per_second(sent(beside)) / per_second(&beside.bare);
            table.row(vec![
                name,
                of(per_second)?.text(0),
                format!("{} x", of_rounds(runs, subject, rounds, share)?.text(2)),
                of(|sent| sent.round.wait.p50)?.text(1),
                of(|sent| sent.round.wait.p99)?.text(1),
                of(|sent| sent.round.wait.most)?.text(1),
                of(|sent| sent.round.late_p99)?.text(1),
                of(|sent| sent.cpu_seconds * 1e6 / sent.round.messages as f64)?.text(0),
                of(|sent| sent.asker_cpu_seconds * 1e6 / sent.round.messages as f64)?.text(0),
                complaints,
            ]);
        }
    }
    Ok(table)
}

fn queue_table(bench: &Sends, runs: &[Run], subjects: &[&str]) -> anyhow::Result<Table> {
    let title = format!("{} texts that wait for an offline session, {} chats", bench.queued, bench.chats);
    let mut head = vec!["", "accepted/s", "disk MB more", "bytes per message", "anonymous MB before", "more with them"];
    head.extend(["gone/s when it is back", "resident MB most, meanwhile", "after", "taken", "repeated copies"]);
    head.extend(["contents changed", "out of order", "simulator's complaints"]);
    let mut table = Table::new(title, &head);
    for subject in subjects {
        let of = |of: fn(&Queued) -> f64| of_queues(runs, subject, of);
        table.row(vec![
            (*subject).to_owned(),
            of(|run| run.accepted.messages as f64 / run.accepted.seconds)?.text(0),
            of(|run| run.disk_bytes() / 1e6)?.text(1),
            of(|run| run.disk_bytes() / run.accepted.messages as f64)?.text(0),
            of(|run| run.before.anonymous_bytes as f64 / 1e6)?.text(1),
            of(|run| run.memory_bytes() / 1e6)?.text(1),
            of(|run| run.accepted.messages as f64 / run.gone_seconds)?.text(0),
            of(|run| run.seen.peak.resident_bytes as f64 / 1e6)?.text(0),
            of(|run| run.seen.after.resident_bytes as f64 / 1e6)?.text(0),
            of(|run| run.book.taken as f64)?.text(0),
            of(|run| run.book.repeated as f64)?.text(0),
            of(|run| run.book.changed as f64)?.text(0),
            of(|run| run.book.out_of_order as f64)?.text(0),
            of(|run| run.simulator_complaints as f64)?.text(0),
        ]);
    }
    Ok(table)
}

fn target(subject: &str, what: &str, reach: String, measured: String, is_reached: bool) -> Target {
    Target { what: format!("{subject}: {what}"), reach, measured, is_reached }
}

fn burst_target(runs: &[Run], subject: &str) -> anyhow::Result<Target> {
    let share = of_rounds(runs, subject, |run| &run.burst, beside_bare)?;
    let (reach, measured) = (format!(">= {BURST_SHARE} x bare"), format!("{} x", share.text(2)));
    Ok(target(subject, "acknowledged messages/s", reach, measured, share.median >= BURST_SHARE))
}

fn steady_targets(runs: &[Run], subject: &str) -> anyhow::Result<[Target; 2]> {
    let later = of_rounds(runs, subject, |run| &run.steady, later_than_bare)?;
    let p99 = of_rounds(runs, subject, |run| &run.steady, |beside| beside.server.round.wait.p99)?;
    Ok([
        target(
            subject,
            "p50 from the POST until 201",
            format!("<= bare + {P50_MORE_MILLIS} ms"),
            format!("bare + {} ms", later.text(1)),
            later.median <= P50_MORE_MILLIS,
        ),
        target(
            subject,
            "p99 from the POST until 201",
            format!("<= {P99_MILLIS} ms"),
            format!("{} ms", p99.text(1)),
            p99.median <= P99_MILLIS,
        ),
    ])
}

fn queue_targets(runs: &[Run], subject: &str) -> anyhow::Result<[Target; 3]> {
    let disk = of_queues(runs, subject, |run| run.disk_bytes() * DISK_MESSAGES / run.accepted.messages as f64)?;
    let memory = of_queues(runs, subject, Queued::memory_bytes)?;
    let wrong = of_queues(runs, subject, Queued::wrong)?;
    Ok([
        target(
            subject,
            "disk of 10,000 messages that wait",
            format!("<= {:.0} MB", DISK_BYTES / 1e6),
            format!("{:.1} MB", disk.median / 1e6),
            disk.median <= DISK_BYTES,
        ),
        target(
            subject,
            "memory of all messages that wait",
            format!("0 (allocator: {:.0} MB)", ALLOCATOR_BYTES / 1e6),
            format!("{:.1} MB", memory.median / 1e6),
            memory.median <= ALLOCATOR_BYTES,
        ),
        target(
            subject,
            "of them lost, twice, changed or out of order",
            "0".to_owned(),
            wrong.text(0),
            wrong.most == 0.0,
        ),
    ])
}

fn notes(bench: &Sends, options: &Options) -> Vec<String> {
    let mut notes = vec![
        format!("{} runs; each cell: median (least-most) of all rounds.", options.runs()),
        "In each chat one text follows the other, when the one before is acknowledged; pacing is off (`--send-rate 0`)."
            .to_owned(),
        "Server: from the moment before the POST until its 201 is read, over a connection for each chat; asked by this \
         process, on the same cores. Bare library: from the call of its send function until the server's `<ack>`, in its \
         own process, with its in-memory store and nothing written down."
            .to_owned(),
        "CPU: of the process that sends, with 3 s in which receipts come. Beside bare: the round right before."
            .to_owned(),
    ];
    if bench.has(Part::Burst) {
        notes.push(format!("As fast as it goes: {} rounds of each in a run, in turns.", bench.bursts));
    }
    if bench.has(Part::Steady) {
        notes.push(format!("Steady: {} rounds of each in a run, in turns.", bench.turns));
    }
    if bench.has(Part::Queue) {
        notes.push(format!(
            "What waits: one session, disconnected; {} texts have waited and gone out before, so that what memory is \
             filled once is full. Disk with SQLite's write-ahead log as it happens to be. Gone: from the order to connect \
             until the simulator had the last one, login included.",
            bench.warm_messages
        ));
    }
    notes
}
