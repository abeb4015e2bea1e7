//! Column `outgoing_media.after_id`: the picture or video of the same album that is uploaded first.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const MEDIA: &str = "outgoing_media";
const AFTER: &str = "after_id";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // It is looked up in `outgoing` by the key of that.
        let after = ColumnDef::new(AFTER).text().to_owned();
        manager.alter_table(Table::alter().table(MEDIA).add_column(after).to_owned()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(Table::alter().table(MEDIA).drop_column(AFTER).to_owned()).await
    }
}
