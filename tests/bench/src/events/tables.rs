//! What the runs of the events bench say, as tables and targets.

use serde_json::json;

use crate::events::dead::Halves;
use crate::events::{Beside, Delivered, Events, Flowed, Part, Run, Taken};
use crate::options::Options;
use crate::report::{Report, Spread, Table, Target};
use crate::storage::Kind;
use crate::watch::Seen;

/// Share of the bare library's messages per second that must reach the journal on SQLite.
const JOURNAL_SHARE: f64 = 0.5;
/// Deliveries per second of a burst that must be reached.
const DELIVERIES_PER_SECOND: f64 = 1500.0;
/// Most milliseconds that the slowest hundredth may begin at, at the steady rate.
const P99_MILLIS: f64 = 60.0;
/// How many times the bare library's processor time a message may take at the steady rate.
const STEADY_CPU_SHARE: f64 = 2.0;
/// Microseconds that it may take whatever the bare library takes.
const STEADY_CPU_MICROS: f64 = 800.0;
/// Most percent that a dead receiver may change the others' slowest hundredth.
const DEAD_PERCENT: f64 = 10.0;
/// Threads that may come while a burst is worked on, and count as none: the pool for blocking work wakes a few.
const FLAT_THREADS: u64 = 4;

/// The whole report.
pub(super) fn report(bench: &Events, runs: &[Run], options: &Options) -> anyhow::Result<Report> {
    let (mut tables, mut targets) = (Vec::new(), Vec::new());
    let subjects: Vec<&str> = options.kinds().iter().map(Kind::name).collect();
    if bench.has(Part::Journal) {
        tables.push(journal_table(bench, runs, &subjects)?);
        targets.extend(subjects.iter().map(|subject| journal_target(runs, subject)).collect::<Result<Vec<_>, _>>()?);
    }
    if bench.has(Part::Webhooks) {
        tables.extend([burst_table(bench, runs, &subjects)?, steady_table(bench, runs, &subjects)?]);
        for subject in &subjects {
            targets.extend(webhook_targets(runs, subject)?);
        }
    }
    if bench.has(Part::Dead) {
        tables.push(dead_table(bench, runs, &subjects)?);
        targets.extend(subjects.iter().map(|subject| dead_target(runs, subject)).collect::<Result<Vec<_>, _>>()?);
    }
    Ok(Report { bench: "events", notes: notes(bench, options), tables, targets, runs: json!(runs) })
}

/// Over all runs of a subject that have the part.
fn spread<T>(
    runs: &[Run],
    subject: &str,
    part: fn(&Run) -> Option<&T>,
    of: impl Fn(&T) -> f64,
) -> anyhow::Result<Spread> {
    Spread::of(runs.iter().filter(|run| run.subject == subject).filter_map(part).map(of))
}

fn delivered(run: &Run) -> Option<&Delivered> {
    run.webhooks.as_ref().map(|(delivered, _)| delivered)
}

fn flowed(run: &Run) -> Option<&Flowed> {
    run.webhooks.as_ref().map(|(_, flowed)| flowed)
}

fn dead(run: &Run) -> Option<&Halves> {
    run.dead.as_ref()
}

fn taken_per_second(taken: &Taken) -> f64 {
    taken.burst.messages as f64 / taken.seconds
}

fn delivered_per_second(delivered: &Delivered) -> f64 {
    delivered.received.distinct as f64 / delivered.seconds
}

/// Over all bursts into the journal of a subject.
fn spread_of_bursts(runs: &[Run], subject: &str, of: impl Fn(&Beside) -> f64) -> anyhow::Result<Spread> {
    Spread::of(runs.iter().filter(|run| run.subject == subject).flat_map(|run| &run.journal).map(of))
}

/// Messages per second beside the bare library's right before.
fn beside_bare(Beside { bare, journal }: &Beside) -> f64 {
    taken_per_second(journal) / taken_per_second(bare)
}

