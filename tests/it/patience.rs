//! What takes hours and days, on a clock that the tests move: receivers that are down, codes that expire, events that
//! get old. The rooms are the real ones, on a database of their own; only the server around them is not there.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use entity::ids::SessionId;
use entity::timestamp::Timestamp;
use entity::words::{DeliveryState, EventType};
use rstest::rstest;
use tempfile::TempDir;
use waypost::caller::Caller;
use waypost::clock::Clock;
use waypost::db::Db;
use waypost::event::body::EventBody;
use waypost::event::body::session::{OfflineSyncCompletedEvent, QrCodeEvent};
use waypost::event::journal::{Draft, Entry, Journal};
use waypost::event::retention::{self, Retention};
use waypost::event::store::{Selection, history};
use waypost::event::types::EventFilter;
use waypost::event::{self, Events};
use waypost::lifecycle::Lifecycle;
use waypost::session;
use waypost::session::types::DeviceProps;
use waypost::webhook::egress::{Egress, Networks};
use waypost::webhook::schedule::Schedule;
use waypost::webhook::types::{Delivery, DeliveryFilter, NewWebhook};
use waypost::webhook::{self, Webhooks, Which, lane};

use crate::support::database::{self, TestDatabase};
use crate::support::receiver::Receiver;
use crate::support::world::Kind;

/// Longest wait for a fact. Far above what it takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(40);
const HOUR: Duration = Duration::from_secs(60 * 60);

/// Journal, webhooks and a receiver, on a clock that stands still.
struct Office {
    db: Db,
    clock: Clock,
    lifecycle: Lifecycle,
    journal: Journal,
    webhooks: Webhooks,
    receiver: Receiver,
    which: Which,
    _directory: Option<TempDir>,
    _database: Option<TestDatabase>,
}

fn shop() -> SessionId {
    SessionId::parse("shop").expect("it is one")
}

