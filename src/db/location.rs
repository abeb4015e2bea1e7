//! Where the database is.

use std::path::Path;
use std::sync::Arc;

use sea_orm::sqlx::postgres::PgConnectOptions;

use crate::db::claimant::Claimant;
use crate::db::pool::Pool;

/// Where the database is.
#[derive(Clone, Debug)]
pub(super) enum Location {
    File(Arc<Path>),
    Server(Arc<Server>),
}

/// A PostgreSQL server: its connections, how to make one more, and which one claims the database.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) pool: Pool,
    pub(super) options: PgConnectOptions,
    pub(super) claimant: Claimant,
}
