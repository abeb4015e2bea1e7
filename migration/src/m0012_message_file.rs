//! Table `message_file`.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("message_file")
                    .col(ColumnDef::new("session_id").text().not_null())
                    .col(ColumnDef::new("chat").text().not_null())
                    .col(ColumnDef::new("sender").text().not_null())
                    .col(ColumnDef::new("message_id").text().not_null())
                    .col(ColumnDef::new("kind").text().not_null())
                    .col(ColumnDef::new("direct_path").text().not_null())
                    .col(ColumnDef::new("media_key").binary())
                    .col(ColumnDef::new("file_sha256").binary())
                    .col(ColumnDef::new("file_enc_sha256").binary())
                    .col(ColumnDef::new("file_length").big_integer())
                    .col(ColumnDef::new("mimetype").text())
                    .col(ColumnDef::new("created_at").big_integer().not_null())
                    .primary_key(Index::create().col("session_id").col("chat").col("sender").col("message_id"))
                    .foreign_key(
                        ForeignKey::create()
                            .name("message_file_session_id_fkey")
                            .from("message_file", "session_id")
                            .to("session", "id")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("message_file").to_owned()).await
    }
}
