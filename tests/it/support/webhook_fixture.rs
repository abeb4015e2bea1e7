//! Journal, webhooks and a receiver on a database of their own, on a clock that the tests move: the real services, without the
//! server around them.

use std::time::{Duration, Instant};

use entity::ids::{SessionId, WebhookId};
use entity::timestamp::Timestamp;
use entity::words::event::EventType;
use entity::words::webhook::DeliveryState;
use sea_orm::ConnectionTrait;
use tempfile::TempDir;
use waypost::caller::Caller;
use waypost::clock::Clock;
use waypost::db::Db;
use waypost::egress::Egress;
use waypost::egress::networks::Networks;
use waypost::error::Result;
use waypost::event::body::EventBody;
use waypost::event::body::session::{OfflineSyncCompletedEvent, SessionDeletedEvent};
use waypost::event::entry::{JournalEntry, NewEvent};
use waypost::event::journal::Journal;
use waypost::event::record::Selection;
use waypost::event::retention::{self, Retention};
use waypost::event::store::history;
use waypost::event::types::{Cursor, EventFilter, EventSlice, PageSize};
use waypost::event::{self, Events};
use waypost::lifecycle::Lifecycle;
use waypost::session;
use waypost::webhook::delivery::lane_store;
use waypost::webhook::delivery::retry_schedule::RetrySchedule;
use waypost::webhook::types::{Delivery, DeliveryFilter, NewWebhook, Webhook};
use waypost::webhook::{self, Webhooks, Which};

use crate::support::database::{self, TestDatabase};
use crate::support::log::Errors;
use crate::support::receiver::Receiver;
use crate::support::world::Kind;

/// Longest wait for a fact. Far above what it takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(40);
/// An hour.
pub const HOUR: Duration = Duration::from_secs(60 * 60);

/// Journal, webhooks and a receiver, on a clock that stands still.
pub struct WebhookFixture {
    /// The database.
    pub db: Db,
    /// It stands still until it is moved.
    pub clock: Clock,
    /// What the tasks end with.
    pub lifecycle: Lifecycle,
    /// The journal.
    pub journal: Journal,
    /// The service.
    pub webhooks: Webhooks,
    /// Where the first webhook goes.
    pub receiver: Receiver,
    /// The first webhook.
    pub which: Which,
    errors: Errors,
    _directory: Option<TempDir>,
    _database: Option<TestDatabase>,
}

/// The session that every fixture has.
pub fn shop() -> SessionId {
    SessionId::parse("shop").expect("it is one")
}

/// A webhook that posts these events there.
pub fn to(url: &str, events: &[&str]) -> NewWebhook {
    let events = events.iter().map(|word| (*word).to_owned()).collect();
    NewWebhook { url: url.to_owned(), events: Some(events), ..NewWebhook::default() }
}

impl WebhookFixture {
    /// With a session that has one webhook.
    pub async fn new(kind: Kind, events: &[&str]) -> Self {
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
        Self { _directory: directory, _database: database, ..Self::on(db, events).await }
    }

    /// With a way of its own to a database.
    pub async fn through(url: &str, database: TestDatabase, events: &[&str]) -> Self {
        let db = Db::postgres(url, 4).await.expect("the database");
        Self { _database: Some(database), ..Self::on(db, events).await }
    }

    async fn on(db: Db, events: &[&str]) -> Self {
        let errors = Errors::keep();
        let _ = rustls::crypto::ring::default_provider().install_default(); // another test was first
        let (clock, lifecycle) = (Clock::manual(Timestamp::from_millis(1_767_143_000_000)), Lifecycle::new());
        let journal = Journal::open(db.clone(), clock.clone(), &lifecycle).await.expect("a journal");
        let deps = webhook::Deps {
            db: db.clone(),
            journal: journal.clone(),
            egress: Egress::new(Networks::parse("127.0.0.0/8").expect("a network")),
            clock: clock.clone(),
            lifecycle: lifecycle.clone(),
        };
        let limit = Duration::from_secs(15);
        let settings =
            webhook::DeliverySettings { schedule: RetrySchedule::default(), limit, refusals: webhook::REFUSALS };
        let webhooks = Webhooks::open(deps, settings).await.expect("webhooks");
        database::add_session(&db, &clock, &shop()).await;
        let receiver = Receiver::start().await;
        let new = to(&receiver.url("/hook"), events);
        let webhook = webhooks.create(&Caller::admin(), Some(shop()), new).await.expect("a webhook");
        let which = Which { session_id: Some(shop()), id: webhook.id };
        let (_directory, _database) = (None, None);
        Self { db, clock, lifecycle, journal, webhooks, receiver, which, errors, _directory, _database }
    }

    /// Another session.
    pub async fn session(&self, id: &str) -> SessionId {
        let id = SessionId::parse(id).expect("it is one");
        database::add_session(&self.db, &self.clock, &id).await;
        id
    }

    /// Another webhook for what the counts tell, of this session or of all.
    pub async fn webhook(&self, session: Option<&SessionId>, url: &str) -> Webhook {
        let new = to(url, &["offline_sync_completed"]);
        self.webhooks.create(&Caller::admin(), session.cloned(), new).await.expect("a webhook")
    }

