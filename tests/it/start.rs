//! How the server starts: by flags or by the environment, with a token of its own, and alone on its database.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::{Client, Method};
use sea_orm::ConnectionTrait;
use serde_json::Value;
use tempfile::TempDir;
use waypost::db::Db;
use whatsapp_simulator::Simulator;

use crate::support::database;
use crate::support::door::Door;
use crate::support::server::TOKEN;
use crate::support::world::{Kind, World};

/// Longest wait for a fact. Far above what it takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(40);
/// Longest wait for an end at which nobody waits for a connection to the database any more: that alone would take 30 s.
const SOON: Duration = Duration::from_secs(15);

/// A server with nothing but these flags and variables.
struct Bare {
    child: Child,
    base: String,
    seen: String,
}

impl Bare {
    fn start(flags: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_waypost"));
        command.env_clear().envs(variables.iter().copied()).args(flags);
        Self::run(command)
    }

    fn run(mut command: Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary starts");
        let mut lines = BufReader::new(child.stderr.take().expect("it is piped")).lines();
        let mut seen = String::new();
        let base = loop {
            let Some(Ok(line)) = lines.next() else {
                let _ = child.wait(); // It has ended already.
                panic!("the server did not come up:\n{seen}");
            };
            seen.push_str(&line);
            seen.push('\n');
            if let Some((_, rest)) = line.split_once("listening on http://") {
                break format!("http://{}", rest.split(['"', '\n', ' ']).next().unwrap_or_default());
            }
        };
        // What follows must be read, or the server would wait for it.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, base, seen }
    }

    async fn list(&self, token: &str) -> u16 {
        // It fails only if there is a provider already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let request = Client::new().get(format!("{}/api/v1/sessions", self.base)).bearer_auth(token);
        request.send().await.expect("it answers").status().as_u16()
    }

    /// Stops it in order and gives what it wrote to its standard output.
    fn stop(mut self) -> String {
        let told = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().expect("it can be run");
        assert!(told.success());
        let mut said = String::new();
        self.child.stdout.take().expect("it is piped").read_to_string(&mut said).expect("it is text");
        let status = self.child.wait().expect("it was started here");
        assert!(status.success(), "{status}\n{}", self.seen);
        said
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        let _ = self.child.kill(); // It may be gone already.
        let _ = self.child.wait(); // Likewise.
    }
}

/// Whether any file below the folder contains the bytes.
fn is_kept(folder: &Path, wanted: &[u8]) -> bool {
    std::fs::read_dir(folder).expect("the folder is there").any(|entry| {
        let path = entry.expect("it can be read").path();
        if path.is_dir() {
            return is_kept(&path, wanted);
        }
        let bytes = std::fs::read(&path).expect("it can be read");
        bytes.windows(wanted.len()).any(|window| window == wanted)
    })
}

#[tokio::test]
async fn on_loopback_a_token_is_made_and_shown_once_and_kept_nowhere() {
    let sim = Simulator::start(whatsapp_simulator::Settings::default()).await.expect("the simulator starts");
    let data = TempDir::new().expect("there is room");
    let folder = data.path().to_str().expect("a plain path");
    let flags = ["--listen", "127.0.0.1:0", "--data-dir", folder, "--whatsapp-url", &sim.url()];
    let mut server = Bare::start(&flags, &[]);
    let mut out = BufReader::new(server.child.stdout.take().expect("it is piped"));
    let mut said = String::new();
    while !said.contains("Create a session") {
        assert!(out.read_line(&mut said).expect("it is text") > 0, "{said}");
    }
    server.child.stdout = Some(out.into_inner());
    let token = said.split_whitespace().find(|word| word.starts_with("wp_")).expect("it is shown").to_owned();
    assert!(token.len() > 40, "{token}");
    assert!(said.contains(&format!("{}/swagger-ui", server.base)), "{said}");
    assert_eq!(said.matches(&token).count(), 1, "{said}");
    assert_eq!((server.list(&token).await, server.list("wp_").await), (200, 401));
    let seen = server.seen.clone();
    let rest = server.stop();
    assert!(!seen.contains(&token) && !rest.contains(&token), "it is shown a second time");
    assert!(!is_kept(data.path(), token.as_bytes()), "it is on the disk");

    // The next run makes another.
    let next = Bare::start(&flags, &[]);
    assert_eq!(next.list(&token).await, 401);
    next.stop();
    sim.stop().await;
}

