//! A normal build refuses everyone who cannot show a certificate of WhatsApp's; a sandbox build takes the simulator.

use entity::ids::SessionId;
use entity::timestamp::Timestamp;
use entity::words::session::PresenceOnConnect;
use waypost::account::DeviceProps;
use waypost::clock::Clock;
use waypost::event::journal::Journal;
use waypost::lifecycle::{Lifecycle, ShutdownPhase};
use waypost::session::store::{self, SessionDraft};
use waypost::session::types::{MediaFetching, SendPace};
use waypost::whatsapp::Opened;
use waypost::whatsapp::connector::{Connector, ConnectorSettings};
use waypost::whatsapp::signal::{Closing, Signal};
use whatsapp_simulator::Simulator;

use crate::support::database;

/// What a connection to the simulator ends with, or gets to.
async fn outcome() -> Signal {
    // It fails only if there is a provider already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let sim = Simulator::start(whatsapp_simulator::Settings::default()).await.expect("the simulator starts");
    let (db, _directory) = database::sqlite().await;
    let id = SessionId::generate();
    let (name, metadata, props) = (None, Default::default(), DeviceProps::default());
    let (presence_on_connect, pace) = (PresenceOnConnect::Unavailable, SendPace::default());
    let (media, webhook) = (MediaFetching::default(), None);
    let draft = SessionDraft {
        id: id.clone(),
        name,
        metadata,
        props: props.clone(),
        presence_on_connect,
        pace,
        media,
        webhook,
    };
    store::insert(db.write(), draft, Timestamp::from_millis(0)).await.expect("a session");
    let settings =
        ConnectorSettings { url: Some(sim.url()), version: Some((2, 3000, 1_023_000_000)), ..Default::default() };
    let (clock, lifecycle) = (Clock::system(), Lifecycle::new());
    let journal = Journal::open(db.clone(), clock.clone(), &lifecycle).await.expect("a journal");
    let connector = Connector::new(db, journal, clock, settings, lifecycle);
    let Opened { connection, mut signals, .. } = connector.open(&id, &props, false).await.expect("keys");
    let run = Lifecycle::new().spawn(ShutdownPhase::Sessions, "connection", connection.run(presence_on_connect));
    let signal = signals.recv().await.expect("a connection always says how it ends");
    run.abort();
    signal
}

#[cfg(not(feature = "sandbox"))]
#[tokio::test]
async fn a_normal_build_refuses_the_simulators_handshake() {
    assert_eq!(outcome().await, Signal::Closed(Closing::HandshakeFailed));
}

#[cfg(feature = "sandbox")]
#[tokio::test]
async fn a_sandbox_build_takes_the_simulators_handshake() {
    assert_eq!(outcome().await, Signal::HandshakeDone);
    assert_ne!(Signal::HandshakeDone, Signal::Closed(Closing::HandshakeFailed));
}
