//! Table `pairing_link`.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let owned_by = |name: &str, column: &'static str, table: &'static str| {
            ForeignKey::create()
                .name(name)
                .from("pairing_link", column)
                .to(table, "id")
                .on_delete(ForeignKeyAction::Cascade)
                .to_owned()
        };
        manager
            .create_table(
                Table::create()
                    .table("pairing_link")
                    .col(ColumnDef::new("id").text().not_null().primary_key())
                    .col(ColumnDef::new("session_id").text().not_null())
                    .col(ColumnDef::new("digest").blob().not_null())
                    .col(ColumnDef::new("expires_at").big_integer().not_null())
                    .col(ColumnDef::new("created_at").big_integer().not_null())
                    .col(ColumnDef::new("created_by").text())
                    // pairing_link::store::find
                    .index(Index::create().name("pairing_link_digest_key").col("digest").unique())
                    .foreign_key(&mut owned_by("pairing_link_session_id_fkey", "session_id", "session"))
                    .foreign_key(&mut owned_by("pairing_link_created_by_fkey", "created_by", "api_key"))
                    .to_owned(),
            )
            .await?;
        // The cascade from a deleted session.
        manager
            .create_index(
                Index::create().name("pairing_link_session_id_idx").table("pairing_link").col("session_id").to_owned(),
            )
            .await?;
        // The cascade from a deleted key.
        manager
            .create_index(
                Index::create().name("pairing_link_created_by_idx").table("pairing_link").col("created_by").to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("pairing_link").to_owned()).await
    }
}
