//! Index for the states that a session came into, which are few among many events.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // event::store::transitions
        let index = Index::create()
            .name("event_session_status_idx")
            .table("event")
            .col("session_id")
            .col("position")
            .and_where(Expr::col("type").eq("session_status"))
            .to_owned();
        manager.create_index(index).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_index(Index::drop().name("event_session_status_idx").table("event").to_owned()).await
    }
}
