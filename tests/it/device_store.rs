//! The device store, against the laws of the library's `Backend`. The library's own in-memory store is the reference:
//! what it does is what is expected, except where it breaks its own documentation; the tests say where.

use std::sync::Arc;

use entity::ids::SessionId;
use entity::session;
use entity::timestamp::Timestamp;
use entity::words::session::{DesiredState, MediaFetch, PresenceOnConnect, SessionStatus, StatusReason};
use sea_orm::{DatabaseConnection, EntityTrait};
use tempfile::TempDir;
use wacore::store::InMemoryBackend;
use wacore::store::traits::Backend;
use waypost::clock::Clock;
use waypost::db::Db;
use waypost::event::journal::Journal;
use waypost::lifecycle::Lifecycle;
use waypost::whatsapp::device_store::DeviceStore;

use crate::support::database::{self, TestDatabase};

mod given;
mod laws;
#[cfg(feature = "sandbox")]
mod one_sender;
mod property;
mod scope;
mod timers;

/// What a law is tested on.
#[derive(Clone, Copy, Debug)]
enum On {
    Reference,
    Sqlite,
    Postgres,
}

/// A fresh, empty store.
struct Stage {
    store: Arc<dyn Backend>,
    _keep: Option<Base>,
}

impl Stage {
    async fn on(on: On) -> Self {
        match on {
            On::Reference => Self { store: Arc::new(InMemoryBackend::new()), _keep: None },
            On::Sqlite | On::Postgres => {
                let base = Base::on(on).await;
                Self { store: Arc::new(base.store("a").await), _keep: Some(base) }
            }
        }
    }
}

/// A database, for tests of what only a database can do.
struct Base {
    database: Database,
    journal: Journal,
    _lifecycle: Lifecycle,
}

enum Database {
    Sqlite { db: Db, directory: TempDir },
    Postgres(TestDatabase),
}

impl Base {
    async fn on(on: On) -> Self {
        let database = match on {
            On::Reference => unreachable!("the reference has no database"),
            On::Sqlite => {
                let (db, directory) = database::sqlite().await;
                Database::Sqlite { db, directory }
            }
            On::Postgres => Database::Postgres(database::postgres().await),
        };
        let lifecycle = Lifecycle::new();
        let journal = Journal::open(database.db().clone(), Clock::system(), &lifecycle).await.expect("a journal");
        Self { database, journal, _lifecycle: lifecycle }
    }

    fn db(&self) -> &Db {
        self.database.db()
    }

    /// A connection of its own, for what takes only those of the database library.
    async fn connection(&self) -> DatabaseConnection {
        let url = match &self.database {
            Database::Sqlite { directory, .. } => format!("sqlite://{}/waypost.db", directory.path().display()),
            Database::Postgres(database) => database.url(),
        };
        sea_orm::Database::connect(url).await.expect("a connection")
    }

    /// The store of a session that is there, or is not.
    fn at(&self, id: &str) -> DeviceStore {
        DeviceStore::new(self.db().clone(), self.journal.clone(), SessionId::parse(id).expect("a session id"))
    }

    /// The store of a new session.
    async fn store(&self, id: &str) -> DeviceStore {
        let id = SessionId::parse(id).expect("a session id");
        let now = Timestamp::from_millis(1_700_000_000_000);
        let row = session::ActiveModel::from(session::Model {
            id: id.clone(),
            name: None,
            metadata: sea_orm::JsonValue::Object(serde_json::Map::new()),
            desired: DesiredState::Online,
            status: SessionStatus::Disconnected,
            reason: StatusReason::Starting,
            since: now,
            banned_until: None,
            phone_number: None,
            lid: None,
            device_id: None,
            push_name: None,
            device_os: None,
            device_platform: None,
            device_version: None,
            presence_on_connect: PresenceOnConnect::Unavailable,
            send_rate: None,
            send_burst: None,
            media_fetch: MediaFetch::Lazy,
            media_max_bytes: None,
            created_at: now,
            updated_at: now,
            last_connected_at: None,
        });
        session::Entity::insert(row).exec_without_returning(self.db().write()).await.expect("a session");
        self.at(id.as_str())
    }
}

impl Database {
    fn db(&self) -> &Db {
        match self {
            Self::Sqlite { db, .. } => db,
            Self::Postgres(db) => db,
        }
    }
}
