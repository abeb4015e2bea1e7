//! Tables `stored_file`: the files that are kept, each once, and `media`: what clients handed in to be sent.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(stored_file()).await?;
        manager.create_table(media()).await?;
        for index in indexes() {
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("media").to_owned()).await?;
        manager.drop_table(Table::drop().table("stored_file").to_owned()).await
    }
}

fn stored_file() -> TableCreateStatement {
    Table::create()
        .table("stored_file")
        .col(ColumnDef::new("sha256").blob().not_null().primary_key())
        .col(ColumnDef::new("size").big_integer().not_null())
        .col(ColumnDef::new("created_at").big_integer().not_null())
        .col(ColumnDef::new("used_at").big_integer().not_null())
        .to_owned()
}

fn media() -> TableCreateStatement {
    let of_file = ForeignKey::create()
        .name("media_sha256_fkey")
        .from("media", "sha256")
        .to("stored_file", "sha256")
        .on_delete(ForeignKeyAction::Cascade)
        .to_owned();
    let of_key = ForeignKey::create()
        .name("media_key_id_fkey")
        .from("media", "key_id")
        .to("api_key", "id")
        .on_delete(ForeignKeyAction::Cascade)
        .to_owned();
    Table::create()
        .table("media")
        .col(ColumnDef::new("id").text().not_null().primary_key())
        .col(ColumnDef::new("key_id").text())
        .col(ColumnDef::new("sha256").blob().not_null())
        .col(ColumnDef::new("mimetype").text().not_null())
        .col(ColumnDef::new("file_name").text())
        .col(ColumnDef::new("size").big_integer().not_null())
        .col(ColumnDef::new("width").integer())
        .col(ColumnDef::new("height").integer())
        .col(ColumnDef::new("seconds").integer())
        .col(ColumnDef::new("created_at").big_integer().not_null())
        .col(ColumnDef::new("expires_at").big_integer().not_null())
        .foreign_key(&mut of_file.clone())
        .foreign_key(&mut of_key.clone())
        .to_owned()
}

fn indexes() -> [IndexCreateStatement; 4] {
    let index = |name: &str, table: &'static str, columns: &[&'static str]| {
        let mut index = Index::create().name(name).table(table).to_owned();
        for column in columns {
            index.col(*column);
        }
        index
    };
    [
        // media::store::oldest
        index("stored_file_used_idx", "stored_file", &["used_at", "sha256"]),
        // Whether anybody holds a file, and the cascade from a file that goes.
        index("media_sha256_idx", "media", &["sha256"]),
        // The cascade from a deleted key.
        index("media_key_id_idx", "media", &["key_id"]),
        // media::store::delete_expired
        index("media_expires_idx", "media", &["expires_at"]),
    ]
}
