//! Table `api_key`.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Looked up in memory only, so the one index that matters is the one that keeps digests apart.
        manager
            .create_table(
                Table::create()
                    .table("api_key")
                    .col(ColumnDef::new("id").text().not_null().primary_key())
                    .col(ColumnDef::new("name").text().not_null())
                    .col(ColumnDef::new("digest").blob().not_null())
                    .col(ColumnDef::new("old_digest").blob())
                    .col(ColumnDef::new("old_expires_at").big_integer())
                    .col(ColumnDef::new("scopes").json().not_null())
                    .col(ColumnDef::new("sessions").json())
                    .col(ColumnDef::new("expires_at").big_integer())
                    .col(ColumnDef::new("last_used_at").big_integer())
                    .col(ColumnDef::new("created_at").big_integer().not_null())
                    .col(ColumnDef::new("created_by").text())
                    .index(Index::create().name("api_key_digest_key").col("digest").unique())
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("api_key").to_owned()).await
    }
}
