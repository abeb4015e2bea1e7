//! A simulator, a server and a door: what nearly every test begins with.

use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;
use waypost::db::Db;
use waypost::db::sqlite::Synchronous;
use whatsapp_simulator::{Phone, Settings, Simulator};

use crate::support::database::{self, TestDatabase};
use crate::support::door::Door;
use crate::support::server::{Server, Start};
use crate::support::small_disk::SmallDisk;
use crate::support::tables::Tables;

/// Longest wait for a fact. Far above what it takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(40);

/// Which database the server uses.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// A file of its own.
    Sqlite,
    /// A database of its own.
    Postgres,
}

/// One test's world.
pub struct World {
    /// The other end of the wire.
    pub sim: Simulator,
    /// The server.
    pub server: Server,
    /// The way into it.
    pub door: Door,
    start: Start,
    /// Goes with the world.
    _data: Option<TempDir>,
    database: Option<TestDatabase>,
}

impl World {
    /// A fresh world.
    pub async fn new(kind: Kind) -> Self {
        Self::with(kind, Settings::default(), &[]).await
    }

    /// A fresh world with other settings of the simulator and more flags for the server.
    pub async fn with(kind: Kind, settings: Settings, flags: &[&str]) -> Self {
        let data = TempDir::new().expect("there is room");
        let start = Start { data_dir: data.path().to_owned(), ..Start::default() };
        Self { _data: Some(data), ..Self::build(kind, settings, flags, start).await }
    }

    /// A fresh world whose server is started through a program that becomes it.
    pub async fn through(line: &[&str], flags: &[&str]) -> Self {
        let data = TempDir::new().expect("there is room");
        let through = line.iter().map(|part| (*part).to_owned()).collect();
        let start = Start { data_dir: data.path().to_owned(), through, ..Start::default() };
        Self { _data: Some(data), ..Self::build(Kind::Sqlite, Settings::default(), flags, start).await }
    }

    /// A fresh world whose server keeps its data on a small disk, in SQLite.
    pub async fn on(disk: &SmallDisk, flags: &[&str]) -> Self {
        let start = Start { data_dir: disk.path().to_owned(), through: disk.through(), ..Start::default() };
        Self::build(Kind::Sqlite, Settings::default(), flags, start).await
    }

    /// A fresh world whose server may open so many files and sockets, with SQLite.
    pub async fn with_descriptors(limit: u32) -> Self {
        let data = TempDir::new().expect("there is room");
        let script = format!("ulimit -n {limit} && exec \"$0\" \"$@\"");
        let through = ["sh", "-c", &script].map(str::to_owned).to_vec();
        let start = Start { data_dir: data.path().to_owned(), through, ..Start::default() };
        Self { _data: Some(data), ..Self::build(Kind::Sqlite, Settings::default(), &[], start).await }
    }

    async fn build(kind: Kind, settings: Settings, flags: &[&str], start: Start) -> Self {
        let sim = Simulator::start(settings).await.expect("the simulator starts");
        let database = match kind {
            Kind::Sqlite => None,
            Kind::Postgres => Some(database::postgres().await),
        };
        let start = Start {
            database_url: database.as_ref().map(|database| database.url()),
            whatsapp_url: sim.url(),
            flags: flags.iter().map(|flag| (*flag).to_owned()).collect(),
            ..start
        };
        let server = Server::start(&start);
        let door = Door::rest(server.base());
        Self { sim, server, door, start, _data: None, database }
    }

    /// Kills the server and starts it again.
    pub fn crash(&mut self) {
        self.server.kill();
        self.start_again();
    }

    /// Starts the server again after it ended.
    pub fn start_again(&mut self) {
        self.server = Server::start(&self.start);
        self.door = Door::rest(self.server.base());
    }

    /// Starts the server again after it ended, with more flags this once.
    pub fn start_with(&mut self, flags: &[&str]) {
        let mut start = self.start.clone();
        start.flags.extend(flags.iter().map(|flag| (*flag).to_owned()));
        self.server = Server::start(&start);
        self.door = Door::rest(self.server.base());
    }

    /// Where the server keeps its data.
    pub fn data_dir(&self) -> &std::path::Path {
        &self.start.data_dir
    }

    /// Where its database is, if it is PostgreSQL.
    pub fn database_url(&self) -> Option<&str> {
        self.start.database_url.as_deref()
    }

    /// Its database, if it is PostgreSQL.
    pub fn database(&self) -> &TestDatabase {
        self.database.as_ref().expect("it is PostgreSQL")
    }

    /// Its tables, as the server left them.
    pub async fn tables(&self) -> Tables {
        match &self.database {
            Some(database) => Tables::of((**database).clone()),
            None => {
                let file = self.data_dir().join("waypost.db");
                Tables::of(Db::sqlite(&file, Synchronous::Normal).await.expect("the server made the file"))
            }
        }
    }

    /// A phone of this world.
    pub fn phone(&self) -> Phone {
        self.sim.phone("15550100001")
    }

    /// A session that is logged in with that phone. Gives the device's number.
    pub async fn linked(&self, id: &str) -> u16 {
        self.door.create(id).await;
        self.link(id, &self.phone()).await
    }

    /// Scans the session's QR code with a phone.
    pub async fn link(&self, id: &str, phone: &Phone) -> u16 {
        let qr = self.door.qr(id).await;
        let device = phone.scan(&qr).await.expect("the code is good");
        self.reaches(id, "logged_in").await;
        device
    }

    /// Waits until the session has this status.
    pub async fn reaches(&self, id: &str, status: &str) -> Value {
        self.until(id, status, |state| state["status"] == status).await
    }

    /// Waits until the session is in a state.
    pub async fn until(&self, id: &str, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        self.within(LIMIT, id, what, is_it).await
    }

    /// Waits so long until the session is in a state.
    pub async fn within(&self, limit: Duration, id: &str, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            let state = self.door.status(id).await;
            if is_it(&state) {
                return state;
            }
            assert!(begun.elapsed() < limit, "{id} is not {what} in time but {state}");
            tokio::time::sleep(Duration::from_millis(15)).await;
        }
    }

    /// Waits until something holds in the simulator.
    pub async fn eventually(&self, what: &str, holds: impl Fn() -> bool) {
        let begun = Instant::now();
        while !holds() {
            assert!(begun.elapsed() < LIMIT, "not in time: {what}");
            tokio::time::sleep(Duration::from_millis(15)).await;
        }
    }

    /// Waits until the server has written this to its log, and says all that it has written.
    pub async fn is_logged(&self, what: &str) -> String {
        self.eventually(what, || self.server.output().contains(what)).await;
        self.server.output()
    }

    /// How often the phone's first device logged in.
    pub fn logins(&self) -> u64 {
        self.phone().devices().first().map_or(0, |device| device.logins)
    }

    /// Ends the world: the server stops in order, nobody met a stanza that it does not know, nothing was an error.
    pub async fn finish(mut self) -> String {
        let exit = self.server.stop();
        let output = self.server.output();
        assert!(exit.success(), "the server ended with {exit}");
        assert!(!output.contains("\"level\":\"ERROR\""), "errors in the log:\n{output}");
        assert_eq!(self.sim.unknown_stanzas(), Vec::<String>::new());
        assert_eq!(self.sim.violations(), Vec::<String>::new());
        self.sim.stop().await;
        drop(self.database.take());
        output
    }
}