/// `threads before, most, after` and the same of the memory.
fn seen_cells(spread: impl Fn(fn(&Seen) -> f64) -> anyhow::Result<Spread>) -> anyhow::Result<[String; 2]> {
    let threads = [
        spread(|seen| seen.before.threads as f64)?,
        spread(|seen| seen.peak.threads as f64)?,
        spread(|seen| seen.after.threads as f64)?,
    ];
    let memory = [
        spread(|seen| seen.before.resident_bytes as f64 / 1e6)?,
        spread(|seen| seen.peak.resident_bytes as f64 / 1e6)?,
        spread(|seen| seen.after.resident_bytes as f64 / 1e6)?,
    ];
    let cell = |spreads: [Spread; 3]| spreads.map(|spread| format!("{:.0}", spread.median)).join(" / ");
    Ok([cell(threads), cell(memory)])
}

const SEEN_HEAD: [&str; 2] = ["threads before / most / after", "resident MB before / most / after"];

fn journal_table(bench: &Events, runs: &[Run], subjects: &[&str]) -> anyhow::Result<Table> {
    let head = ["", "messages/s", "beside bare", "s", "sender s", "CPU us per message", SEEN_HEAD[0], SEEN_HEAD[1]];
    let title = format!("Burst of {}: into the journal", burst_text(bench));
    let mut table = Table::new(title, &head);
    for subject in subjects {
        let bare: fn(&Beside) -> &Taken = |beside| &beside.bare;
        for (name, taken) in
            [(format!("bare library beside {subject}"), bare), ((*subject).to_owned(), |beside| &beside.journal)]
        {
            let of = |of: fn(&Taken) -> f64| spread_of_bursts(runs, subject, |beside| of(taken(beside)));
            let mut cells = vec![
                name,
                of(taken_per_second)?.text(0),
                format!(
                    "{} x",
                    spread_of_bursts(runs, subject, |beside| taken_per_second(taken(beside))
                        / taken_per_second(&beside.bare))?
                    .text(2)
                ),
                of(|taken| taken.seconds)?.text(2),
                of(|taken| taken.burst.sender_seconds)?.text(2),
                of(|taken| taken.seen.cpu_seconds * 1e6 / taken.burst.messages as f64)?.text(0),
            ];
            cells.extend(seen_cells(|seen| spread_of_bursts(runs, subject, |beside| seen(&taken(beside).seen)))?);
            table.row(cells);
        }
    }
    Ok(table)
}

fn burst_text(bench: &Events) -> String {
    let Events { messages, sessions, chats, .. } = bench;
    format!("{messages} messages over {sessions} sessions ({chats} chats each)")
}

fn burst_table(bench: &Events, runs: &[Run], subjects: &[&str]) -> anyhow::Result<Table> {
    let title = format!("Burst of {}: to the receiver", burst_text(bench));
    let mut head = vec!["", "deliveries/s", "lost", "out of order", "duplicates", "s", "sender s"];
    head.extend(["p50 ms", "p99 ms", "server CPU us per message", "receiver CPU us per message"]);
    head.extend(SEEN_HEAD);
    let mut table = Table::new(title, &head);
    for subject in subjects {
        let of = |of: fn(&Delivered) -> f64| spread(runs, subject, delivered, of);
        let latency = |run: &Delivered| run.received.latency.unwrap_or(crate::receiver::ledger::Latency::UNKNOWN);
        let mut cells = vec![
            (*subject).to_owned(),
            of(delivered_per_second)?.text(0),
            of(lost)?.text(0),
            of(|run| run.received.out_of_order as f64)?.text(0),
            of(|run| (run.received.duplicates + run.received.relabelled) as f64)?.text(0),
            of(|run| run.seconds)?.text(2),
            of(|run| run.burst.sender_seconds)?.text(2),
            spread(runs, subject, delivered, |run| latency(run).p50)?.text(0),
            spread(runs, subject, delivered, |run| latency(run).p99)?.text(0),
            of(|run| run.seen.cpu_seconds * 1e6 / run.burst.messages as f64)?.text(0),
            of(|run| run.receiver_cpu_seconds * 1e6 / run.burst.messages as f64)?.text(0),
        ];
        cells.extend(seen_cells(|seen| spread(runs, subject, delivered, |run| seen(&run.seen)))?);
        table.row(cells);
    }
    Ok(table)
}

