//! What a server does whose disk, files or descriptors fail it: an accident is not a verdict, and a verdict is the end.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};
use tempfile::{NamedTempFile, TempDir};
use tokio::net::TcpStream;
use whatsapp_simulator::Settings;

use crate::support::server::TOKEN;
use crate::support::small_disk::SmallDisk;
use crate::support::world::{Kind, World};

/// Longest wait for a fact. Far above what it takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(40);

/// What `/readyz` says, with its status.
async fn ready(world: &World) -> (u16, Value) {
    let answer = world.door.send(world.door.anonymous(Method::GET, "/readyz")).await;
    (answer.status, answer.json())
}

/// Waits until `/readyz` has this status, and gives what it says.
async fn until_ready_is(world: &World, status: u16) -> Value {
    let begun = Instant::now();
    loop {
        let (now, said) = ready(world).await;
        if now == status {
            return said;
        }
        assert!(begun.elapsed() < LIMIT, "/readyz is not {status} in time but {now}: {said}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Whether there is such a session, which every operation says in the same way.
async fn has_one_truth(world: &World, id: &str) -> bool {
    let list = world.door.get("").await.ok();
    let is_listed = list["sessions"].as_array().expect("a list").iter().any(|session| session["id"] == id);
    let found = world.door.get(&format!("/{id}")).await.status;
    assert_eq!(found, if is_listed { 200 } else { 404 }, "{id}");
    let created = world.door.post("", json!({ "id": id })).await.status;
    assert_eq!(created, if is_listed { 409 } else { 201 }, "{id}");
    is_listed
}

#[tokio::test]
async fn descriptors_that_ran_out_for_a_moment_break_nothing_for_good() {
    let world = World::with_descriptors(160).await;
    // From now on there is a connection that stands.
    world.door.create("before").await;
    let address = world.server.base().trim_start_matches("http://").to_owned();
    let mut idle = Vec::new();
    for _ in 0..200 {
        idle.push(TcpStream::connect(&address).await.expect("the system takes it"));
    }
    let meanwhile =
        tokio::time::timeout(Duration::from_secs(10), world.door.post("", json!({ "id": "phantom" }))).await;
    drop(idle);
    until_ready_is(&world, 200).await;
    let is_there = has_one_truth(&world, "phantom").await;
    if let Ok(answer) = meanwhile {
        assert_eq!(answer.status == 201, is_there, "{}", answer.text());
    }
    world.door.create("after").await;
    let mut world = world;
    assert!(world.server.stop().success());
}

#[tokio::test]
async fn a_disk_that_is_full_is_said_to_be_and_comes_back_by_itself() {
    let disk = SmallDisk::new(12);
    let mut world = World::on(&disk, &[]).await;
    assert_eq!(ready(&world).await.1["writing"], "ok");
    disk.fill();
    let mut number = 0;
    // What SQLite's log has room for still goes through.
    let refused = loop {
        let id = format!("s-{number}");
        let answer = world.door.post("", json!({ "id": id, "metadata": { "large": "x".repeat(512) } })).await;
        if answer.status != 201 {
            assert_eq!(answer.problem(), (503, "unavailable".to_owned()));
            break id;
        }
        number += 1;
        assert!(number < 5_000, "the disk is not full");
    };
    let (status, said) = ready(&world).await;
    assert_eq!((status, &said["writing"], &said["database"]), (503, &json!("unavailable"), &json!("ok")), "{said}");
    assert_eq!(said["code"], "unavailable");
    disk.make_room();
    assert_eq!(until_ready_is(&world, 200).await["writing"], "ok");
    assert!(!has_one_truth(&world, &refused).await, "it was refused");
    assert!(world.server.stop().success());
}

#[rstest]
#[tokio::test]
async fn a_data_file_that_was_moved_away_is_told_and_ends_the_process(
    #[values("full", "normal")] synchronous: &str,
    #[values("waypost.db", "waypost.db-wal")] name: &str,
) {
    let mut world = World::with(Kind::Sqlite, Settings::default(), &["--sqlite-synchronous", synchronous]).await;
    world.door.create("before").await;
    let (file, elsewhere) = (world.data_dir().join(name), world.data_dir().join("elsewhere"));
    // For a moment nothing is lost by it.
    std::fs::rename(&file, &elsewhere).expect("it can be moved");
    assert_eq!(until_ready_is(&world, 503).await["writing"], "file_gone");
    std::fs::rename(&elsewhere, &file).expect("it can be moved back");
    until_ready_is(&world, 200).await;
    world.door.create("between").await;
    std::fs::rename(&file, &elsewhere).expect("it can be moved");
    let exit = world.server.ended();
    assert_eq!(exit.code(), Some(72), "{}", world.server.output());
    assert!(world.server.output().contains("was moved away or deleted"), "{}", world.server.output());
    std::fs::rename(&elsewhere, &file).expect("it can be moved back");
    world.start_again();
    assert!(has_one_truth(&world, "before").await && has_one_truth(&world, "between").await);
    world.finish().await;
}

#[rstest]
fn a_file_that_others_can_read_for_good_stops_the_start(
    #[values("waypost.db", "waypost.db-wal", "waypost.db-shm", "waypost.lock")] name: &str,
) {
    let data = TempDir::new().expect("there is room");
    // The system's own file, whose mode not even root can change: as on a filesystem that keeps no modes.
    std::os::unix::fs::symlink("/proc/self/comm", data.path().join(name)).expect("there is room");
    let mut command = Command::new(env!("CARGO_BIN_EXE_waypost"));
    command.env_clear().env("WAYPOST_ADMIN_TOKEN", TOKEN).args(["--listen", "127.0.0.1:0"]);
    command.arg("--data-dir").arg(data.path()).args(["--whatsapp-url", "ws://127.0.0.1:9/ws/chat"]);
    let output = command.output().expect("the binary starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    let why = format!("{name} can be read by others, which cannot be changed");
    assert!(said.lines().any(|line| line.starts_with("waypost:") && line.contains(&why)), "{said}");
    assert!(!said.contains("listening on"), "{said}");
}

/// What is written about a process that has ended. It is written from beside, and may come a little later.
fn whole_trace(file: &Path) -> String {
    let begun = Instant::now();
    loop {
        let trace = std::fs::read_to_string(file).expect("it is there");
        let process = trace.split(' ').next().unwrap_or_default();
        // A short number is followed by more than one space.
        let is_end =
            |line: &str| line.strip_prefix(process).is_some_and(|rest| rest.trim_start() == "+++ exited with 0 +++");
        if trace.lines().any(is_end) {
            return trace;
        }
        assert!(begun.elapsed() < LIMIT, "it has no end:\n{trace}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[rstest]
#[tokio::test]
async fn the_folder_is_on_the_disk_before_anything_is_said_to_be(#[values("full", "normal")] synchronous: &str) {
    let trace = NamedTempFile::new().expect("there is room");
    let written = trace.path().to_str().expect("a plain path");
    // It watches from beside: the process that is started becomes the server.
    let line = ["strace", "-f", "-D", "-y", "-o", written, "-e", "trace=openat,fsync,fdatasync"];
    let mut world = World::through(&line, &["--sqlite-synchronous", synchronous]).await;
    world.door.create("shop").await;
    assert!(world.server.stop().success());
    let folder = world.data_dir().canonicalize().expect("it is there").to_str().expect("a plain path").to_owned();
    let trace = whole_trace(trace.path());
    let at = |behind: usize, what: &str, is_it: &dyn Fn(&str) -> bool| {
        let found = trace.lines().skip(behind).position(is_it);
        behind + found.unwrap_or_else(|| panic!("{what} is not in the trace:\n{trace}"))
    };
    let is_log_made = |line: &str| line.contains("O_CREAT") && line.contains(&format!("\"{folder}/waypost.db-wal\""));
    let made = at(0, "the log's beginning", &is_log_made);
    let kept =
        at(made, "a flush of the folder", &|line| line.contains("fsync(") && line.contains(&format!("<{folder}>")));
    // SQLite flushes the folder by itself, but only behind the first flush of its log.
    let log = at(made, "a flush of the log", &|line| {
        line.contains("sync(") && line.contains(&format!("<{folder}/waypost.db-wal>"))
    });
    assert!(kept < log, "{kept} {log}\n{trace}");
}
