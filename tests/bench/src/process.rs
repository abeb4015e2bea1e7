//! Children of this program, and what `/proc` says about them. Whatever starts here ends with the value that holds it.

use std::fs::File;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use serde::Serialize;

/// Kernel ticks per second in `/proc/<pid>/stat`; the same on every Linux that this runs on (`getconf CLK_TCK`).
const TICKS_PER_SECOND: f64 = 100.0;
/// Raises the limit of open descriptors as far as it may be raised, then becomes the program that follows.
const RAISE_LIMIT: &str = r#"ulimit -n "$(ulimit -H -n)"; exec "$0" "$@""#;

/// A running child. Dropping it kills the child and waits for its end.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    name: &'static str,
}

/// What a child is started with.
pub(crate) struct Start<'a> {
    /// The hidden subcommand of this program.
    pub(crate) name: &'static str,
    pub(crate) arguments: &'a [String],
    pub(crate) environment: &'a [(&'static str, String)],
    /// Where its log goes.
    pub(crate) log: &'a Path,
    /// True if this program talks to it over its standard input and output.
    pub(crate) is_piped: bool,
}

/// A child's use of memory and descriptors at one moment.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Usage {
    /// Resident memory that belongs to no file: heap and stacks.
    pub(crate) anonymous_bytes: u64,
    /// Resident memory that is backed by files: the program itself, mostly.
    pub(crate) file_bytes: u64,
    pub(crate) descriptors: u64,
    pub(crate) threads: u64,
}

/// What is cheap to look at again and again.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Glance {
    pub(crate) threads: u64,
    pub(crate) resident_bytes: u64,
}

impl Glance {
    /// At a process, by its number or `self`.
    pub(crate) fn of(process: &str) -> anyhow::Result<Self> {
        let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
        let resident_bytes = kilobytes(&status, "VmRSS:")? * 1024;
        Ok(Self { threads: kilobytes(&status, "Threads:")?, resident_bytes })
    }
}

impl Usage {
    /// All resident memory.
    pub(crate) fn resident_bytes(&self) -> u64 {
        self.anonymous_bytes + self.file_bytes
    }
}

impl Process {
    /// Starts this same program again, as one of its hidden subcommands.
    pub(crate) fn start(start: &Start<'_>) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("this program's own path")?;
        let log = File::options().create(true).append(true).open(start.log)?;
        let mut command = Command::new("sh");
        command.arg("-c").arg(RAISE_LIMIT).arg(program).arg(start.name).args(start.arguments);
        // What the caller's shell says to a server of its own is not for the one that is measured.
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"WAYPOST_")) {
            command.env_remove(name);
        }
        command.envs(start.environment.iter().map(|(name, value)| (*name, value)));
        command.stderr(log.try_clone()?);
        if start.is_piped {
            command.stdin(Stdio::piped()).stdout(Stdio::piped());
        } else {
            command.stdin(Stdio::null()).stdout(log);
        }
        let child = command.spawn().with_context(|| format!("{} did not start", start.name))?;
        Ok(Self { child, name: start.name })
    }

    /// The pipes of a child that was started with them. Once.
    pub(crate) fn pipes(&mut self) -> anyhow::Result<(ChildStdin, ChildStdout)> {
        match (self.child.stdin.take(), self.child.stdout.take()) {
            (Some(input), Some(output)) => Ok((input, output)),
            _ => bail!("{} was started without pipes", self.name),
        }
    }

    /// Fails if the child has ended by itself.
    pub(crate) fn check(&mut self) -> anyhow::Result<()> {
        match self.child.try_wait()? {
            Some(status) => bail!("{} ended: {status}", self.name),
            None => Ok(()),
        }
    }

    /// Whether the child has ended, for whatever reason.
    pub(crate) fn has_ended(&mut self) -> anyhow::Result<bool> {
        Ok(self.child.try_wait()?.is_some())
    }

    /// The child's number.
    pub(crate) fn number(&self) -> String {
        self.child.id().to_string()
    }

    /// Kills the child as `kill -9` does.
    pub(crate) fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// What the child uses now.
    pub(crate) fn usage(&self) -> anyhow::Result<Usage> {
        let directory = format!("/proc/{}", self.number());
        let memory = std::fs::read_to_string(format!("{directory}/smaps_rollup"))?;
        let status = std::fs::read_to_string(format!("{directory}/status"))?;
        let resident = kilobytes(&memory, "Rss:")?;
        let anonymous = kilobytes(&memory, "Anonymous:")?;
        Ok(Usage {
            anonymous_bytes: anonymous * 1024,
            file_bytes: resident.saturating_sub(anonymous) * 1024,
            descriptors: std::fs::read_dir(format!("{directory}/fd"))?.count() as u64,
            threads: kilobytes(&status, "Threads:")?,
        })
    }

    /// Processor time that the child has used since its start.
    pub(crate) fn cpu(&self) -> anyhow::Result<Duration> {
        cpu_of(&self.number())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill(); // It may have ended by itself.
        let _ = self.child.wait(); // Nothing is left to do with its status.
    }
}

/// Processor time of a process, by its number or `self`.
pub(crate) fn cpu_of(process: &str) -> anyhow::Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The second field is the program's name in parentheses and may hold blanks; user and system time are 14 and 15.
    let (_, fields) = stat.rsplit_once(')').context("an unknown form of /proc/<pid>/stat")?;
    let ticks: u64 =
        fields.split_whitespace().skip(11).take(2).map(|field| field.parse::<u64>().unwrap_or_default()).sum();
    Ok(Duration::from_secs_f64(ticks as f64 / TICKS_PER_SECOND))
}

/// The number behind a label of a `/proc` file.
fn kilobytes(text: &str, label: &str) -> anyhow::Result<u64> {
    text.lines()
        .find_map(|line| line.strip_prefix(label))
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|number| number.parse().ok())
        .with_context(|| format!("no {label} in /proc"))
}

/// A port that is free now.
pub(crate) fn free_port() -> anyhow::Result<u16> {
    Ok(std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