fn steady_table(bench: &Events, runs: &[Run], subjects: &[&str]) -> anyhow::Result<Table> {
    let title = format!("{} messages/s over {} sessions for {} s", bench.rate, bench.sessions, bench.seconds);
    let mut head = vec!["", "messages", "p50 ms", "p99 ms", "longest ms", "sent per second", "sent late p99 ms"];
    head.extend(["simulator's answer p50 ms", "p99 ms", "server CPU us per message"]);
    head.push("bare library's CPU us per message");
    head.extend(SEEN_HEAD);
    let mut table = Table::new(title, &head);
    for subject in subjects {
        let of = |of: fn(&Flowed) -> f64| spread(runs, subject, flowed, of);
        let mut cells = vec![
            (*subject).to_owned(),
            of(|run| run.received as f64)?.text(0),
            of(|run| run.latency.p50)?.text(1),
            of(|run| run.latency.p99)?.text(1),
            of(|run| run.latency.most)?.text(1),
            of(|run| run.kept.per_second)?.text(1),
            of(|run| run.kept.late_p99)?.text(1),
            of(|run| run.kept.answer_p50)?.text(1),
            of(|run| run.kept.answer_p99)?.text(1),
            of(cpu_micros)?.text(0),
            of(bare_cpu_micros)?.text(0),
        ];
        cells.extend(seen_cells(|seen| spread(runs, subject, flowed, |run| seen(&run.seen)))?);
        table.row(cells);
    }
    Ok(table)
}

fn cpu_micros(flowed: &Flowed) -> f64 {
    flowed.seen.cpu_seconds * 1e6 / flowed.received as f64
}

fn bare_cpu_micros(flowed: &Flowed) -> f64 {
    flowed.bare.cpu_seconds * 1e6 / flowed.bare.kept.messages as f64
}

fn dead_table(bench: &Events, runs: &[Run], subjects: &[&str]) -> anyhow::Result<Table> {
    let title = format!("One dead receiver among {}, {} messages/s to all: the others", bench.receivers, bench.rate);
    let mut head = vec!["", "p50 ms without", "p50 ms with", "p99 ms without", "p99 ms with", "change of p99"];
    head.extend(["p99 ms of single halves without", "with", SEEN_HEAD[0], SEEN_HEAD[1]]);
    let mut table = Table::new(title, &head);
    for subject in subjects {
        let of = |of: fn(&Halves) -> f64| spread(runs, subject, dead, of);
        let single = |is_dead| {
            let halves = runs.iter().filter(|run| run.subject == *subject).filter_map(dead);
            Spread::of(halves.flat_map(|halves| halves.p99s(is_dead)))
        };
        let mut cells = vec![
            (*subject).to_owned(),
            of(|run| run.without.p50)?.text(1),
            of(|run| run.with.p50)?.text(1),
            of(|run| run.without.p99)?.text(1),
            of(|run| run.with.p99)?.text(1),
            format!("{} %", of(Halves::change_percent)?.text(1)),
            single(false)?.text(1),
            single(true)?.text(1),
        ];
        cells.extend(seen_cells(|seen| spread(runs, subject, dead, |run| seen(run.last_seen())))?);
        table.row(cells);
    }
    Ok(table)
}

fn lost(delivered: &Delivered) -> f64 {
    delivered.burst.messages.saturating_sub(delivered.received.distinct) as f64
}

/// What a delivery must not be: lost, out of order, or come again.
fn wrong(delivered: &Delivered) -> f64 {
    let received = &delivered.received;
    lost(delivered) + (received.out_of_order + received.duplicates + received.relabelled + received.malformed) as f64
}

fn journal_target(runs: &[Run], subject: &str) -> anyhow::Result<Target> {
    let share = spread_of_bursts(runs, subject, beside_bare)?;
    Ok(Target {
        what: format!("{subject}: messages/s into the journal"),
        reach: format!(">= {JOURNAL_SHARE} x bare"),
        measured: format!("{} x", share.text(2)),
        is_reached: share.median >= JOURNAL_SHARE,
    })
}

