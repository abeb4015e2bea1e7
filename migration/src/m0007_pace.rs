//! Column `lane.is_slow`: whether the last attempt took long, instead of whether it failed.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        rename(manager, "is_failing", "is_slow").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        rename(manager, "is_slow", "is_failing").await
    }
}

/// Each lane is taken for a good one after it, until its next attempt.
async fn rename(manager: &SchemaManager<'_>, from: &'static str, to: &'static str) -> Result<(), DbErr> {
    manager.alter_table(Table::alter().table("lane").rename_column(from, to).to_owned()).await?;
    let reset = Query::update().table("lane").value(to, false).to_owned();
    manager.execute(reset).await
}
