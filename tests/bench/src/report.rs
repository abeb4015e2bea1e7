//! What a bench hands over: one JSON file with every run, one Markdown file with tables and targets.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context;
use serde::Serialize;
use serde_json::{Value, json};

use crate::machine::Machine;

/// The middle of some measurements and how far they spread.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

impl Spread {
    /// # Errors
    /// Nothing was measured.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> anyhow::Result<Self> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let least = *values.first().context("nothing was measured")?;
        let most = *values.last().context("nothing was measured")?;
        Ok(Self { median: median(&values), least, most })
    }

    /// `median (least-most)`, with so many digits after the point.
    pub(crate) fn text(&self, digits: usize) -> String {
        format!("{:.digits$} ({:.digits$}-{:.digits$})", self.median, self.least, self.most)
    }
}

fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    if sorted.len().is_multiple_of(2) { f64::midpoint(sorted[middle - 1], sorted[middle]) } else { sorted[middle] }
}

/// The value that so many percent of the sorted values do not exceed.
pub(crate) fn percentile(sorted: &[f64], percent: f64) -> f64 {
    let rank = (sorted.len() as f64 * percent / 100.0).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(f64::NAN)
}

/// A table of the Markdown file.
#[derive(Debug)]
pub(crate) struct Table {
    title: String,
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows yet.
    pub(crate) fn new(title: impl Into<String>, head: &[&str]) -> Self {
        Self { title: title.into(), head: head.iter().map(|&cell| cell.to_owned()).collect(), rows: Vec::new() }
    }

    /// One more row.
    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    fn markdown(&self) -> String {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let rule: Vec<String> = self.head.iter().map(|_| "---".to_owned()).collect();
        let rows: String = self.rows.iter().map(|row| line(row)).collect();
        format!("\n## {}\n\n{}{}{rows}", self.title, line(&self.head), line(&rule))
    }
}

/// What the project promised, and what came of it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Target {
    pub(crate) what: String,
    pub(crate) reach: String,
    pub(crate) measured: String,
    pub(crate) is_reached: bool,
}

/// Everything that one bench has to say.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) bench: &'static str,
    /// How it was measured, a sentence each.
    pub(crate) notes: Vec<String>,
    pub(crate) tables: Vec<Table>,
    pub(crate) targets: Vec<Target>,
    /// Every single run.
    pub(crate) runs: Value,
}

impl Report {
    /// Writes `<bench>.json` and `<bench>.md`, and prints the latter.
    pub(crate) fn write(&self, directory: &Path, machine: &Machine) -> anyhow::Result<()> {
        std::fs::create_dir_all(directory)?;
        let document = json!({ "bench": self.bench, "machine": machine, "targets": self.targets, "runs": self.runs });
        let text = serde_json::to_string_pretty(&document)? + "\n";
        std::fs::write(directory.join(format!("{}.json", self.bench)), text)?;
        let markdown = self.markdown(machine);
        std::fs::write(directory.join(format!("{}.md", self.bench)), &markdown)?;
        print!("{markdown}");
        Ok(())
    }

    fn markdown(&self, machine: &Machine) -> String {
        let mut text = format!("# {}\n\n{machine}\n", self.bench);
        for note in &self.notes {
            let _ = writeln!(text, "- {note}"); // Writing to a string cannot fail.
        }
        for table in &self.tables {
            text += &table.markdown();
        }
        let mut targets = Table::new("Targets", &["what", "reach", "measured", ""]);
        for target in &self.targets {
            let reached = if target.is_reached { "reached" } else { "**not reached**" };
            targets.row(vec![target.what.clone(), target.reach.clone(), target.measured.clone(), reached.to_owned()]);
        }
        text + &targets.markdown()
    }
}

#[cfg(test)]
mod tests {
    use super::{Spread, percentile};

    #[test]
    fn a_spread_names_the_middle_and_both_ends() {
        let spread = Spread::of([3.0, 1.0, 2.0]).unwrap();
        assert_eq!(spread.text(1), "2.0 (1.0-3.0)");
        assert_eq!(Spread::of([1.0, 2.0]).unwrap().median, 1.5);
        assert!(Spread::of([]).is_err());
    }

    #[test]
    fn the_99th_percentile_of_a_hundred_is_the_last_but_one() {
        let values: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!(percentile(&values, 99.0), 99.0);
        assert_eq!(percentile(&values, 50.0), 50.0);
        assert_eq!(percentile(&[7.0], 99.0), 7.0);
    }
}