fn webhook_targets(runs: &[Run], subject: &str) -> anyhow::Result<[Target; 5]> {
    let per_second = spread(runs, subject, delivered, delivered_per_second)?;
    let wrong = spread(runs, subject, delivered, wrong)?;
    let more_threads =
        spread(runs, subject, delivered, |run| run.seen.peak.threads as f64 - run.seen.before.threads as f64)?;
    let p99 = spread(runs, subject, flowed, |run| run.latency.p99)?;
    let cpu = spread(runs, subject, flowed, cpu_micros)?;
    let beside_bare = spread(runs, subject, flowed, |run| cpu_micros(run) / bare_cpu_micros(run))?;
    let target = |what: &str, reach: String, measured: String, is_reached| Target {
        what: format!("{subject}: {what}"),
        reach,
        measured,
        is_reached,
    };
    Ok([
        target(
            "deliveries/s in a burst",
            format!(">= {DELIVERIES_PER_SECOND}"),
            per_second.text(0),
            per_second.median >= DELIVERIES_PER_SECOND,
        ),
        target("of them lost, out of order or twice", "0".to_owned(), wrong.text(0), wrong.most == 0.0),
        target(
            "threads that came meanwhile",
            format!("<= {FLAT_THREADS}"),
            more_threads.text(0),
            more_threads.most <= FLAT_THREADS as f64,
        ),
        target(
            "p99 from wire to receiver, steady",
            format!("<= {P99_MILLIS} ms"),
            format!("{} ms", p99.text(1)),
            p99.median <= P99_MILLIS,
        ),
        target(
            "processor time per message, steady",
            format!("<= {STEADY_CPU_SHARE} x bare, or {STEADY_CPU_MICROS} us"),
            format!("{} x, {} us", beside_bare.text(2), cpu.text(0)),
            beside_bare.median <= STEADY_CPU_SHARE || cpu.median <= STEADY_CPU_MICROS,
        ),
    ])
}

fn dead_target(runs: &[Run], subject: &str) -> anyhow::Result<Target> {
    let change = spread(runs, subject, dead, Halves::change_percent)?;
    Ok(Target {
        what: format!("{subject}: change of the others' p99 by a dead receiver"),
        reach: format!("< {DEAD_PERCENT} %"),
        measured: format!("{} %", change.text(1)),
        is_reached: change.median < DEAD_PERCENT,
    })
}

fn notes(bench: &Events, options: &Options) -> Vec<String> {
    let mut notes = vec![
        format!("{} runs; each cell: median (least-most) of the runs, or the median alone.", options.runs()),
        "A burst begins with the first request to the simulator; *sender s* is how long the simulator took to encrypt and \
         queue all of it. Where that comes near the whole time, the simulator is what limits."
            .to_owned(),
    ];
    if bench.has(Part::Journal) {
        notes.push(
            format!("Into the journal: until the last message is acknowledged to the simulator, which the server does when it is \
             committed; read back afterwards, each must be there once. Bare library: until the last acknowledgement and \
             the last event, in-memory store, nothing written down. {} bursts of each in a run, in turns; beside bare: the \
             one right before.", bench.bursts),
        );
    }
    if bench.has(Part::Webhooks) {
        notes.push(
            "To the receiver: signed webhooks, one per session, until the last event came; the receiver is one thread \
             on the same cores and answers at once."
                .to_owned(),
        );
        notes.push(
            "p50 and p99: from the moment before the request to the simulator (for a burst: the phone's one request for \
             all its texts) until the post's head came; the simulator's own work is in it."
                .to_owned(),
        );
    }
    if bench.has(Part::Dead) {
        notes.push(format!(
            "Dead receiver: {} halves of {} s with it and as many without, in turns; the same messages in both, {} more \
             to that session; its webhook is made for the half and deleted after it. Change: of the slowest hundredth of \
             all halves of a run together.",
            bench.turns, bench.half_seconds, bench.held_messages
        ));
    }
    notes
}
