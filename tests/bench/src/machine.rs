//! Where and with what a measurement was made. Numbers without it say nothing.

use std::fmt;
use std::process::Command;

use serde::Serialize;

/// The workspace's lock file, as it was when this program was built.
const LOCK: &str = include_str!("../../../Cargo.lock");
/// The libraries that the numbers depend on most.
const LIBRARIES: [&str; 7] = ["whatsapp-rust", "poem", "poem-openapi", "async-graphql", "sea-orm", "sqlx", "tokio"];

/// The machine, the compiler and the versions.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Machine {
    processor: String,
    cores: usize,
    memory_gib: f64,
    kernel: String,
    compiler: String,
    profile: &'static str,
    commit: String,
    measured_at: String,
    libraries: Vec<String>,
}

impl Machine {
    /// Looks around; what cannot be found is `unknown`.
    pub(crate) fn look() -> Self {
        let memory_kib: f64 = line_of("/proc/meminfo", "MemTotal").parse().unwrap_or(f64::NAN);
        Self {
            processor: line_of("/proc/cpuinfo", "model name"),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            memory_gib: memory_kib / 1024.0 / 1024.0,
            kernel: output("uname", &["-sr"]),
            compiler: output("rustc", &["-V"]),
            profile: if cfg!(debug_assertions) { "debug" } else { "release" },
            commit: output("git", &["-C", env!("CARGO_MANIFEST_DIR"), "describe", "--always", "--dirty"]),
            measured_at: output("date", &["-u", "+%Y-%m-%dT%H:%M:%SZ"]),
            libraries: LIBRARIES.iter().map(|name| format!("{name} {}", locked(name))).collect(),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}, {} cores, {:.0} GiB, {}; {}, {} build, commit {}; {}.",
            self.processor,
            self.cores,
            self.memory_gib,
            self.kernel,
            self.compiler,
            self.profile,
            self.commit,
            self.measured_at
        )?;
        writeln!(f, "{}.", self.libraries.join(", "))
    }
}

/// The version of a package in the lock file.
fn locked(name: &str) -> &'static str {
    let line = format!("name = \"{name}\"\nversion = \"");
    LOCK.split_once(&line).and_then(|(_, rest)| rest.split('"').next()).unwrap_or("unknown")
}

/// The first value behind a label, without its unit.
fn line_of(file: &str, label: &str) -> String {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let value = text.lines().find(|line| line.starts_with(label)).and_then(|line| line.split_once(':'));
    value.map_or("unknown".to_owned(), |(_, value)| value.trim().trim_end_matches(" kB").to_owned())
}

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().ok().filter(|output| output.status.success());
    let text = output.and_then(|output| String::from_utf8(output.stdout).ok());
    text.map_or("unknown".to_owned(), |text| text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::locked;

    #[test]
    fn the_versions_are_those_of_the_lock_file() {
        assert_eq!(locked("whatsapp-rust"), "0.7.0");
        assert_eq!(locked("no-such-package"), "unknown");
    }
}
