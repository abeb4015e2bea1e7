//! A look into the database: how many rows there are, whoever they belong to.

use std::collections::BTreeMap;

use sea_orm::{ConnectionTrait, DatabaseBackend, QueryResult, Statement};
use waypost::db::Db;

/// The tables of one server.
pub struct Tables(Db);

impl Tables {
    /// Those of this database.
    pub fn of(db: Db) -> Self {
        Self(db)
    }

    /// The tables that have rows, and how many. They are those that the database lists, so that none is forgotten.
    pub async fn rows(&self) -> BTreeMap<String, i64> {
        let list = match self.0.read().get_database_backend() {
            DatabaseBackend::Sqlite => "SELECT name FROM sqlite_master WHERE type = 'table'",
            _ => "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public'",
        };
        let mut rows = BTreeMap::new();
        for table in self.query(list).await {
            let table: String = table.try_get_by_index(0).expect("a name");
            if table.starts_with("sqlite_") || table.contains("migration") {
                continue;
            }
            let count = self.query(&format!("SELECT count(*) FROM {table}")).await;
            let count: i64 = count[0].try_get_by_index(0).expect("a number");
            if count > 0 {
                rows.insert(table, count);
            }
        }
        rows
    }

    /// Takes a table away from under the server's feet.
    pub async fn hide(&self, table: &str) {
        let sql = format!("ALTER TABLE {table} RENAME TO hidden_{table}");
        self.0.write().execute_unprepared(&sql).await.expect("it can be renamed");
    }

    /// Puts it back.
    pub async fn show(&self, table: &str) {
        let sql = format!("ALTER TABLE hidden_{table} RENAME TO {table}");
        self.0.write().execute_unprepared(&sql).await.expect("it can be renamed");
    }

    /// Changes what is in them, as nobody does.
    pub async fn run(&self, sql: &str) {
        self.0.write().execute_unprepared(sql).await.expect("it can be changed");
    }

    /// The texts that a query gives.
    pub async fn texts(&self, sql: &str) -> Vec<String> {
        self.query(sql).await.iter().map(|row| row.try_get_by_index(0).expect("a text")).collect()
    }

    /// The bytes that a query of one row gives, hex.
    pub async fn bytes(&self, sql: &str) -> String {
        let bytes: Vec<u8> = self.query(sql).await[0].try_get_by_index(0).expect("bytes");
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    async fn query(&self, sql: &str) -> Vec<QueryResult> {
        let statement = Statement::from_string(self.0.read().get_database_backend(), sql);
        self.0.read().query_all_raw(statement).await.expect("the tables can be read")
    }
}
