//! Tables `message`: what came and what goes, and `outgoing`: what is to be sent, and what became of it.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(message()).await?;
        manager.create_table(outgoing()).await?;
        for index in indexes() {
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("outgoing").to_owned()).await?;
        manager.drop_table(Table::drop().table("message").to_owned()).await
    }
}

fn message() -> TableCreateStatement {
    Table::create()
        .table("message")
        .col(ColumnDef::new("session_id").text().not_null())
        .col(ColumnDef::new("message_id").text().not_null())
        .col(ColumnDef::new("chat").text().not_null())
        .col(ColumnDef::new("sender").text().not_null())
        .col(ColumnDef::new("position").big_integer().not_null())
        .col(ColumnDef::new("is_from_me").boolean().not_null())
        .col(ColumnDef::new("type").text().not_null())
        .col(ColumnDef::new("quoted_id").text())
        .col(ColumnDef::new("content").binary().not_null())
        .col(ColumnDef::new("sent_at").big_integer().not_null())
        .col(ColumnDef::new("created_at").big_integer().not_null())
        .primary_key(Index::create().col("session_id").col("message_id").col("chat").col("sender"))
        .foreign_key(&mut of_session("message"))
        .to_owned()
}

fn outgoing() -> TableCreateStatement {
    Table::create()
        .table("outgoing")
        .col(ColumnDef::new("session_id").text().not_null())
        .col(ColumnDef::new("message_id").text().not_null())
        .col(ColumnDef::new("sequence").big_integer().not_null())
        .col(ColumnDef::new("lane").text().not_null())
        .col(ColumnDef::new("recipient").text().not_null())
        .col(ColumnDef::new("is_checked").boolean().not_null())
        .col(ColumnDef::new("status").text().not_null())
        .col(ColumnDef::new("is_open").boolean().not_null())
        .col(ColumnDef::new("attempts").integer().not_null())
        .col(ColumnDef::new("due_at").big_integer().not_null())
        .col(ColumnDef::new("expires_at").big_integer().not_null())
        .col(ColumnDef::new("sent_at").big_integer())
        .col(ColumnDef::new("code").text())
        .col(ColumnDef::new("upstream_code").integer())
        .col(ColumnDef::new("client_reference").text())
        .col(ColumnDef::new("idempotency_key").text())
        .col(ColumnDef::new("fingerprint").binary())
        .col(ColumnDef::new("created_at").big_integer().not_null())
        .col(ColumnDef::new("updated_at").big_integer().not_null())
        .primary_key(Index::create().col("session_id").col("message_id"))
        .foreign_key(&mut of_session("outgoing"))
        .to_owned()
}

fn of_session(table: &'static str) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .name(format!("{table}_session_id_fkey"))
        .from(table, "session_id")
        .to("session", "id")
        .on_delete(ForeignKeyAction::Cascade)
        .to_owned()
}

fn indexes() -> Vec<IndexCreateStatement> {
    let open = || Expr::col("is_open").eq(true);
    vec![
        // message::store::page
        Index::create().name("message_position_idx").table("message").col("session_id").col("position").to_owned(),
        // message::store::page, of one chat
        Index::create()
            .name("message_chat_idx")
            .table("message")
            .col("session_id")
            .col("chat")
            .col("position")
            .to_owned(),
        // message::store::outbox_store::head, lanes
        Index::create()
            .name("outgoing_lane_idx")
            .table("outgoing")
            .col("session_id")
            .col("lane")
            .col("sequence")
            .and_where(open())
            .to_owned(),
        // message::store::outbox_store::over
        Index::create().name("outgoing_expires_idx").table("outgoing").col("expires_at").and_where(open()).to_owned(),
        // message::store::outbox_store::due, next_due
        Index::create()
            .name("outgoing_due_idx")
            .table("outgoing")
            .col("due_at")
            .col("sequence")
            .and_where(open())
            .and_where(Expr::col("status").eq("scheduled"))
            .to_owned(),
        // message::store::outbox_store::by_reference
        Index::create()
            .name("outgoing_client_reference_key")
            .table("outgoing")
            .col("session_id")
            .col("client_reference")
            .unique()
            .and_where(Expr::col("client_reference").is_not_null())
            .to_owned(),
        // message::store::outbox_store::by_idempotency_key
        Index::create()
            .name("outgoing_idempotency_key_key")
            .table("outgoing")
            .col("session_id")
            .col("idempotency_key")
            .unique()
            .and_where(Expr::col("idempotency_key").is_not_null())
            .to_owned(),
    ]
}
