//! Migrations, one concern each. A merged one is never edited.

use sea_orm_migration::MigrationTrait;
pub use sea_orm_migration::MigratorTrait;

mod m0001_session;
mod m0002_device_store;

/// All migrations, in order.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(m0001_session::Migration), Box::new(m0002_device_store::Migration)]
    }
}