#[tokio::test]
async fn every_flag_can_be_a_variable_and_a_token_can_come_from_a_file() {
    let sim = Simulator::start(whatsapp_simulator::Settings::default()).await.expect("the simulator starts");
    let data = TempDir::new().expect("there is room");
    let file = data.path().join("token");
    std::fs::write(&file, "  token-from-a-file-0123456789\n").expect("there is room");
    let folder = data.path().join("data");
    let variables = [
        ("WAYPOST_LISTEN", "127.0.0.1:0"),
        ("WAYPOST_DATA_DIR", folder.to_str().expect("a plain path")),
        ("WAYPOST_ADMIN_TOKEN_FILE", file.to_str().expect("a plain path")),
        ("WAYPOST_WHATSAPP_URL", &sim.url()),
        ("WAYPOST_LOG_FORMAT", "json"),
        ("WAYPOST_LOG_LEVEL", "debug"),
        ("WAYPOST_BOOT_RATE", "5"),
        ("WAYPOST_BOOT_CONCURRENCY", "3"),
        ("WAYPOST_SHUTDOWN_GRACE", "5"),
        ("WAYPOST_SQLITE_SYNCHRONOUS", "normal"),
        ("WAYPOST_DATABASE_CONNECTIONS", "4"),
        ("WAYPOST_WHATSAPP_VERSION", "2.3000.1023000000"),
    ];
    let server = Bare::start(&[], &variables);
    assert_eq!((server.list("token-from-a-file-0123456789").await, server.list(TOKEN).await), (200, 401));
    assert!(folder.join("waypost.db").is_file());
    for line in server.seen.lines().filter(|line| !line.starts_with("*** SANDBOX")) {
        let entry: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"));
        assert!(entry["level"].is_string() && entry["timestamp"].is_string(), "{line}");
    }
    assert_eq!(server.stop(), "", "the token was given, and nobody sits at a terminal");
    sim.stop().await;
}

#[tokio::test]
async fn a_server_that_listens_everywhere_makes_no_links_that_nobody_can_open() {
    let sim = Simulator::start(whatsapp_simulator::Settings::default()).await.expect("the simulator starts");
    let data = TempDir::new().expect("there is room");
    let folder = data.path().to_str().expect("a plain path");
    let url = sim.url();
    let flags = ["--listen", "0.0.0.0:0", "--data-dir", folder, "--whatsapp-url", &url];
    let server = Bare::start(&flags, &[("WAYPOST_ADMIN_TOKEN", TOKEN)]);
    assert!(server.seen.contains("set --public-url"), "{}", server.seen);
    let door = Door::rest(&server.base.replace("0.0.0.0", "127.0.0.1"));
    door.create("shop").await;
    let links = "/api/v1/sessions/shop/pairing-links";
    let answer = door.ask(Method::POST, links, &Value::Null).await;
    assert!(answer.text().contains("--public-url"), "{}", answer.text());
    assert_eq!(answer.problem(), (409, "public_url_unknown".to_owned()));
    let create = r#"mutation { createPairingLink(input: { id: "shop" }) { url } }"#;
    assert_eq!(door.graph_failure(create, Value::Null).await, "public_url_unknown");
    server.stop();

    let flags: Vec<_> = flags.into_iter().chain(["--public-url", "https://wa.example.com"]).collect();
    let server = Bare::start(&flags, &[("WAYPOST_ADMIN_TOKEN", TOKEN)]);
    assert!(!server.seen.contains("set --public-url"), "{}", server.seen);
    let door = Door::rest(&server.base.replace("0.0.0.0", "127.0.0.1"));
    let made = door.ask(Method::POST, links, &Value::Null).await.ok();
    assert!(made["pairing_link"]["url"].as_str().is_some_and(|url| url.starts_with("https://wa.example.com/pair#")));
    server.stop();
    sim.stop().await;
}

#[tokio::test]
async fn the_server_takes_as_many_descriptors_as_it_may_have() {
    let sim = Simulator::start(whatsapp_simulator::Settings::default()).await.expect("the simulator starts");
    let data = TempDir::new().expect("there is room");
    let mut command = Command::new("sh");
    command.env_clear().env("WAYPOST_ADMIN_TOKEN", TOKEN);
    command.args(["-c", "ulimit -S -n 256 && exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_waypost")]);
    command.args(["--listen", "127.0.0.1:0", "--whatsapp-url", &sim.url(), "--data-dir"]).arg(data.path());
    let server = Bare::run(command);
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", server.child.id())).expect("it runs, on Linux");
    let files = limits.lines().find(|line| line.starts_with("Max open files")).expect("Linux limits them");
    let limits: Vec<_> = files.split_whitespace().skip(3).take(2).collect();
    assert!(limits[0] == limits[1] && limits[0] != "256", "{files}");
    server.stop();
    sim.stop().await;
}

