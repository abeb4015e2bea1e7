//! Statements that are run together, when all of them are there.

use async_trait::async_trait;
use parking_lot::Mutex;
use sea_orm::sqlx::sqlite::SqliteQueryResult;
use sea_orm::{ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, Statement};

use crate::db::text::cleaned;

/// Takes statements like a transaction, and only notes them: of each it says that it has changed nothing, and it has no
/// rows to give. For what need not know before it goes on. [`Work::finish`](super::Work::finish) runs it.
#[derive(Debug)]
pub struct Batch {
    backend: DbBackend,
    steps: Mutex<Vec<Step>>,
}

/// A row that a batch gives.
pub type Pair = (String, i64);

/// A statement of a batch.
#[derive(Debug)]
pub struct Step {
    /// What is run.
    pub statement: Statement,
    /// With PostgreSQL: if it writes fewer rows, the batch has failed with `RecordNotInserted`.
    pub rows_at_least: u64,
}

impl From<Statement> for Step {
    fn from(statement: Statement) -> Self {
        Self { statement, rows_at_least: 0 }
    }
}

impl Batch {
    pub(super) fn new(backend: DbBackend) -> Self {
        Self { backend, steps: Mutex::default() }
    }

    /// Adds statements.
    pub fn extend(&self, steps: impl IntoIterator<Item: Into<Step>>) {
        self.steps.lock().extend(steps.into_iter().map(Into::into));
    }

    pub(super) fn into_steps(self) -> Vec<Step> {
        let clean = |Step { statement, rows_at_least }| Step { statement: cleaned(statement), rows_at_least };
        self.steps.into_inner().into_iter().map(clean).collect()
    }
}

#[async_trait]
impl ConnectionTrait for Batch {
    fn get_database_backend(&self) -> DbBackend {
        self.backend
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.steps.lock().push(statement.into());
        Ok(ExecResult::from(SqliteQueryResult::default()))
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.execute_raw(Statement::from_string(self.backend, sql)).await
    }

    async fn query_one_raw(&self, _: Statement) -> Result<Option<QueryResult>, DbErr> {
        Err(no_answer())
    }

    async fn query_all_raw(&self, _: Statement) -> Result<Vec<QueryResult>, DbErr> {
        Err(no_answer())
    }
}

fn no_answer() -> DbErr {
    DbErr::Custom("a batch gives no rows before it is run".to_owned())
}
