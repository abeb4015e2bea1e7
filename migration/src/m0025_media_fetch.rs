//! Columns `session.media_fetch` and `session.media_max_bytes`: whether files of messages are fetched as they come. Columns
//! `message_file.fetch_at` and `message_file.fetch_attempts`: which of them are still to be fetched, and when. Column
//! `message_file.is_verified`: whether they are known to be what their messages say.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const SESSION: &str = "session";
const FILE: &str = "message_file";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // One at a time: SQLite adds no more.
        for (table, column) in [
            (SESSION, ColumnDef::new("media_fetch").text().not_null().default("lazy").to_owned()),
            (SESSION, ColumnDef::new("media_max_bytes").big_integer().to_owned()),
            (FILE, ColumnDef::new("fetch_at").big_integer().to_owned()),
            (FILE, ColumnDef::new("fetch_attempts").integer().not_null().default(0).to_owned()),
            (FILE, ColumnDef::new("is_verified").boolean().not_null().default(false).to_owned()),
        ] {
            manager.alter_table(Table::alter().table(table).add_column(column).to_owned()).await?;
        }
        // event::file_store::due. Nearly all files are in none of these.
        let due = Index::create()
            .name("message_file_fetch_idx")
            .table(FILE)
            .col("session_id")
            .col("fetch_at")
            .and_where(Expr::col("fetch_at").is_not_null())
            .to_owned();
        manager.create_index(due).await?;
        // event::file_store::with_id
        let by_id =
            Index::create().name("message_file_id_idx").table(FILE).col("session_id").col("message_id").to_owned();
        manager.create_index(by_id).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for index in ["message_file_id_idx", "message_file_fetch_idx"] {
            manager.drop_index(Index::drop().name(index).table(FILE).to_owned()).await?;
        }
        for (table, column) in [
            (FILE, "is_verified"),
            (FILE, "fetch_attempts"),
            (FILE, "fetch_at"),
            (SESSION, "media_max_bytes"),
            (SESSION, "media_fetch"),
        ] {
            manager.alter_table(Table::alter().table(table).drop_column(column).to_owned()).await?;
        }
        Ok(())
    }
}
