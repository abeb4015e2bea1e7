//! The subcommands, as a user runs them.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use whatsapp_simulator::Fault;

use crate::support::server::TOKEN;
use crate::support::world::{Kind, World};

fn waypost(arguments: &[&str]) -> Command {
    holding(TOKEN, arguments)
}

fn holding(token: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_waypost"));
    command.env_clear().env("WAYPOST_ADMIN_TOKEN", token).current_dir(env!("CARGO_MANIFEST_DIR")).args(arguments);
    command
}

#[test]
fn the_documents_in_the_repository_are_those_of_the_code() {
    let output = waypost(&["export", "--check"]).output().expect("the binary starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn pair_draws_the_code_until_a_phone_has_scanned_it() {
    let world = World::new(Kind::Sqlite).await;
    let base = world.server.base().to_owned();
    let child = waypost(&["pair", "shop", "--create", "--server", &base])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    world.eventually("the session is there", || world.sim.stats().connections > 0).await;
    world.link("shop", &world.phone()).await;
    let output = tokio::task::spawn_blocking(move || child.wait_with_output()).await.expect("it ends");
    let output = output.expect("its output can be read");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("Logged in"), "{said}");
    world.finish().await;
}

#[tokio::test]
async fn pair_shows_another_pair_code_when_the_first_is_void() {
    let world = World::new(Kind::Sqlite).await;
    let phone = world.phone();
    let base = world.server.base().to_owned();
    let arguments = ["pair", "shop", "--create", "--server", &base, "--phone-number", "+1 555 010 0001"];
    let mut child = waypost(&arguments).stdout(Stdio::piped()).spawn().expect("the binary starts");
    let (lines, mut said) = tokio::sync::mpsc::unbounded_channel();
    let stdout = BufReader::new(child.stdout.take().expect("it is piped"));
    std::thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| lines.send(line)));
    let mut next_code = async || {
        loop {
            let line = said.recv().await.expect("it goes on");
            if let Some((_, code)) = line.split_once("Enter this code on the phone: ") {
                return code.to_owned();
            }
        }
    };
    let void = next_code().await;
    world.sim.fault_pairing_connections(&Fault::Abort);
    let good = next_code().await;
    assert_ne!(void, good);
    phone.enter(&good).await.expect("the code is good");
    let status =
        tokio::task::spawn_blocking(move || child.wait()).await.expect("it ends").expect("it was started here");
    assert!(status.success(), "{status}");
    world.finish().await;
}

#[tokio::test]
async fn a_second_server_on_the_same_data_refuses_to_start() {
    let world = World::new(Kind::Sqlite).await;
    let data = world.data_dir().to_str().expect("a plain path").to_owned();
    let url = world.sim.url();
    let flags = ["serve", "--listen", "127.0.0.1:0", "--data-dir", &data, "--whatsapp-url", &url];
    let output = waypost(&flags).output().expect("the binary starts");
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("another Waypost process"));
    world.finish().await;
}

#[tokio::test]
async fn pair_takes_a_key_that_may_pair_and_not_write() {
    let world = World::new(Kind::Sqlite).await;
    let phone = world.phone();
    world.door.create("shop").await;
    // Nothing is to be connected by who shows a pair code: to ask for it brings the session online.
    world.door.post("/shop/disconnect", Value::Null).await.ok();
    let scopes = json!(["sessions:read", "sessions:pair"]);
    let (_, key) = world.door.key(json!({ "name": "pairer", "scopes": scopes, "sessions": ["shop"] })).await;
    let base = world.server.base().to_owned();
    let arguments = ["pair", "shop", "--server", &base, "--phone-number", "15550100001"];
    let mut child = holding(&key, &arguments).stdout(Stdio::piped()).spawn().expect("the binary starts");
    let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    let code = tokio::task::spawn_blocking(move || {
        let code = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| line.split_once("Enter this code on the phone: ").map(|(_, code)| code.to_owned()));
        std::thread::spawn(move || lines.for_each(drop));
        code
    });
    let code = code.await.expect("it ends").expect("a code is shown");
    phone.enter(&code).await.expect("the code is good");
    let status =
        tokio::task::spawn_blocking(move || child.wait()).await.expect("it ends").expect("it was started here");
    assert!(status.success(), "{status}");
    world.finish().await;
}

#[tokio::test]
async fn pair_looks_at_the_number_before_it_creates_anything() {
    let world = World::new(Kind::Sqlite).await;
    let base = world.server.base().to_owned();
    let arguments = ["pair", "shop", "--server", &base, "--phone-number", "0301234"];
    let output = waypost(&arguments).output().expect("the binary starts");
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(world.door.get("").await.ok()["total"], 0);
    world.finish().await;
}

#[tokio::test]
async fn pair_creates_no_session_of_a_mistyped_id() {
    let world = World::new(Kind::Sqlite).await;
    world.door.create("shop").await;
    let base = world.server.base().to_owned();
    for input in [Stdio::null(), Stdio::piped()] {
        let output = waypost(&["pair", "shpo", "--server", &base]).stdin(input).output().expect("the binary starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("there is no session `shpo`; give --create"), "{said}");
    }
    let sessions = world.door.get("").await.ok();
    assert_eq!((&sessions["total"], &sessions["sessions"][0]["id"]), (&json!(1), &json!("shop")));
    world.finish().await;
}
