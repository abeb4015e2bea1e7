//! Where the measured server keeps its data: a fresh place per run, gone at the end.

use std::path::{Path, PathBuf};

use anyhow::Context;
use sea_orm::{ConnectionTrait, Database, DatabaseBackend, DatabaseConnection, Statement};

/// A kind of database that a bench is run on.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// A file in the data directory.
    Sqlite,
    /// A database of its own on the PostgreSQL server at this address.
    Postgres(String),
}

impl Kind {
    /// As it is written in the tables.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres(_) => "PostgreSQL",
        }
    }

    /// An empty place for one run.
    pub(crate) async fn prepare(&self) -> anyhow::Result<Storage> {
        let directory = tempfile::Builder::new().prefix("waypost-bench-").tempdir()?;
        let database = match self {
            Self::Sqlite => None,
            Self::Postgres(admin_url) => {
                let name = directory.path().file_name().and_then(|name| name.to_str()).context("a name in UTF-8")?;
                Some(Postgres::create(admin_url, &name.to_lowercase()).await?)
            }
        };
        Ok(Storage { directory, database })
    }
}

/// One run's data directory and database.
#[derive(Debug)]
pub(crate) struct Storage {
    directory: tempfile::TempDir,
    database: Option<Postgres>,
}

#[derive(Debug)]
struct Postgres {
    admin: DatabaseConnection,
    admin_url: String,
    name: String,
    url: String,
}

impl Storage {
    /// Where logs may be written too.
    pub(crate) fn log(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The server's flags for it.
    pub(crate) fn arguments(&self) -> Vec<String> {
        let mut arguments = vec!["--data-dir".to_owned(), self.data().display().to_string()];
        if let Some(database) = &self.database {
            arguments.extend(["--database-url".to_owned(), database.url.clone()]);
        }
        arguments
    }

    /// Bytes on the disk now, with SQLite's write-ahead log as it happens to be.
    pub(crate) async fn bytes(&self) -> anyhow::Result<u64> {
        match &self.database {
            Some(database) => database.bytes().await,
            None => directory_bytes(&self.data()),
        }
    }

    /// Removes everything. Dropping does the same and keeps what went wrong to itself.
    pub(crate) fn discard(self) -> anyhow::Result<()> {
        drop(self.database);
        Ok(self.directory.close()?)
    }

    fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }
}

impl Postgres {
    async fn create(admin_url: &str, name: &str) -> anyhow::Result<Self> {
        let admin = Database::connect(admin_url).await.context("PostgreSQL cannot be reached")?;
        admin.execute_unprepared(&format!(r#"CREATE DATABASE "{name}""#)).await?;
        let url = with_database(admin_url, name);
        Ok(Self { admin, admin_url: admin_url.to_owned(), name: name.to_owned(), url })
    }

    async fn bytes(&self) -> anyhow::Result<u64> {
        let statement = Statement::from_sql_and_values(
            DatabaseBackend::Postgres,
            "SELECT pg_database_size($1)",
            [self.name.as_str().into()],
        );
        let row = self.admin.query_one_raw(statement).await?.context("PostgreSQL knows no size")?;
        Ok(u64::try_from(row.try_get_by_index::<i64>(0)?)?)
    }
}

/// The database goes even when the bench is stopped half-way, where nothing can be awaited any more.
impl Drop for Postgres {
    fn drop(&mut self) {
        let (admin_url, name) = (self.admin_url.clone(), self.name.clone());
        let dropped = std::thread::spawn(move || drop_database(&admin_url, &name)).join();
        if !matches!(dropped, Ok(Ok(()))) {
            eprintln!("the database {} is left behind: {dropped:?}", self.name);
        }
    }
}

fn drop_database(admin_url: &str, name: &str) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let admin = Database::connect(admin_url).await?;
        admin.execute_unprepared(&format!(r#"DROP DATABASE "{name}" WITH (FORCE)"#)).await?;
        Ok(admin.close().await?)
    })
}

/// The same server and user, another database.
fn with_database(url: &str, name: &str) -> String {
    let (address, query) =
        url.split_once('?').map_or((url, String::new()), |(left, right)| (left, format!("?{right}")));
    let host_begins = address.find("://").map_or(0, |at| at + 3);
    let host_ends = address[host_begins..].find('/').map_or(address.len(), |at| host_begins + at);
    format!("{}/{name}{query}", &address[..host_ends])
}

fn directory_bytes(directory: &Path) -> anyhow::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes += if metadata.is_dir() { directory_bytes(&entry.path())? } else { metadata.len() };
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::with_database;

    #[test]
    fn a_fresh_database_keeps_server_user_and_options() {
        assert_eq!(with_database("postgres://a:b@h:5433/postgres?x=1", "n"), "postgres://a:b@h:5433/n?x=1");
        assert_eq!(with_database("postgres://h", "n"), "postgres://h/n");
    }
}
