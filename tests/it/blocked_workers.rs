//! What holds the workers up does not hold up health checks, signals and the end.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::Method;
use tempfile::TempDir;
use whatsapp_simulator::{Settings, Simulator};

use crate::support::door::Door;
use crate::support::wire::Wire;
use crate::support::world::{Kind, World};

/// More than any machine has workers.
const REQUESTS: usize = 300;

/// A world whose workers are all held up, each by a request.
async fn stalled(flags: &[&str]) -> (World, Vec<Wire>) {
    let flags = [&["--stall-at", "request_comes_in"], flags].concat();
    let world = World::with(Kind::Sqlite, Settings::default(), &flags).await;
    let mut wires = Vec::new();
    for _ in 0..REQUESTS {
        wires.push(Wire::saying(&world, "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n").await);
    }
    (world, wires)
}

#[tokio::test]
async fn a_server_whose_workers_are_held_up_lives_and_can_be_stopped() {
    let (mut world, _wires) = stalled(&[]).await;
    for method in [Method::GET, Method::HEAD] {
        let answer = world.door.send(world.door.anonymous(method.clone(), "/livez")).await;
        assert_eq!((answer.status, answer.header("content-length")), (200, "15"), "{method}");
        assert_eq!(answer.header("x-request-id").len(), 32);
    }
    world.server.tell("-TERM");
    world.eventually("it has heard", || world.server.output().contains("shutting down: no new requests")).await;
    assert!(world.server.is_alive());
    world.server.tell("-TERM");
    assert_eq!(world.server.ended().code(), Some(1));
    assert!(world.server.output().contains("stopped at once"), "{}", world.server.output());
}

#[tokio::test]
async fn a_shutdown_that_does_not_come_to_its_end_is_ended() {
    let (mut world, _wires) = stalled(&["--shutdown-grace", "1"]).await;
    world.server.tell("-TERM");
    assert_eq!(world.server.ended().code(), Some(1));
    assert!(world.server.output().contains("the shutdown did not end within 5 s"), "{}", world.server.output());
}

#[tokio::test]
async fn a_hang_up_stops_the_server_in_order_unless_it_is_to_be_ignored() {
    let mut world = World::new(Kind::Sqlite).await;
    world.linked("shop").await;
    world.server.tell("-HUP");
    assert!(world.server.ended().success());
    assert!(world.server.output().contains("stopped"), "{}", world.server.output());
    let world = World::through(&["nohup"], &[]).await;
    world.server.tell("-HUP");
    assert_eq!(world.door.get("").await.ok()["total"], 0);
    world.finish().await;
}

#[tokio::test]
async fn outputs_that_take_nothing_do_not_stop_the_start() {
    let sim = Simulator::start(Settings::default()).await.expect("the simulator starts");
    let data = TempDir::new().expect("there is room");
    let full =
        || Stdio::from(std::fs::File::options().write(true).open("/dev/full").expect("it is part of every Linux"));
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("there are ports").local_addr().expect("it is bound");
    let mut command = Command::new(env!("CARGO_BIN_EXE_waypost"));
    // Without an admin token, so that it has something to say on its output.
    command.env_clear().args(["--listen", &free.to_string(), "--whatsapp-url", &sim.url()]);
    command.arg("--data-dir").arg(data.path()).stdout(full()).stderr(full());
    let mut server = command.spawn().expect("the binary starts");
    let begun = Instant::now();
    let door = Door::rest(&format!("http://{free}"));
    let lives = async || door.anonymous(Method::GET, "/livez").send().await.is_ok_and(|answer| answer.status() == 200);
    while !lives().await {
        assert_eq!(server.try_wait().expect("it can be asked"), None, "it ended");
        assert!(begun.elapsed() < Duration::from_secs(40), "it does not come up");
        tokio::time::sleep(Duration::from_millis(15)).await;
    }
    let told = Command::new("kill").arg(server.id().to_string()).status();
    assert!(told.expect("kill can be run").success());
    assert!(server.wait().expect("it was started here").success());
    sim.stop().await;
}
