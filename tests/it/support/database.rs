//! Fresh databases with all tables: a SQLite file, or a database of its own on a PostgreSQL server.

#[cfg(feature = "sandbox")]
use std::collections::BTreeMap;
use std::ops::Deref;

#[cfg(feature = "sandbox")]
use entity::ids::SessionId;
#[cfg(feature = "sandbox")]
use entity::words::session::PresenceOnConnect;
use sea_orm::ConnectionTrait;
use tempfile::TempDir;
use uuid::Uuid;
#[cfg(feature = "sandbox")]
use waypost::account::DeviceProps;
#[cfg(feature = "sandbox")]
use waypost::clock::Clock;
use waypost::db::Db;
use waypost::db::sqlite::Synchronous;
#[cfg(feature = "sandbox")]
use waypost::session;

/// The variable that holds the URL of a PostgreSQL server where databases can be created.
const SERVER: &str = "WAYPOST_TEST_POSTGRES";
/// Connections of one test. Many tests share the server.
const CONNECTIONS: u32 = 4;

/// A new SQLite file. It goes with the directory, so keep that.
pub(crate) async fn sqlite() -> (Db, TempDir) {
    let directory = tempfile::tempdir().expect("a directory for the database");
    let db = Db::sqlite(&directory.path().join("waypost.db"), Synchronous::Normal).await.expect("a new SQLite file");
    db.migrate().await.expect("tables");
    (db, directory)
}

/// A new database on the PostgreSQL server.
///
/// # Panics
/// Without a server: a test that cannot run must not look as if it had passed.
pub(crate) async fn postgres() -> TestDatabase {
    let database = empty_postgres().await;
    database.migrate().await.expect("tables");
    database
}

/// A new database on the PostgreSQL server, without tables.
///
/// # Panics
/// As above.
pub(crate) async fn empty_postgres() -> TestDatabase {
    #[expect(clippy::disallowed_methods, reason = "tests have no configuration of their own")]
    let server = std::env::var(SERVER)
        .unwrap_or_else(|_| panic!("set {SERVER} to the URL of a PostgreSQL server where databases can be created"));
    let name = format!("waypost_test_{}", Uuid::now_v7().simple());
    run(&server, &format!("CREATE DATABASE {name}")).await;
    let db = Db::postgres(&database_url(&server, &name), CONNECTIONS).await.expect("the new database");
    TestDatabase { db, server, name }
}

/// Adds a session that nothing runs.
#[cfg(feature = "sandbox")]
pub(crate) async fn add_session(db: &Db, clock: &Clock, id: &SessionId) {
    let draft = session::store::SessionDraft {
        id: id.clone(),
        name: None,
        metadata: BTreeMap::new(),
        props: DeviceProps::default(),
        presence_on_connect: PresenceOnConnect::Unavailable,
        pace: session::types::SendPace::default(),
        media: session::types::MediaFetching::default(),
        webhook: None,
    };
    session::store::insert(db.write(), draft, clock.now()).await.expect("a session");
}

/// A database on the PostgreSQL server that is dropped with this value.
#[derive(Debug)]
pub(crate) struct TestDatabase {
    db: Db,
    server: String,
    name: String,
}

impl Deref for TestDatabase {
    type Target = Db;

    fn deref(&self) -> &Db {
        &self.db
    }
}

impl TestDatabase {
    /// Where it is, for whoever opens it by himself.
    pub(crate) fn url(&self) -> String {
        database_url(&self.server, &self.name)
    }

    /// Ends all connections to it and takes no new ones, which is what everybody sees of a server that restarts.
    #[cfg(feature = "sandbox")]
    pub(crate) async fn shut(&self) {
        let name = &self.name;
        run(&self.server, &format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false")).await;
        let end = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
        run(&self.server, &end).await;
    }

    /// How many processes run sessions on it.
    #[cfg(feature = "sandbox")]
    pub(crate) async fn claims(&self) -> usize {
        let sql = "SELECT 1 FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database \
                   WHERE locktype = 'advisory' AND granted AND mode = 'ExclusiveLock' AND datname = current_database()";
        let statement = sea_orm::Statement::from_string(self.db.read().get_database_backend(), sql);
        // The connections of this pool were ended with all the others.
        self.db.read().query_all_raw(statement).await.map_or(0, |rows| rows.len())
    }

    /// Ends the connection that claims it, and no other.
    #[cfg(feature = "sandbox")]
    pub(crate) async fn cut_claim(&self) {
        let sql = "SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database \
                   WHERE locktype = 'advisory' AND granted AND mode = 'ExclusiveLock' AND datname = current_database()";
        self.db.write().execute_unprepared(sql).await.expect("it is ours to end");
    }

    /// Takes connections again.
    #[cfg(feature = "sandbox")]
    pub(crate) async fn open(&self) {
        run(&self.server, &format!("ALTER DATABASE {} ALLOW_CONNECTIONS true", self.name)).await;
    }
}

/// On a thread of its own: a test may end, or panic, within a runtime that must not be blocked.
impl Drop for TestDatabase {
    fn drop(&mut self) {
        let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        let server = self.server.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(run(&server, &drop));
        });
        let _ = thread.join(); // A database that stays costs the next test nothing.
    }
}

async fn run(server: &str, statement: &str) {
    let db = Db::postgres(server, 1).await.unwrap_or_else(|error| panic!("{SERVER}: {error}"));
    db.write().execute_unprepared(statement).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
    db.close().await.expect("a closed connection");
}

/// The server's URL with another database in it.
fn database_url(server: &str, name: &str) -> String {
    let (address, options) = server.split_once('?').map_or((server, None), |(a, o)| (a, Some(o)));
    let start_of_path = address.find("://").map_or(0, |scheme| scheme + 3);
    let end_of_host = address[start_of_path..].find('/').map_or(address.len(), |slash| start_of_path + slash);
    let options = options.map_or_else(String::new, |options| format!("?{options}"));
    format!("{}/{name}{options}", &address[..end_of_host])
}
