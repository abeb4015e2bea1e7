//! Table `upload_key`: the keys of large files whose uploads are under way. Encrypted with the same key once more, a file is the same for
//! the media servers, which then take only the rest of it.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("upload_key")
            .col(ColumnDef::new("session_id").text().not_null())
            .col(ColumnDef::new("sha256").binary().not_null())
            .col(ColumnDef::new("kind").text().not_null())
            .col(ColumnDef::new("account").text().not_null())
            .col(ColumnDef::new("media_key").binary().not_null())
            .col(ColumnDef::new("created_at").big_integer().not_null())
            .primary_key(Index::create().col("session_id").col("sha256").col("kind"))
            .foreign_key(
                ForeignKey::create()
                    .name("upload_key_session_id_fkey")
                    .from("upload_key", "session_id")
                    .to("session", "id")
                    .on_delete(ForeignKeyAction::Cascade),
            )
            .to_owned();
        manager.create_table(table).await?;
        // message::store::upload_key_store::delete_old
        let by_age = Index::create().name("upload_key_age_idx").table("upload_key").col("created_at").to_owned();
        manager.create_index(by_age).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("upload_key").to_owned()).await
    }
}
