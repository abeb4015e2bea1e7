//! Where the database is.

use std::path::Path;
use std::sync::Arc;

use sea_orm::DatabaseConnection;
use sea_orm::sqlx::postgres::PgConnectOptions;

use crate::db::claimant::Claimant;

/// Where the database is.
#[derive(Clone, Debug)]
pub(super) enum Place {
    File(Arc<Path>),
    Server(Arc<Server>),
}

/// A PostgreSQL server: its connections, how to make one more, and which one claims the database.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) pool: DatabaseConnection,
    pub(super) options: PgConnectOptions,
    pub(super) claimant: Claimant,
}
