//! Writes that are made together, in one transaction, or not at all.

use sea_orm::sea_query::{DeleteStatement, InsertStatement, UpdateStatement};
use sea_orm::{
    ActiveModelTrait, DbBackend, DbErr, DeleteMany, EntityTrait, Insert, InsertMany, QueryResult, QueryTrait,
    Statement, StatementBuilder, TryGetableMany, UpdateMany, Value, Values,
};

use crate::db::bind::Bind;
use crate::db::text;

/// A list of writes, none of which needs to know what came of those before it. It is no connection: nothing can be asked of it.
#[derive(Debug)]
pub struct Batch {
    backend: DbBackend,
    steps: Vec<Step>,
    /// Why it cannot be run, if it cannot.
    refusal: Option<DbErr>,
}

/// A row that a batch gives: its statements return a text and a number, or nothing.
pub type Pair = (String, i64);

/// What a statement gave, as such a row.
pub(super) fn pair(row: &QueryResult) -> Result<Pair, DbErr> {
    Ok(TryGetableMany::try_get_many_by_index(row)?)
}

/// A write that a batch takes.
#[derive(Debug)]
pub enum WriteStatement {
    /// Inserts rows.
    Insert(InsertStatement),
    /// Changes rows.
    Update(UpdateStatement),
    /// Deletes rows.
    Delete(DeleteStatement),
}

/// Whether a statement may write fewer rows than it is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shortfall {
    /// It may.
    Fine,
    /// The batch has then failed with `RecordNotInserted`.
    Fails,
}

/// A statement of a batch, as it is run.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) sql: String,
    pub(super) binds: Vec<Bind>,
    /// If it writes fewer rows, the batch has failed with `RecordNotInserted`.
    pub(super) rows_at_least: u64,
}

impl Step {
    /// The same for a connection that runs one statement after the other.
    pub(super) fn into_statement(self, backend: DbBackend) -> Statement {
        Statement::from_sql_and_values(backend, self.sql, self.binds.into_iter().map(Value::from))
    }
}

impl Batch {
    pub(super) const fn new(backend: DbBackend) -> Self {
        Self { backend, steps: Vec::new(), refusal: None }
    }

    /// The database that it is for.
    pub(crate) const fn backend(&self) -> DbBackend {
        self.backend
    }

    /// Adds a write.
    pub fn push(&mut self, write: impl Into<WriteStatement>) {
        let Statement { sql, values, db_backend: _ } = match write.into() {
            WriteStatement::Insert(insert) => StatementBuilder::build(&insert, &self.backend),
            WriteStatement::Update(update) => StatementBuilder::build(&update, &self.backend),
            WriteStatement::Delete(delete) => StatementBuilder::build(&delete, &self.backend),
        };
        self.push_sql(sql, values.map_or_else(Vec::new, |Values(values)| values), 0);
    }

    /// Adds writes.
    pub fn extend(&mut self, writes: impl IntoIterator<Item: Into<WriteStatement>>) {
        writes.into_iter().for_each(|write| self.push(write));
    }

    pub(super) fn push_sql(&mut self, sql: String, values: Vec<Value>, rows_at_least: u64) {
        let fitted = values.into_iter().map(|value| Bind::try_from(text::cleaned_value(value)));
        match fitted.collect() {
            Ok(binds) => self.steps.push(Step { sql, binds, rows_at_least }),
            Err(refusal) => self.refusal = self.refusal.take().or(Some(refusal)),
        }
    }

    /// # Errors
    /// One of its values is of a kind, or of a size, that not both databases have.
    pub(super) fn into_steps(self) -> Result<Vec<Step>, DbErr> {
        self.refusal.map_or(Ok(self.steps), Err)
    }
}

impl From<InsertStatement> for WriteStatement {
    fn from(insert: InsertStatement) -> Self {
        Self::Insert(insert)
    }
}

impl From<UpdateStatement> for WriteStatement {
    fn from(update: UpdateStatement) -> Self {
        Self::Update(update)
    }
}

impl From<DeleteStatement> for WriteStatement {
    fn from(delete: DeleteStatement) -> Self {
        Self::Delete(delete)
    }
}

impl<A: ActiveModelTrait> From<Insert<A>> for WriteStatement {
    fn from(insert: Insert<A>) -> Self {
        Self::Insert(insert.into_query())
    }
}

impl<A: ActiveModelTrait> From<InsertMany<A>> for WriteStatement {
    fn from(insert: InsertMany<A>) -> Self {
        Self::Insert(insert.into_query())
    }
}

impl<E: EntityTrait> From<UpdateMany<E>> for WriteStatement {
    fn from(update: UpdateMany<E>) -> Self {
        Self::Update(update.into_query())
    }
}

impl<E: EntityTrait> From<DeleteMany<E>> for WriteStatement {
    fn from(delete: DeleteMany<E>) -> Self {
        Self::Delete(delete.into_query())
    }
}
