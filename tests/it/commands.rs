//! The subcommands, as a user runs them.

use std::process::{Command, Stdio};

use reqwest::Method;

use crate::support::server::TOKEN;
use crate::support::world::{Kind, World};

fn waypost(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_waypost"));
    command.env_clear().env("WAYPOST_ADMIN_TOKEN", TOKEN).current_dir(env!("CARGO_MANIFEST_DIR")).args(arguments);
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
    let base = world.door.anonymous(Method::GET, "").build().expect("an address").url().to_string();
    let child =
        waypost(&["pair", "shop", "--server", &base]).stdout(Stdio::piped()).spawn().expect("the binary starts");
    world.eventually("the session is there", || world.sim.stats().connections > 0).await;
    world.link("shop", &world.phone()).await;
    let output = tokio::task::spawn_blocking(move || child.wait_with_output()).await.expect("it ends");
    let output = output.expect("its output can be read");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("Logged in"), "{said}");
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
