//! Tables `session` and `webhook`.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("session")
                    .col(ColumnDef::new("id").text().not_null().primary_key())
                    .col(ColumnDef::new("name").text())
                    .col(ColumnDef::new("metadata").json().not_null())
                    .col(ColumnDef::new("desired").text().not_null())
                    .col(ColumnDef::new("status").text().not_null())
                    .col(ColumnDef::new("reason").text().not_null())
                    .col(ColumnDef::new("since").big_integer().not_null())
                    .col(ColumnDef::new("banned_until").big_integer())
                    .col(ColumnDef::new("phone_number").text())
                    .col(ColumnDef::new("lid").text())
                    .col(ColumnDef::new("device_id").integer())
                    .col(ColumnDef::new("push_name").text())
                    .col(ColumnDef::new("device_os").text())
                    .col(ColumnDef::new("device_platform").text())
                    .col(ColumnDef::new("device_version").text())
                    .col(ColumnDef::new("created_at").big_integer().not_null())
                    .col(ColumnDef::new("updated_at").big_integer().not_null())
                    .col(ColumnDef::new("last_connected_at").big_integer())
                    .to_owned(),
            )
            .await?;
        // session::store::all
        manager
            .create_index(
                Index::create()
                    .name("session_created_at_id_idx")
                    .table("session")
                    .col("created_at")
                    .col("id")
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("webhook")
                    .col(ColumnDef::new("id").text().not_null().primary_key())
                    .col(ColumnDef::new("session_id").text().not_null())
                    .col(ColumnDef::new("url").text().not_null())
                    .col(ColumnDef::new("events").json().not_null())
                    .col(ColumnDef::new("secret").text())
                    .col(ColumnDef::new("created_at").big_integer().not_null())
                    .foreign_key(
                        ForeignKey::create()
                            .name("webhook_session_id_fkey")
                            .from("webhook", "session_id")
                            .to("session", "id")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .to_owned(),
            )
            .await?;
        // The cascade from a deleted session looks its webhooks up by this.
        manager
            .create_index(Index::create().name("webhook_session_id_idx").table("webhook").col("session_id").to_owned())
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("webhook").to_owned()).await?;
        manager.drop_table(Table::drop().table("session").to_owned()).await
    }
}
