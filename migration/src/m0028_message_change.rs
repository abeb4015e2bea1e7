//! What was done to messages is found by the message that it was done to. From here on edits and removals name it in `quoted_id`; those
//! that were written before have none there, and are not found.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // event::index_store::changes. Few messages are changes, and the others are not in it.
        let index = Index::create()
            .name("message_change_idx")
            .table("message")
            .col("session_id")
            .col("quoted_id")
            .and_where(Expr::col("type").is_in(["edit", "revoke"]))
            .to_owned();
        manager.create_index(index).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_index(Index::drop().name("message_change_idx").table("message").to_owned()).await
    }
}
