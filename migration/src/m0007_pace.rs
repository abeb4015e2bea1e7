//! Column `lane.is_slow`: whether the last attempt took long, instead of whether it failed. Indexes for what was looked for
//! among all pending deliveries, and among all of a webhook.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        rename(manager, "is_failing", "is_slow").await?;
        let index = |name: &str| Index::create().name(name).table("delivery").to_owned();
        for mut index in [
            // webhook::delivery: store::next and lane_store::release_in of lanes without order, and store::reschedule_deliveries
            index("delivery_due_idx")
                .col("webhook_id")
                .col("session_id")
                .col("due_at")
                .col("id")
                .and_where(Expr::col("state").eq("pending"))
                .to_owned(),
            // webhook::delivery::store::list of the dead ones
            index("delivery_dead_idx").col("webhook_id").col("id").and_where(Expr::col("state").eq("dead")).to_owned(),
        ] {
            manager.create_index(index.take()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in ["delivery_due_idx", "delivery_dead_idx"] {
            manager.drop_index(Index::drop().name(name).table("delivery").to_owned()).await?;
        }
        rename(manager, "is_slow", "is_failing").await
    }
}

/// Each lane is taken for a good one after it, until its next attempt.
async fn rename(manager: &SchemaManager<'_>, from: &'static str, to: &'static str) -> Result<(), DbErr> {
    manager.alter_table(Table::alter().table("lane").rename_column(from, to).to_owned()).await?;
    let reset = Query::update().table("lane").value(to, false).to_owned();
    manager.execute(reset).await
}
