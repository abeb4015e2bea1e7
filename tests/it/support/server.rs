//! The real server as a process of its own, so that it can be killed, and its output read to the last line.

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Longest wait for the server to come up or to go down. A debug build on a busy machine takes its time.
const LIMIT: Duration = Duration::from_secs(60);

/// The admin token of every test server.
pub const TOKEN: &str = "test-token-0123456789abcdef";

/// How to start a server.
#[derive(Clone, Debug, Default)]
pub struct Start {
    /// Where the data is.
    pub data_dir: PathBuf,
    /// PostgreSQL instead of SQLite.
    pub database_url: Option<String>,
    /// The simulator.
    pub whatsapp_url: String,
    /// More flags.
    pub flags: Vec<String>,
    /// What starts the server: a program that becomes it, with its arguments. Nothing for most.
    pub through: Vec<String>,
}

/// A running server.
pub struct Server {
    child: Child,
    output: Arc<Mutex<String>>,
    base: String,
    is_told: bool,
    /// Read what it writes, until it has ended.
    readers: Vec<JoinHandle<()>>,
}

impl Server {
    /// Starts it and waits until it listens.
    pub fn start(start: &Start) -> Self {
        let line: Vec<&str> = start.through.iter().map(String::as_str).chain([env!("CARGO_BIN_EXE_waypost")]).collect();
        let mut command = Command::new(line[0]);
        command.env_clear().env("WAYPOST_ADMIN_TOKEN", TOKEN).args(&line[1..]);
        command.args(["serve", "--listen", "127.0.0.1:0"]);
        command.arg("--data-dir").arg(&start.data_dir).args(["--whatsapp-url", &start.whatsapp_url]);
        command.args(["--log-format", "json"]).args(&start.flags);
        if !start.flags.iter().any(|flag| flag == "--boot-rate") {
            command.args(["--boot-rate", "0"]);
        }
        if let Some(url) = &start.database_url {
            command.args(["--database-url", url]);
        }
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary starts");
        let output = Arc::new(Mutex::new(String::new()));
        let stdout = collect(child.stdout.take().expect("it is piped"), &output);
        let readers = vec![stdout, collect(child.stderr.take().expect("it is piped"), &output)];
        let begun = Instant::now();
        let base = loop {
            let seen = output.lock().expect("nobody panics while writing").clone();
            if let Some((_, rest)) = seen.split_once("listening on http://") {
                break format!("http://{}", rest.split(['"', '\n', ' ']).next().unwrap_or_default());
            }
            if begun.elapsed() > LIMIT || child.try_wait().expect("it can be asked").is_some() {
                let _ = child.kill(); // It may be gone already.
                panic!("the server did not come up:\n{seen}");
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        Self { child, output, base, is_told: false, readers }
    }

    /// Where it listens.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// How many files and sockets it has open.
    pub fn open_files(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).expect("it runs, on Linux").count()
    }

    /// Everything that was read of what it has written. While it runs that may lack its last lines.
    pub fn output(&self) -> String {
        self.output.lock().expect("nobody panics while writing").clone()
    }

    /// Whether it still runs.
    pub fn is_alive(&mut self) -> bool {
        self.child.try_wait().expect("it can be asked").is_none()
    }

    /// Kills it, as a crash would.
    pub fn kill(&mut self) {
        self.child.kill().expect("it is ours to kill");
        self.child.wait().expect("it was started here");
    }

    /// Waits until it has ended by itself, and all is read that it has written.
    pub fn ended(&mut self) -> ExitStatus {
        let begun = Instant::now();
        loop {
            let status = self.child.try_wait().expect("it can be asked");
            if let Some(status) = status.filter(|_| self.readers.iter().all(JoinHandle::is_finished)) {
                return status;
            }
            assert!(begun.elapsed() < LIMIT, "the server does not end:\n{}", self.output());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Lets it do nothing until it may go on.
    pub fn hold(&self) {
        self.tell("-STOP");
    }

    /// Lets it go on.
    pub fn go_on(&self) {
        self.tell("-CONT");
    }

    /// Sends it a signal.
    pub fn tell(&self, signal: &str) {
        let told = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
        assert!(told.expect("kill can be run").success());
    }

    /// Asks it to stop. A second word would stop it at once, so it is said once.
    pub fn tell_to_stop(&mut self) {
        if std::mem::replace(&mut self.is_told, true) {
            return;
        }
        self.tell("-TERM");
    }

    /// Asks it to stop and waits until it has.
    pub fn stop(&mut self) -> ExitStatus {
        self.tell_to_stop();
        self.ended()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill(); // It may be gone already.
        let _ = self.child.wait(); // Likewise.
        if std::thread::panicking() {
            eprintln!("--- the server wrote ---\n{}", self.output());
        }
    }
}

fn collect(stream: impl Read + Send + 'static, output: &Arc<Mutex<String>>) -> JoinHandle<()> {
    let output = Arc::clone(output);
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            let mut output = output.lock().expect("nobody panics while writing");
            output.push_str(&line);
            output.push('\n');
        }
    })
}
