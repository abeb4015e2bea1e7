//! Columns `session.send_rate` and `session.send_burst`: how fast a session sends, where that is not the server's choice. Table
//! `account_restriction`: what WhatsApp keeps the account of a session from.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const TABLE: &str = "account_restriction";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // One at a time: SQLite adds no more.
        for column in
            [ColumnDef::new("send_rate").double().to_owned(), ColumnDef::new("send_burst").integer().to_owned()]
        {
            manager.alter_table(Table::alter().table("session").add_column(column).to_owned()).await?;
        }
        manager.create_table(account_restriction()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(TABLE).to_owned()).await?;
        for column in ["send_burst", "send_rate"] {
            manager.alter_table(Table::alter().table("session").drop_column(column).to_owned()).await?;
        }
        Ok(())
    }
}

fn account_restriction() -> TableCreateStatement {
    Table::create()
        .table(TABLE)
        .col(ColumnDef::new("session_id").text().not_null())
        .col(ColumnDef::new("kind").text().not_null())
        .col(ColumnDef::new("account").text().not_null())
        .col(ColumnDef::new("ends_at").big_integer().not_null())
        .col(ColumnDef::new("noted_at").big_integer().not_null())
        .primary_key(Index::create().col("session_id").col("kind"))
        .foreign_key(
            ForeignKey::create()
                .name("account_restriction_session_id_fkey")
                .from(TABLE, "session_id")
                .to("session", "id")
                .on_delete(ForeignKeyAction::Cascade),
        )
        .to_owned()
}
