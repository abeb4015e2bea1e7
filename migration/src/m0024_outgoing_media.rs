//! Tables `outgoing_media`: files that are still to be uploaded, and `uploaded_file`: those that were. `outgoing` says which messages wait
//! for that.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let awaits = ColumnDef::new("awaits_upload").boolean().not_null().default(false).to_owned();
        manager.alter_table(Table::alter().table("outgoing").add_column(awaits).to_owned()).await?;
        manager.create_table(outgoing_media()).await?;
        manager.create_table(uploaded_file()).await?;
        // message::store::upload_store::in_use
        let by_file =
            Index::create().name("outgoing_media_sha256_idx").table("outgoing_media").col("sha256").to_owned();
        manager.create_index(by_file).await?;
        // message::store::upload_store::delete_old
        let by_age = Index::create().name("uploaded_file_age_idx").table("uploaded_file").col("uploaded_at").to_owned();
        manager.create_index(by_age).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("uploaded_file").to_owned()).await?;
        manager.drop_table(Table::drop().table("outgoing_media").to_owned()).await?;
        manager.alter_table(Table::alter().table("outgoing").drop_column("awaits_upload").to_owned()).await
    }
}

fn outgoing_media() -> TableCreateStatement {
    Table::create()
        .table("outgoing_media")
        .col(ColumnDef::new("session_id").text().not_null())
        .col(ColumnDef::new("message_id").text().not_null())
        .col(ColumnDef::new("sha256").binary().not_null())
        .col(ColumnDef::new("kind").text().not_null())
        .col(ColumnDef::new("mimetype").text().not_null())
        .col(ColumnDef::new("created_at").big_integer().not_null())
        .primary_key(Index::create().col("session_id").col("message_id"))
        .foreign_key(
            ForeignKey::create()
                .name("outgoing_media_message_fkey")
                .from("outgoing_media", ("session_id", "message_id"))
                .to("outgoing", ("session_id", "message_id"))
                .on_delete(ForeignKeyAction::Cascade),
        )
        .to_owned()
}

fn uploaded_file() -> TableCreateStatement {
    Table::create()
        .table("uploaded_file")
        .col(ColumnDef::new("session_id").text().not_null())
        .col(ColumnDef::new("sha256").binary().not_null())
        .col(ColumnDef::new("kind").text().not_null())
        .col(ColumnDef::new("account").text().not_null())
        .col(ColumnDef::new("url").text().not_null())
        .col(ColumnDef::new("direct_path").text().not_null())
        .col(ColumnDef::new("media_key").binary().not_null())
        .col(ColumnDef::new("file_enc_sha256").binary().not_null())
        .col(ColumnDef::new("file_length").big_integer().not_null())
        .col(ColumnDef::new("uploaded_at").big_integer().not_null())
        .primary_key(Index::create().col("session_id").col("sha256").col("kind"))
        .foreign_key(
            ForeignKey::create()
                .name("uploaded_file_session_id_fkey")
                .from("uploaded_file", "session_id")
                .to("session", "id")
                .on_delete(ForeignKeyAction::Cascade),
        )
        .to_owned()
}
