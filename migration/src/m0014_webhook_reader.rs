//! Column `webhook.gets_codes`: whether `all` events has codes, since whoever chose them may pair. Filters for channels and
//! broadcast lists.

use sea_orm_migration::prelude::*;

/// Each column, and what webhooks have that are there already: what they got so far they go on to get.
const COLUMNS: &[(&str, bool)] = &[("gets_codes", true), ("ignores_channels", false), ("ignores_broadcasts", false)];

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (name, before) in COLUMNS {
            let column = ColumnDef::new(*name).boolean().not_null().default(*before).to_owned();
            manager.alter_table(Table::alter().table("webhook").add_column(column).to_owned()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (name, _) in COLUMNS {
            manager.alter_table(Table::alter().table("webhook").drop_column(*name).to_owned()).await?;
        }
        Ok(())
    }
}
