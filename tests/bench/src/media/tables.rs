//! What the media bench has found, as tables.

use serde_json::json;

use super::{MediaBench, Run};
use crate::options::Options;
use crate::report::{Report, Spread, Table, Target};

/// What the project promised: this share of the limit by encryption, this growth for each file in megabytes, and texts that wait at most
/// so many times as long.
const SHARE: f64 = 0.7;
const GROWTH: f64 = 2.0;
const SLOWER: f64 = 1.5;

/// A number of a run, where that part was measured.
type Number = fn(&Run) -> Option<f64>;

/// A column with so many digits after the point.
type Column = (&'static str, usize, Number);

const COMING: [Column; 7] = [
    ("encryption", 0, |run| Some(run.encryption)),
    ("plain, 1", 0, |run| Some(run.incoming.as_ref()?.plain_one)),
    ("plain, many", 0, |run| Some(run.incoming.as_ref()?.plain_many)),
    ("fetched, 1", 0, |run| Some(run.incoming.as_ref()?.fetched_one)),
    ("fetched, many", 0, |run| Some(run.incoming.as_ref()?.fetched_many)),
    ("kept, 1", 0, |run| Some(run.incoming.as_ref()?.kept_one)),
    ("growth, MB", 2, |run| Some(run.incoming.as_ref()?.growth)),
];

const GOING: [Column; 6] = [
    ("encryption", 0, |run| Some(run.encryption)),
    ("plain, 1", 0, |run| Some(run.outgoing.as_ref()?.plain_one)),
    ("plain, many", 0, |run| Some(run.outgoing.as_ref()?.plain_many)),
    ("sent, 1", 0, |run| Some(run.outgoing.as_ref()?.sent_one)),
    ("sent, many", 0, |run| Some(run.outgoing.as_ref()?.sent_many)),
    ("growth, MB", 2, |run| Some(run.outgoing.as_ref()?.growth)),
];

const TEXTS: [Column; 3] = [
    ("alone, ms", 1, |run| middle(run, |turn| turn.alone_p99)),
    ("beside uploads, ms", 1, |run| middle(run, |turn| turn.beside_p99)),
    ("times", 2, slower),
];

const PICTURES: [Column; 5] = [
    ("kB", 0, |run| Some(run.pictures?.kilobytes)),
    ("handed in/s", 1, |run| Some(run.pictures?.handed_in_per_second)),
    ("thumbnails/s", 1, |run| Some(run.pictures?.accepted_per_second)),
    ("sends/s", 1, |run| Some(run.pictures?.sent_per_second)),
    ("server's CPU each, ms", 1, |run| Some(run.pictures?.cpu_millis)),
];

/// Of the turns of a run.
fn middle(run: &Run, of: fn(&super::outgoing::Turn) -> f64) -> Option<f64> {
    Some(Spread::of(run.outgoing.as_ref()?.turns.iter().map(of)).ok()?.median)
}

fn slower(run: &Run) -> Option<f64> {
    middle(run, |turn| turn.beside_p99 / turn.alone_p99)
}

/// Tables, targets and every run.
pub(super) fn report(bench: &MediaBench, runs: &[Run], options: &Options) -> anyhow::Result<Report> {
    let (size, many) = (bench.megabytes, bench.at_once);
    let tables = [
        (format!("Files of {size} MB that come in, MB/s; many are {many}"), &COMING[..]),
        (format!("Files of {size} MB that go out, MB/s; many are {many}"), &GOING[..]),
        (format!("Slowest hundredth of texts, beside {many} uploads"), &TEXTS[..]),
        (format!("{} pictures", bench.pictures), &PICTURES[..]),
    ];
    let tables = tables.into_iter().filter_map(|(title, columns)| table(title, columns, runs, options)).collect();
    let notes = vec![
        format!("{} runs per line, each with a server of its own; each cell: median (least-most).", options.runs()),
        "Encryption: AES-CBC, HMAC and SHA-256 of the file and of what is sent, in one pass on one thread, as WhatsApp demands.".to_owned(),
        "Fetched: until the first byte of the answer; the file is then here, checked and on the disk.".to_owned(),
        "Sent: from the request with a file of the store until WhatsApp has acknowledged the message, looked at every 20 ms.".to_owned(),
        "Plain: the encrypted file from or to the same host, by a client that does nothing else.".to_owned(),
        "On two cores the simulator, the client and the server share them; encryption has one for itself.".to_owned(),
    ];
    Ok(Report { bench: "media", notes, tables, targets: targets(runs, options), runs: json!(runs) })
}

/// A line for each database; none if that part was not measured.
fn table(title: String, columns: &[Column], runs: &[Run], options: &Options) -> Option<Table> {
    let head: Vec<&str> = std::iter::once("").chain(columns.iter().map(|&(name, ..)| name)).collect();
    let mut table = Table::new(title, &head);
    for kind in options.kinds() {
        let mut cells = vec![kind.name().to_owned()];
        for &(_, digits, of) in columns {
            cells.push(spread(runs, kind.name(), of)?.text(digits));
        }
        table.row(cells);
    }
    Some(table)
}

fn spread(runs: &[Run], database: &str, of: Number) -> Option<Spread> {
    Spread::of(runs.iter().filter(|run| run.database == database).filter_map(of)).ok()
}

fn targets(runs: &[Run], options: &Options) -> Vec<Target> {
    let shares: [(&str, Number); 4] = [
        ("one file comes in, share of the limit by encryption", |run| {
            Some(run.incoming.as_ref()?.fetched_one / run.encryption)
        }),
        ("many files come in, share of the limit", |run| Some(run.incoming.as_ref()?.fetched_many / run.encryption)),
        ("one file goes out, share of the limit by encryption", |run| {
            Some(run.outgoing.as_ref()?.sent_one / run.encryption)
        }),
        ("many files go out, share of the limit", |run| Some(run.outgoing.as_ref()?.sent_many / run.encryption)),
    ];
    let most: [(&str, f64, Number); 3] = [
        ("memory for each file that comes in, MB", GROWTH, |run| Some(run.incoming.as_ref()?.growth)),
        ("memory for each file that goes out, MB", GROWTH, |run| Some(run.outgoing.as_ref()?.growth)),
        ("slowest hundredth of texts beside uploads, times", SLOWER, slower),
    ];
    let mut targets = Vec::new();
    for kind in options.kinds() {
        let name = kind.name();
        let target = |what: &str, sign: &str, limit: f64, of: Number| {
            let spread = spread(runs, name, of)?;
            let is_reached = if sign == ">=" { spread.median >= limit } else { spread.median <= limit };
            let (what, reach) = (format!("{name}: {what}"), format!("{sign} {limit}"));
            Some(Target { what, reach, measured: spread.text(2), is_reached })
        };
        targets.extend(shares.iter().filter_map(|&(what, of)| target(what, ">=", SHARE, of)));
        targets.extend(most.iter().filter_map(|&(what, limit, of)| target(what, "<=", limit, of)));
    }
    targets
}
