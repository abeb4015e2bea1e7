//! Column `delivery.sort_key`: the place of a delivery in its lane, by the journal's positions, which only grow. By its id it
//! stood where the clock of its process had put it.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// The indexes of what waits in a lane. Each ends with its order.
const INDEXES: [(&str, &[&str]); 2] = [
    ("delivery_pending_idx", &["webhook_id", "session_id"]),
    ("delivery_due_idx", &["webhook_id", "session_id", "due_at"]),
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = ColumnDef::new("sort_key").big_integer().not_null().default(0).to_owned();
        manager.alter_table(Table::alter().table("delivery").add_column(column).to_owned()).await?;
        // Only what waits has a place: whatever is retried by hand comes first, as before.
        let pending = Expr::col("state").eq("pending");
        let update =
            Query::update().table("delivery").value("sort_key", Expr::col("position")).and_where(pending).to_owned();
        manager.execute(update).await?;
        // webhook::delivery: store::next, lane_store::release_in and store::reschedule_deliveries
        reindex(manager, &["sort_key", "position"]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        reindex(manager, &["id"]).await?;
        manager.alter_table(Table::alter().table("delivery").drop_column("sort_key").to_owned()).await
    }
}

async fn reindex(manager: &SchemaManager<'_>, order: &[&'static str]) -> Result<(), DbErr> {
    for (name, columns) in INDEXES {
        manager.drop_index(Index::drop().name(name).table("delivery").to_owned()).await?;
        let mut index = Index::create().name(name).table("delivery").to_owned();
        for column in columns.iter().chain(order) {
            index.col(*column);
        }
        manager.create_index(index.and_where(Expr::col("state").eq("pending")).to_owned()).await?;
    }
    Ok(())
}