#[tokio::test]
async fn a_sandbox_build_says_loudly_what_it_is() {
    let world = World::new(Kind::Sqlite).await;
    world.door.create("shop").await;
    let output = world.finish().await;
    assert!(output.contains("SANDBOX BUILD") && output.contains("certificates are not checked"), "{output}");
}

#[tokio::test]
async fn a_stop_right_after_the_start_is_in_order_too() {
    for _ in 0..3 {
        World::new(Kind::Sqlite).await.finish().await;
    }
}

#[tokio::test]
async fn a_second_server_on_the_same_postgres_refuses_to_start_and_the_first_goes_on() {
    let world = World::new(Kind::Postgres).await;
    refuses_a_second(&world);
    world.linked("shop").await;
    world.finish().await;
}

#[tokio::test]
async fn a_port_that_is_taken_stops_the_start_with_a_line_that_names_it() {
    let world = World::new(Kind::Sqlite).await;
    let data = TempDir::new().expect("there is room");
    let address = world.server.base().trim_start_matches("http://");
    let mut command = Command::new(env!("CARGO_BIN_EXE_waypost"));
    command.env_clear().env("WAYPOST_ADMIN_TOKEN", TOKEN).args(["--listen", address]);
    command.arg("--data-dir").arg(data.path()).args(["--whatsapp-url", &world.sim.url()]);
    let output = command.output().expect("the binary starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.lines().any(|line| line.starts_with("waypost:") && line.contains(address)), "{said}");
    world.finish().await;
}

#[tokio::test]
async fn slow_a_database_that_is_not_there_stops_the_start_and_its_password_is_not_shown() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_waypost"));
    command.env_clear().env("WAYPOST_ADMIN_TOKEN", TOKEN).args(["--listen", "127.0.0.1:0"]);
    command.args(["--whatsapp-url", "ws://127.0.0.1:9/ws/chat"]);
    command.args(["--database-url", "postgres://waypost:planted-password@127.0.0.1:9/waypost"]);
    let output = command.output().expect("the binary starts");
    let said = format!("{}{}", String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout));
    assert!(!output.status.success());
    assert!(said.lines().any(|line| line.starts_with("waypost:")), "{said}");
    assert!(!said.contains("planted-password"), "{said}");
}

#[tokio::test]
async fn a_fresh_database_that_two_servers_find_at_once_is_set_up_once() {
    let database = database::empty_postgres().await;
    let data = TempDir::new().expect("there is room");
    let sim = Simulator::start(whatsapp_simulator::Settings::default()).await.expect("the simulator starts");
    let spawn = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_waypost"));
        command.env_clear().env("WAYPOST_ADMIN_TOKEN", TOKEN).env("WAYPOST_DATABASE_URL", database.url());
        command.args(["--listen", "127.0.0.1:0", "--whatsapp-url", &sim.url()]).arg("--data-dir").arg(data.path());
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the binary starts")
    };
    let mut servers = [spawn(), spawn()];
    // One of them has to give way.
    let begun = std::time::Instant::now();
    let loser = loop {
        if let Some(loser) = servers.iter_mut().position(|server| server.try_wait().expect("it can be asked").is_some())
        {
            break loser;
        }
        assert!(begun.elapsed().as_secs() < 60, "both run");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    let winner = &mut servers[1 - loser];
    assert!(winner.try_wait().expect("it can be asked").is_none(), "neither runs");
    winner.kill().expect("it is ours to kill");
    for server in &mut servers {
        server.wait().expect("it was started here");
    }
    sim.stop().await;
}

#[tokio::test]
async fn the_health_checks_need_no_key_and_say_what_they_looked_at() {
    let world = World::new(Kind::Sqlite).await;
    let ready = world.door.send(world.door.anonymous(Method::GET, "/readyz")).await.ok();
    assert_eq!(
        ready,
        serde_json::json!({ "status": "ok", "database": "ok", "writing": "ok", "boot": { "waiting": 0, "started": 0 } })
    );
    assert_eq!(world.door.send(world.door.anonymous(Method::GET, "/livez")).await.ok()["status"], "ok");
    world.finish().await;
}

#[tokio::test]
async fn a_server_whose_postgres_restarted_claims_it_again() {
    let mut world = World::new(Kind::Postgres).await;
    world.linked("shop").await;
    world.database().shut().await;
    world.database().open().await;
    let begun = Instant::now();
    while world.database().claims().await != 1 {
        assert!(begun.elapsed() < LIMIT, "the claim is not taken back");
        tokio::time::sleep(Duration::from_millis(15)).await;
    }
    refuses_a_second(&world);
    world.reaches("shop", "logged_in").await;
    assert!(world.server.stop().success());
}

