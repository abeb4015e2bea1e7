//! What all benches are told on the command line.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::report::Report;
use crate::storage::Kind;

/// What each bench can do.
pub(crate) trait Measure {
    /// Whether a target that is not reached makes the program fail. Where it is a time or a ratio it says as much about
    /// the machine.
    const COUNTS_FAILURES: bool = false;

    /// Small numbers, to try the program itself.
    fn shrink(&mut self);

    /// Measures, as often as the options say.
    fn measure(&self, options: &Options) -> impl Future<Output = anyhow::Result<Report>>;
}

/// A kind of database, as a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Database {
    /// A file.
    Sqlite,
    /// A server; needs `--postgres-url`.
    Postgres,
}

/// Options of every bench.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// Directory that the JSON and the Markdown file go to.
    #[arg(long, default_value = "bench-results")]
    pub(crate) out: PathBuf,
    /// How often everything is measured [default: 3 (crash: 1), or 1 with --quick].
    #[arg(long)]
    runs: Option<usize>,
    /// Small numbers, to try the program itself. What it prints then says nothing about the server.
    #[arg(long)]
    pub(crate) quick: bool,
    /// The only database to measure on. Otherwise SQLite, and PostgreSQL if its address is given.
    #[arg(long)]
    pub(crate) database: Option<Database>,
    /// PostgreSQL, with a user who may create databases: postgres://user:password@127.0.0.1/postgres
    #[arg(long)]
    pub(crate) postgres_url: Option<String>,
}

impl Options {
    /// # Errors
    /// PostgreSQL is wanted and has no address, or nothing is to be measured.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        anyhow::ensure!(self.runs() > 0, "--runs must be at least 1");
        anyhow::ensure!(!self.kinds().is_empty(), "--database postgres needs --postgres-url");
        Ok(())
    }

    /// How often everything is measured.
    pub(crate) fn runs(&self) -> usize {
        self.runs_or(3)
    }

    /// The same where another number is usual.
    pub(crate) fn runs_or(&self, usual: usize) -> usize {
        self.runs.unwrap_or(if self.quick { 1 } else { usual })
    }

    /// The databases to measure on.
    pub(crate) fn kinds(&self) -> Vec<Kind> {
        let sqlite = (self.database != Some(Database::Postgres)).then_some(Kind::Sqlite);
        let url = self.postgres_url.clone().filter(|_| self.database != Some(Database::Sqlite));
        sqlite.into_iter().chain(url.map(Kind::Postgres)).collect()
    }
}