    /// Lets so many more deliveries of a webhook that has one wait for their next attempt in an hour.
    pub async fn pile_up(&self, webhook: &WebhookId, count: u32) {
        let numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ";
        let due_at = self.clock.now().after(HOUR).millis();
        let sql = format!(
            "INSERT INTO delivery (id, webhook_id, session_id, position, sort_key, event_type, state, attempts, due_at, \
             created_at) {numbers}{count}) SELECT d.id || '_' || n.i, d.webhook_id, d.session_id, d.position, d.sort_key, d.event_type, \
             'pending', 0, {due_at}, d.created_at FROM n, delivery d WHERE d.webhook_id = '{webhook}'"
        );
        self.db.write().execute_unprepared(&sql).await.expect("they are written");
    }

    /// The first webhook as it is now.
    pub async fn shown(&self) -> Webhook {
        self.webhooks.find(&Caller::admin(), &self.which).await.expect("it is there")
    }

    /// Something happens; the counts tell which it was.
    pub async fn happens(&self, count: i32) {
        self.happens_on(&shop(), count).await;
    }

    /// Something happens on this session.
    pub async fn happens_on(&self, session: &SessionId, count: i32) {
        let body = EventBody::OfflineSyncCompleted(OfflineSyncCompletedEvent { count });
        self.write_on(session, &body).await;
    }

    /// This happens.
    pub async fn write(&self, body: &EventBody) {
        self.write_on(&shop(), body).await;
    }

    async fn write_on(&self, session: &SessionId, body: &EventBody) {
        let draft = NewEvent::new(session.clone(), body, self.clock.now()).expect("it is JSON");
        self.journal
            .write(JournalEntry { events: vec![draft], ..JournalEntry::default() })
            .await
            .expect("it is written");
    }

    /// What a reader of the journal calls.
    pub fn events(&self) -> Events {
        Events::new(self.db.clone(), self.journal.clone(), self.clock.clone(), self.lifecycle.clone())
    }

    /// What somebody gets who reads the journal from here on.
    pub async fn reads(&self, types: &[EventType], after: Option<Cursor>, size: u32) -> Result<EventSlice> {
        let filter = EventFilter { types: types.to_vec(), ..EventFilter::default() };
        self.events().page(&Caller::admin(), filter, after, PageSize::new("limit", size)?).await
    }

    /// Drops what is older than an hour.
    pub async fn forgets(&self) -> u64 {
        let settings = retention::RetentionSettings { age: HOUR, rows: 1_000 };
        let retention = Retention { db: self.db.clone(), clock: self.clock.clone(), settings };
        retention.run_once().await.expect("it looks")
    }

    /// Lets time pass in steps; after each, all that was due is done.
    pub async fn pass(&self, steps: u32, step: Duration) {
        // A step is longer than a lane may be worked: what is under way must not look as if nobody were at it.
        self.rests().await;
        for _ in 0..steps {
            self.clock.advance(step);
            self.rests().await;
        }
    }

    /// Until nothing is due: all events were turned into deliveries, and no lane waits or is worked.
    pub async fn rests(&self) {
        let begun = Instant::now();
        loop {
            let seen = event::store::bookmark(self.db.read(), event::store::FANNED_OUT).await.expect("a bookmark");
            let newest = event::store::newest(self.db.read()).await.expect("the journal");
            let is_fanned_out = newest.is_none_or(|newest| seen.is_some_and(|seen| seen >= newest));
            if is_fanned_out && lane_store::is_idle(self.db.read(), self.clock.now()).await.expect("the lanes") {
                return;
            }
            self.webhooks.wake_scheduler();
            assert!(begun.elapsed() < LIMIT, "deliveries do not come to rest");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Those of the first webhook, oldest first.
    pub async fn deliveries(&self, state: Option<DeliveryState>) -> Vec<Delivery> {
        let filter = DeliveryFilter { state, event: None };
        let page = self.webhooks.deliveries(&Caller::admin(), &self.which, filter, Some(100), None).await;
        let mut deliveries = page.expect("a list").deliveries;
        deliveries.reverse();
        deliveries
    }

    /// What the journal has.
    pub async fn types(&self) -> Vec<EventType> {
        let events = history(self.db.read(), &Selection::default(), 0, None, 1000).await.expect("the journal");
        events.iter().map(|event| event.event_type).collect()
    }

    /// The counts that came with success, in order.
    pub fn came(&self) -> Vec<i64> {
        self.receiver
            .received()
            .iter()
            .map(|received| received.json()["data"]["count"].as_i64().expect("one"))
            .collect()
    }

    /// Deletes a session, as the service does when its actor has ended.
    pub async fn delete(&self, id: &SessionId) {
        let body = EventBody::SessionDeleted(SessionDeletedEvent { name: None, created_at: self.clock.now() });
        let events = vec![NewEvent::new(id.clone(), &body, self.clock.now()).expect("it is JSON")];
        let last = Some(session::store::deletion(id));
        self.journal.write(JournalEntry { events, last, ..JournalEntry::default() }).await.expect("it is written");
        self.journal.demand().forget(id);
    }

    /// Ends its tasks. Nothing was an error.
    pub async fn close(self) {
        self.close_after("").await;
    }

    /// Ends its tasks. Nothing but this was an error.
    pub async fn close_after(self, error: &str) {
        assert!(self.lifecycle.shut_down(LIMIT).await, "it ends in time");
        let others: Vec<_> = self
            .errors
            .text()
            .lines()
            .filter(|line| error.is_empty() || !line.contains(error))
            .map(str::to_owned)
            .collect();
        assert_eq!(others, Vec::<String>::new());
    }
}
