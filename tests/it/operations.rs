//! Operations whose connection ends under them: whoever waits is told at once, and the next one works after the next login.

use std::time::{Duration, Instant};

use entity::ids::SessionId;
use entity::words::access::Scope;
use rstest::rstest;
use serde_json::json;
use tempfile::TempDir;
use waypost::caller::Caller;
use waypost::clock::Clock;
use waypost::egress::Egress;
use waypost::egress::networks::Networks;
use waypost::error::{Error, ErrorKind};
use waypost::event::journal::Journal;
use waypost::lifecycle::Lifecycle;
use waypost::session::deps::Deps;
use waypost::session::types::NewSession;
use waypost::session::{Sessions, boot};
use waypost::whatsapp::client::Client;
use waypost::whatsapp::connector;
use waypost::whatsapp::connector::Connector;
use whatsapp_simulator::{Fault, Phone, Settings, Simulator};

use crate::support::database::{self, TestDatabase};
use crate::support::world::{Kind, World};

const PHONE: &str = "15550100001";
/// Longest wait for a fact. Far above what it takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(40);

/// A session that is logged in, in this process: operations are asked for without a door.
struct Linked {
    sim: Simulator,
    sessions: Sessions,
    id: SessionId,
    device: u16,
    _directory: Option<TempDir>,
    _database: Option<TestDatabase>,
}

impl Linked {
    async fn new(kind: Kind) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default(); // Another test may have been first.
        let (db, _directory, _database) = match kind {
            Kind::Sqlite => {
                let (db, directory) = database::sqlite().await;
                (db, Some(directory), None)
            }
            Kind::Postgres => {
                let database = database::postgres().await;
                ((*database).clone(), None, Some(database))
            }
        };
        let sim = Simulator::start(Settings::default()).await.expect("the simulator starts");
        let (clock, lifecycle) = (Clock::system(), Lifecycle::new());
        let journal = Journal::open(db.clone(), clock.clone(), &lifecycle).await.expect("a journal");
        let settings = connector::ConnectorSettings {
            url: Some(sim.url()),
            version: Some((2, 3000, 1_023_000_000)),
            ..Default::default()
        };
        let connector = Connector::new(db.clone(), journal.clone(), clock.clone(), settings, lifecycle.clone());
        let deps = Deps { db, journal, connector, clock, lifecycle };
        let egress = Egress::new(Networks::parse("127.0.0.0/8").expect("a network"));
        let sessions = Sessions::open(deps, egress, boot::BootSettings::default()).await.expect("sessions");
        let id = SessionId::parse("shop").expect("it is one");
        let new = NewSession { id: Some(id.to_string()), ..NewSession::default() };
        sessions.create(&Caller::admin(), new).await.expect("a session");
        let qr = loop {
            let shown = sessions.qr(&Caller::admin(), &id).await.expect("it is there");
            if let Some(qr) = shown.qr {
                break qr.code;
            }
        };
        let device = sim.phone(PHONE).scan(qr.reveal()).await.expect("the code is good");
        Self { sim, sessions, id, device, _directory, _database }
    }

    fn phone(&self) -> Phone {
        self.sim.phone(PHONE)
    }

    async fn suffers(&self, fault: Fault) {
        self.sim.fault(PHONE, self.device, fault).await.expect("the device is there");
    }

    /// WhatsApp does what it is asked.
    async fn unlinks_with(&self, client: &Client) {
        let _ = client.unlink().await; // The end of the connection, which comes behind the answer, may be noticed first.
        let begun = Instant::now();
        while !self.phone().devices().is_empty() {
            assert!(begun.elapsed() < LIMIT, "the phone still lists the device");
            tokio::time::sleep(Duration::from_millis(15)).await;
        }
    }

    /// The client of the present login, or of the next one.
    async fn client(&self) -> Client {
        let offered = self.sessions.account(&Caller::admin(), Scope::SessionsWrite, &self.id);
        let mut offered = offered.expect("the session is there");
        let client = offered.client.wait_for(|client| client.as_ref().is_some_and(|client| !client.has_ended()));
        let client = tokio::time::timeout(LIMIT, client).await.expect("it logs in in time").expect("it is there");
        client.clone().expect("there is one")
    }
}

fn told(outcome: Result<(), Error>) -> (ErrorKind, String) {
    let error = outcome.expect_err("WhatsApp heard nothing of it");
    (error.kind(), error.to_string())
}

#[rstest]
#[tokio::test]
async fn an_operation_ends_with_its_connection_and_the_next_one_works(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let linked = Linked::new(kind).await;
    let client = linked.client().await;
    linked.suffers(Fault::Silence).await;
    let (outcome, ()) = tokio::join!(client.unlink(), linked.suffers(Fault::Abort));
    let lost = "the connection to WhatsApp ended before the answer came";
    assert_eq!(told(outcome), (ErrorKind::Upstream, lost.to_owned()));
    let next = linked.client().await;
    assert!(client.has_ended() && !next.is_same(&client));
    let not_begun = "the connection to WhatsApp ended before WhatsApp was asked";
    assert_eq!(told(client.unlink().await), (ErrorKind::Upstream, not_begun.to_owned()));
    assert_eq!(linked.phone().devices().len(), 1);
    linked.unlinks_with(&next).await;
    linked.sim.stop().await;
}

#[rstest]
#[tokio::test]
async fn a_session_that_goes_offline_waits_for_no_operation(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let linked = Linked::new(kind).await;
    let client = linked.client().await;
    linked.suffers(Fault::Silence).await;
    let caller = Caller::admin();
    let (outcome, disconnected) = tokio::join!(client.unlink(), linked.sessions.disconnect(&caller, &linked.id));
    disconnected.expect("it is offline");
    let offline = "the session went offline before WhatsApp's answer came";
    assert_eq!(told(outcome), (ErrorKind::Upstream, offline.to_owned()));
    let offered = linked.sessions.account(&caller, Scope::SessionsWrite, &linked.id).expect("the session is there");
    let offered = offered.client;
    assert!(offered.borrow().is_none(), "there is nothing to ask");
    linked.sessions.connect(&caller, &linked.id).await.expect("it is wanted online");
    linked.unlinks_with(&linked.client().await).await;
    linked.sim.stop().await;
}

#[rstest]
#[tokio::test]
async fn who_waits_for_a_pair_code_hears_at_once_that_the_connection_ended(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let world = World::new(kind).await;
    let phone = world.phone();
    world.door.create("shop").await;
    world.door.qr("shop").await;
    world.sim.fault_pairing_connections(&Fault::SlowReplies { delay_ms: 120_000 });
    let asked = world.door.post("/shop/pair", json!({ "phone_number": PHONE }));
    let is_asked = || world.sim.stats().stanzas.contains_key("iq/set/md/link_code_companion_reg");
    let broken = async {
        world.eventually("WhatsApp is asked", is_asked).await;
        world.sim.fault_pairing_connections(&Fault::Abort);
        Instant::now()
    };
    let (answer, ended_at) = tokio::join!(asked, broken);
    // Without the end it would have waited for 20 s.
    assert!(ended_at.elapsed() < Duration::from_secs(10), "{:?}", ended_at.elapsed());
    assert_eq!(answer.problem(), (502, "upstream".to_owned()));
    // The session dials again, and then another code can be had.
    world.door.qr("shop").await;
    let reply = world.door.post("/shop/pair", json!({ "phone_number": PHONE })).await.ok();
    phone.enter(reply["code"].as_str().expect("a code")).await.expect("it is the right code");
    world.reaches("shop", "logged_in").await;
    world.finish().await;
}