impl Office {
    /// With a session that has one webhook.
    async fn new(kind: Kind, events: &[&str]) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default(); // another test was first
        let (db, directory, database) = match kind {
            Kind::Sqlite => {
                let (db, directory) = database::sqlite().await;
                (db, Some(directory), None)
            }
            Kind::Postgres => {
                let database = database::postgres().await;
                ((*database).clone(), None, Some(database))
            }
        };
        let (clock, lifecycle) = (Clock::manual(Timestamp::from_millis(1_767_143_000_000)), Lifecycle::new());
        let journal = Journal::open(db.clone(), clock.clone(), &lifecycle).await.expect("a journal");
        let deps = webhook::Deps {
            db: db.clone(),
            journal: journal.clone(),
            egress: Egress::new(Networks::parse("127.0.0.0/8").expect("a network")).expect("a client"),
            clock: clock.clone(),
            lifecycle: lifecycle.clone(),
        };
        let settings = webhook::Settings { schedule: Schedule::default(), limit: Duration::from_secs(15) };
        let webhooks = Webhooks::open(deps, settings).await.expect("webhooks");
        let draft = session::store::Draft {
            id: shop(),
            name: None,
            metadata: BTreeMap::new(),
            props: DeviceProps::default(),
            webhook: None,
        };
        session::store::insert(db.write(), draft, clock.now()).await.expect("a session");
        let receiver = Receiver::start().await;
        let new = NewWebhook {
            url: receiver.url("/hook"),
            events: Some(events.iter().map(|word| (*word).to_owned()).collect()),
            secret: None,
            headers: None,
            filters: None,
            ordered: None,
        };
        let webhook = webhooks.create(&Caller::admin(), Some(shop()), new).await.expect("a webhook");
        let which = Which { session_id: Some(shop()), id: webhook.id };
        Self { db, clock, lifecycle, journal, webhooks, receiver, which, _directory: directory, _database: database }
    }

    /// Something happens; the counts tell which it was.
    async fn happens(&self, count: i32) {
        self.write(&EventBody::OfflineSyncCompleted(OfflineSyncCompletedEvent { count })).await;
    }

    async fn write(&self, body: &EventBody) {
        let draft = Draft::new(shop(), body, self.clock.now()).expect("it is JSON");
        self.journal.record(Entry { events: vec![draft], ..Entry::default() }).await.expect("it is written");
    }

    /// Lets time pass in steps; after each, all that was due is done.
    async fn pass(&self, steps: u32, step: Duration) {
        for _ in 0..steps {
            self.clock.advance(step);
            self.rests().await;
        }
    }

    /// Until nothing is due: all events were turned into deliveries, and no lane waits or is worked.
    async fn rests(&self) {
        let begun = Instant::now();
        loop {
            let seen = event::store::bookmark(self.db.read(), event::store::DISPATCHED).await.expect("a bookmark");
            let newest = event::store::newest(self.db.read()).await.expect("the journal");
            let is_dispatched = newest.is_none_or(|newest| seen.is_some_and(|seen| seen >= newest));
            if is_dispatched && lane::is_idle(self.db.read(), self.clock.now()).await.expect("the lanes") {
                return;
            }
            self.webhooks.look();
            assert!(begun.elapsed() < LIMIT, "deliveries do not come to rest");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    async fn deliveries(&self, state: Option<DeliveryState>) -> Vec<Delivery> {
        let filter = DeliveryFilter { state, event: None };
        let page = self.webhooks.deliveries(&Caller::admin(), &self.which, filter, Some(100), None).await;
        let mut deliveries = page.expect("a list").deliveries;
        deliveries.reverse();
        deliveries
    }

    async fn types(&self) -> Vec<EventType> {
        let events = history(self.db.read(), &Selection::default(), 0, None, 1000).await.expect("the journal");
        events.iter().map(|event| event.event_type).collect()
    }

    /// The counts that came with success, in order.
    fn came(&self) -> Vec<i64> {
        self.receiver
            .received()
            .iter()
            .map(|received| received.json()["data"]["count"].as_i64().expect("one"))
            .collect()
    }

    async fn close(self) {
        self.lifecycle.workers().cancel();
        self.lifecycle.drained().await;
    }
}

#[rstest]
#[tokio::test]
async fn a_receiver_that_is_down_for_an_hour_gets_everything_once_it_is_back(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let office = Office::new(kind, &["offline_sync_completed"]).await;
    office.receiver.always(503);
    for count in 0..12 {
        office.happens(count).await;
        office.pass(5, Duration::from_secs(60)).await;
    }
    // Only the first was tried: after 5 s, 30 s, 5 min and 30 min, a fifth more or less.
    let waiting = office.deliveries(Some(DeliveryState::Pending)).await;
    assert_eq!(waiting.len(), 12);
    assert!((4..=5).contains(&waiting[0].attempts.len()), "{}", waiting[0].attempts.len());
    assert!(waiting[1..].iter().all(|delivery| delivery.attempts.is_empty()));
    let before = office.came().len();
    let webhook = office.webhooks.find(&Caller::admin(), &office.which).await.expect("it is there");
    assert!(webhook.failing_since.is_some() && webhook.enabled);
    office.receiver.always(200);
    office.pass(36, Duration::from_secs(5 * 60)).await;
    let came = office.came().split_off(before);
    assert_eq!(came, (0..12).collect::<Vec<_>>());
    assert_eq!(office.deliveries(Some(DeliveryState::Delivered)).await.len(), 12);
    let webhook = office.webhooks.find(&Caller::admin(), &office.which).await.expect("it is there");
    assert_eq!(webhook.failing_since, None);
    office.close().await;
}

#[tokio::test]
async fn a_receiver_that_fails_for_five_days_is_switched_off_and_that_is_said() {
    let office = Office::new(Kind::Sqlite, &["offline_sync_completed"]).await;
    office.receiver.always(500);
    office.happens(0).await;
    office.pass(4 * 24 + 12, HOUR).await;
    // Ten attempts, over two days and 21 hours.
    let dead = office.deliveries(Some(DeliveryState::Dead)).await;
    assert_eq!(dead.iter().map(|delivery| delivery.attempts.len()).collect::<Vec<_>>(), [10]);
    assert!(!office.types().await.contains(&EventType::WebhookDisabled));
    office.happens(1).await;
    // Five days are over in 12 h. Its seventh attempt comes in 11 to 15 h, its eighth up to 15 h later.
    office.pass(30, HOUR).await;
    let webhook = office.webhooks.find(&Caller::admin(), &office.which).await.expect("it is there");
    assert_eq!((webhook.enabled, webhook.last_error.as_deref()), (false, Some("the receiver answered 500")));
    assert_eq!(office.types().await.iter().filter(|event| **event == EventType::WebhookDisabled).count(), 1);
    let tried = office.came().len();
    office.pass(48, HOUR).await;
    assert_eq!(office.came().len(), tried, "it is left alone");
    // What waited for it comes when it is switched on.
    office.receiver.always(200);
    office.webhooks.enable(&Caller::admin(), &office.which).await.expect("it is there");
    office.rests().await;
    assert_eq!(office.came().split_off(tried), [1]);
    office.close().await;
}

#[tokio::test]
async fn a_code_that_expired_is_not_delivered_any_more() {
    let office = Office::new(Kind::Sqlite, &["qr_code", "offline_sync_completed"]).await;
    let expires_at = office.clock.now().after(Duration::from_secs(60));
    office.receiver.always(503);
    office.write(&EventBody::QrCode(QrCodeEvent { code: "2@a".to_owned(), expires_at })).await;
    office.happens(1).await;
    office.rests().await;
    office.receiver.always(200);
    office.pass(1, Duration::from_secs(90)).await;
    let states: Vec<_> = office.deliveries(None).await.iter().map(|delivery| delivery.state).collect();
    assert_eq!(states, [DeliveryState::Expired, DeliveryState::Delivered]);
    let words: Vec<_> = office.receiver.received().iter().map(|received| received.json()["event"].clone()).collect();
    assert_eq!(words, ["qr_code", "offline_sync_completed"], "the one attempt before it expired");
    office.close().await;
}

#[rstest]
#[tokio::test]
async fn what_is_old_goes_but_not_what_a_delivery_needs(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let office = Office::new(kind, &["offline_sync_completed"]).await;
    for count in 0..5 {
        office.happens(count).await;
    }
    office.rests().await;
    office.receiver.always(503);
    office.happens(5).await;
    office.clock.advance(HOUR);
    office.happens(6).await;
    office.rests().await;
    let events = Events::new(office.db.clone(), office.journal.clone(), office.clock.clone(), office.lifecycle.clone());
    let page = events.list(&Caller::admin(), EventFilter::default(), None, Some(2)).await.expect("a page");
    let settings = retention::Settings { age: Duration::from_secs(30 * 60), rows: 1_000 };
    let retention = Retention { db: office.db.clone(), clock: office.clock.clone(), settings };
    assert_eq!(retention.run_once().await.expect("it looks"), 5);
    assert_eq!(retention.run_once().await.expect("it looks"), 0);
    let left = events.list(&Caller::admin(), EventFilter::default(), None, None).await.expect("a page").events;
    assert_eq!(left.iter().map(|event| event.sequence).collect::<Vec<_>>(), [6, 7], "one old, one new");
    let expired = events.list(&Caller::admin(), EventFilter::default(), page.next_cursor, None).await;
    assert!(expired.is_err(), "a gap is not passed over in silence");
    assert_eq!(office.deliveries(None).await.len(), 2);
    // Once it is delivered it may go.
    office.receiver.always(200);
    office.pass(1, Duration::from_secs(10)).await;
    assert_eq!(retention.run_once().await.expect("it looks"), 1);
    // By rows: the newest are kept.
    for count in 7..20 {
        office.happens(count).await;
    }
    office.rests().await;
    let settings = retention::Settings { rows: 4, ..settings };
    let retention = Retention { db: office.db.clone(), clock: office.clock.clone(), settings };
    assert_eq!(retention.run_once().await.expect("it looks"), 10);
    office.happens(20).await;
    let left = events.list(&Caller::admin(), EventFilter::default(), None, None).await.expect("a page").events;
    assert_eq!(left.iter().map(|event| event.sequence).collect::<Vec<_>>(), [17, 18, 19, 20, 21]);
    office.close().await;
}
