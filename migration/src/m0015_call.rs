//! Index for the calls of a session, which are few among many events.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // event::store::calls
        let index = Index::create()
            .name("event_call_idx")
            .table("event")
            .col("session_id")
            .col("position")
            .and_where(Expr::col("type").eq("call"))
            .to_owned();
        manager.create_index(index).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_index(Index::drop().name("event_call_idx").table("event").to_owned()).await
    }
}
