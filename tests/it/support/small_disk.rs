//! A small filesystem in memory that a test can fill, seen only by the server that it is made for.

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// Mounts the filesystem in namespaces of its own, which needs no rights, and keeps them until its input ends.
const HOLD: &str = r#"mount -t tmpfs -o size="$1"m small "$0" && echo ready && read -r _"#;

/// A filesystem that goes with this value.
pub struct SmallDisk {
    holder: Child,
    directory: TempDir,
}

impl SmallDisk {
    /// An empty one.
    ///
    /// # Panics
    /// Where no user may have namespaces: a test that cannot run must not look as if it had passed.
    pub fn new(megabytes: u32) -> Self {
        let directory = TempDir::new().expect("there is room");
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--mount", "sh", "-c", HOLD]).arg(directory.path());
        command.arg(megabytes.to_string()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut holder = command.spawn().expect("unshare is part of every Linux");
        let mut line = String::new();
        let output = holder.stdout.take().expect("it is piped");
        BufReader::new(output).read_line(&mut line).expect("it says something or ends");
        assert_eq!(line, "ready\n", "this test needs user namespaces, for a small filesystem of its own");
        Self { holder, directory }
    }

    /// Where the server finds it.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// What the server is started through to find it there.
    pub fn through(&self) -> Vec<String> {
        let (program, target) = ("nsenter".to_owned(), format!("--target={}", self.holder.id()));
        let flags = ["--user", "--mount", "--preserve-credentials", "--"].map(str::to_owned);
        [program, target].into_iter().chain(flags).collect()
    }

    /// Takes all the room that is left.
    pub fn fill(&self) {
        let mut ballast = File::options().create(true).append(true).open(self.ballast()).expect("a file");
        loop {
            match ballast.write(&[0; 4096]) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => return,
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Gives it back.
    pub fn make_room(&self) {
        std::fs::remove_file(self.ballast()).expect("it was filled");
    }

    /// As it is seen from here.
    fn ballast(&self) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.holder.id()));
        root.join(self.directory.path().strip_prefix("/").expect("it is absolute")).join("ballast")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = self.holder.kill(); // Its namespaces end with the last process in them.
        let _ = self.holder.wait();
    }
}