#[tokio::test]
async fn a_server_whose_postgres_was_claimed_meanwhile_ends() {
    let mut world = World::new(Kind::Postgres).await;
    world.linked("shop").await;
    world.server.hold();
    world.database().shut().await;
    world.database().open().await;
    let other = Db::postgres(&world.database().url(), 1).await.expect("it is open");
    let _claim = other.claim().await.expect("nobody has it");
    world.server.go_on();
    let begun = Instant::now();
    while !world.server.output().contains("the database is not ours any more") {
        assert!(begun.elapsed() < LIMIT, "it does not notice");
        tokio::time::sleep(Duration::from_millis(15)).await;
    }
    let noticed = Instant::now();
    while world.server.is_alive() {
        assert!(noticed.elapsed() < SOON, "it goes on");
        tokio::time::sleep(Duration::from_millis(15)).await;
    }
    assert!(world.server.output().contains("another Waypost process"), "{}", world.server.output());
    assert_eq!(world.sim.stats().open_connections, 0);
}

#[tokio::test]
async fn a_server_that_lost_only_the_connection_of_its_claim_writes_on_alone() {
    let world = World::new(Kind::Postgres).await;
    for round in 0..3 {
        world.database().cut_claim().await;
        refuses_a_second(&world);
        assert_eq!(world.door.post("", serde_json::json!({ "id": format!("s-{round}") })).await.status, 201);
    }
    world.finish().await;
}

#[tokio::test]
async fn nobody_claims_a_database_while_its_claimant_can_still_write() {
    let database = database::postgres().await;
    let open = async || Db::postgres(&database.url(), 2).await.expect("it is open");
    let (first, second) = (open().await, open().await);
    let mut claim = first.claim().await.expect("nobody has it");
    let probe = "INSERT INTO bookmark (name, position) VALUES ('first', 1)";
    first.write().execute_unprepared(probe).await.expect("it is written");
    // Nobody watches over the claim, so it is not made anew.
    database.cut_claim().await;
    let refused = second.claim().await.expect_err("the first could write meanwhile");
    assert!(refused.to_string().contains("another Waypost process"), "{refused}");
    first.write().execute_unprepared("UPDATE bookmark SET position = 2").await.expect("it is written");
    // Once all its connections are gone, somebody else may, and the first gets no new one.
    database.shut().await;
    database.open().await;
    let second = open().await;
    let _claim = second.claim().await.expect("nobody has it");
    second.write().execute_unprepared("UPDATE bookmark SET position = 3").await.expect("it is written");
    let late = async { while first.write().execute_unprepared("UPDATE bookmark SET position = 4").await.is_err() {} };
    assert!(tokio::time::timeout(Duration::from_secs(3), late).await.is_err(), "two processes write");
    assert!(claim.watch().await.to_string().contains("another Waypost process"));
}

/// What others may do with it.
fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).expect("it is there").permissions().mode() & 0o777
}

#[tokio::test]
async fn what_others_could_read_is_taken_from_them_at_the_start() {
    use std::os::unix::fs::PermissionsExt;
    let sim = Simulator::start(whatsapp_simulator::Settings::default()).await.expect("the simulator starts");
    for (other, folder_mode) in [(None, 0o700), (Some("photo.jpg"), 0o755)] {
        let data = TempDir::new().expect("there is room");
        std::fs::set_permissions(data.path(), std::fs::Permissions::from_mode(0o755)).expect("it is ours");
        let ours = ["waypost.db", "waypost.db-wal", "waypost.db-shm", "waypost.lock"];
        for name in ours.into_iter().chain(other) {
            let file = data.path().join(name);
            std::fs::write(&file, "").expect("there is room");
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).expect("it is ours");
        }
        let folder = data.path().to_str().expect("a plain path");
        let flags = ["--listen", "127.0.0.1:0", "--data-dir", folder, "--whatsapp-url", &sim.url()];
        let server = Bare::start(&flags, &[("WAYPOST_ADMIN_TOKEN", TOKEN)]);
        let modes = ours.map(|name| mode(&data.path().join(name)));
        assert_eq!((modes, mode(data.path())), ([0o600; 4], folder_mode), "{other:?}");
        server.stop();
    }
    sim.stop().await;
}

/// A second server on the same PostgreSQL database does not start.
fn refuses_a_second(world: &World) {
    let url = world.database_url().expect("it uses PostgreSQL");
    let mut command = Command::new(env!("CARGO_BIN_EXE_waypost"));
    command.env_clear().env("WAYPOST_ADMIN_TOKEN", TOKEN).env("WAYPOST_DATABASE_URL", url);
    command.args(["--listen", "127.0.0.1:0", "--whatsapp-url", &world.sim.url()]);
    let output = command.output().expect("the binary starts");
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("another Waypost process"), "{output:?}");
}
