//! Table `vote`: the last vote of each person in each poll. A column in `outgoing` for what a message changes once WhatsApp has it.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(vote()).await?;
        let effect = Table::alter().table("outgoing").add_column(ColumnDef::new("effect").text()).to_owned();
        manager.alter_table(effect).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(Table::alter().table("outgoing").drop_column("effect").to_owned()).await?;
        manager.drop_table(Table::drop().table("vote").to_owned()).await
    }
}

fn vote() -> TableCreateStatement {
    // event::vote_store looks for the votes in a poll by the beginning of the key.
    Table::create()
        .table("vote")
        .col(ColumnDef::new("session_id").text().not_null())
        .col(ColumnDef::new("poll_id").text().not_null())
        .col(ColumnDef::new("chat").text().not_null())
        .col(ColumnDef::new("voter").text().not_null())
        .col(ColumnDef::new("position").big_integer().not_null())
        .col(ColumnDef::new("state").text().not_null())
        .col(ColumnDef::new("chosen").text().not_null())
        .col(ColumnDef::new("voted_at").big_integer().not_null())
        .primary_key(Index::create().col("session_id").col("poll_id").col("chat").col("voter"))
        .foreign_key(
            ForeignKey::create()
                .name("vote_session_id_fkey")
                .from("vote", "session_id")
                .to("session", "id")
                .on_delete(ForeignKeyAction::Cascade),
        )
        .to_owned()
}
