//! Index for events by when they happened, which their positions do not always follow.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // event::store::last_of, around and drop_excess
        let index =
            Index::create().name("event_created_at_idx").table("event").col("created_at").col("position").to_owned();
        manager.create_index(index).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_index(Index::drop().name("event_created_at_idx").table("event").to_owned()).await
    }
}
