//! The tables of the device store: what the WhatsApp library keeps for each session.
//!
//! Every table is keyed by its session first, so the key serves every lookup, and the cascade from a deleted session.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DatabaseBackend;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// Every table of this migration.
const TABLES: &[&str] = &[
    "device",
    "identity_key",
    "signal_session",
    "pre_key_block",
    "pre_key_pending",
    "signed_pre_key",
    "sender_key",
    "sync_key",
    "sync_version",
    "mutation_mac",
    "sender_key_device",
    "lid_mapping",
    "base_key",
    "device_list",
    "group_metadata",
    "tc_token",
    "sent_message",
    "pending_inbound",
    "message_secret",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let backend = manager.get_database_backend();
        let tables = [device_and_signal(backend), app_sync(backend), protocol(backend), messages(backend)];
        for table in tables.into_iter().flatten() {
            manager.create_table(table).await?;
        }
        // lid_mapping::find_by_phone_number
        manager
            .create_index(
                Index::create()
                    .name("lid_mapping_session_id_phone_number_idx")
                    .table("lid_mapping")
                    .col("session_id")
                    .col("phone_number")
                    .to_owned(),
            )
            .await?;
        // MsgSecretStore::delete_expired_msg_secrets, now and then over the one table that grows with the messages.
        manager
            .create_index(
                Index::create()
                    .name("message_secret_session_id_expires_at_idx")
                    .table("message_secret")
                    .col("session_id")
                    .col("expires_at")
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in TABLES.iter().rev() {
            manager.drop_table(Table::drop().table(*table).to_owned()).await?;
        }
        Ok(())
    }
}

fn device_and_signal(on: DatabaseBackend) -> Vec<TableCreateStatement> {
    let mut pre_key_block = Scoped::new(on, "pre_key_block").key_integer("block");
    for number in 0..16 {
        pre_key_block = pre_key_block.column(ColumnDef::new(format!("key_{number}")).blob());
    }
    vec![
        Scoped::new(on, "device").blob("data").large(),
        Scoped::new(on, "identity_key").key_text("address").blob("key").small(),
        Scoped::new(on, "signal_session").key_text("address").blob("record").large(),
        pre_key_block.large(),
        Scoped::new(on, "pre_key_pending").key_integer("band").big_integer("pending").small(),
        Scoped::new(on, "signed_pre_key").key_big_integer("id").blob("record").small(),
        Scoped::new(on, "sender_key").key_text("address").blob("record").large(),
    ]
}

fn app_sync(on: DatabaseBackend) -> Vec<TableCreateStatement> {
    vec![
        Scoped::new(on, "sync_key")
            .key_blob("key_id")
            .blob("key_data")
            .blob("fingerprint")
            .big_integer("timestamp")
            .big_integer("sequence")
            .small(),
        Scoped::new(on, "sync_version")
            .key_text("collection")
            .big_integer("version")
            .blob("hash")
            .column(ColumnDef::new("index_values").blob())
            .boolean("is_mac_mismatch_fatal")
            .small(),
        Scoped::new(on, "mutation_mac").key_text("collection").key_blob("index_mac").blob("value_mac").small(),
    ]
}

fn protocol(on: DatabaseBackend) -> Vec<TableCreateStatement> {
    vec![
        Scoped::new(on, "sender_key_device").key_text("group_jid").key_text("device_jid").boolean("has_key").small(),
        Scoped::new(on, "lid_mapping")
            .key_text("lid")
            .text("phone_number")
            .big_integer("created_at")
            .big_integer("updated_at")
            .text("learning_source")
            .small(),
        Scoped::new(on, "base_key").key_text("address").key_text("message_id").blob("base_key").small(),
        Scoped::new(on, "device_list")
            .key_text("contact")
            .text("devices")
            .big_integer("timestamp")
            .column(ColumnDef::new("phash").text())
            .column(ColumnDef::new("raw_id").big_integer())
            .small(),
        Scoped::new(on, "group_metadata").key_text("group_jid").blob("data").large(),
        Scoped::new(on, "tc_token")
            .key_text("jid")
            .blob("token")
            .big_integer("token_timestamp")
            .column(ColumnDef::new("sender_timestamp").big_integer())
            .small(),
    ]
}

fn messages(on: DatabaseBackend) -> Vec<TableCreateStatement> {
    vec![
        Scoped::new(on, "sent_message")
            .key_text("chat_jid")
            .key_text("message_id")
            .blob("payload")
            .big_integer("stored_at")
            .large(),
        Scoped::new(on, "pending_inbound")
            .key_text("chat")
            .key_text("sender")
            .key_text("message_id")
            .blob("message")
            .big_integer("stored_at")
            .large(),
        Scoped::new(on, "message_secret")
            .key_text("chat")
            .key_text("sender")
            .key_text("message_id")
            .blob("secret")
            .big_integer("expires_at")
            .big_integer("message_ts")
            .small(),
    ]
}

/// A table whose rows belong to a session and go with it.
struct Scoped {
    backend: DatabaseBackend,
    table: TableCreateStatement,
    key: IndexCreateStatement,
}

impl Scoped {
    fn new(backend: DatabaseBackend, name: &'static str) -> Self {
        let mut table = Table::create();
        table.table(name).foreign_key(
            ForeignKey::create()
                .name(format!("{name}_session_id_fkey"))
                .from(name, "session_id")
                .to("session", "id")
                .on_delete(ForeignKeyAction::Cascade),
        );
        Self { backend, table, key: Index::create() }.key("session_id", ColumnDef::new("session_id").text())
    }

    fn column(mut self, column: &mut ColumnDef) -> Self {
        self.table.col(column);
        self
    }

    fn key(mut self, name: &'static str, column: &mut ColumnDef) -> Self {
        self.key.col(name);
        self.column(column.not_null())
    }

    /// Compared byte by byte on both databases: `has_signal_state_for_user` asks for a range of texts.
    fn key_text(self, name: &'static str) -> Self {
        let mut column = ColumnDef::new(name);
        column.text();
        if self.backend == DatabaseBackend::Postgres {
            column.extra("COLLATE \"C\"");
        }
        self.key(name, &mut column)
    }

    fn key_blob(self, name: &'static str) -> Self {
        self.key(name, ColumnDef::new(name).blob())
    }

    fn key_integer(self, name: &'static str) -> Self {
        self.key(name, ColumnDef::new(name).integer())
    }

    fn key_big_integer(self, name: &'static str) -> Self {
        self.key(name, ColumnDef::new(name).big_integer())
    }

    fn text(self, name: &'static str) -> Self {
        self.column(ColumnDef::new(name).text().not_null())
    }

    fn blob(self, name: &'static str) -> Self {
        self.column(ColumnDef::new(name).blob().not_null())
    }

    fn big_integer(self, name: &'static str) -> Self {
        self.column(ColumnDef::new(name).big_integer().not_null())
    }

    fn boolean(self, name: &'static str) -> Self {
        self.column(ColumnDef::new(name).boolean().not_null())
    }

    /// Rows of up to about a kilobyte: SQLite keeps them in the key's tree and needs no second one.
    fn small(mut self) -> TableCreateStatement {
        if self.backend == DatabaseBackend::Sqlite {
            self.table.extra("WITHOUT ROWID");
        }
        self.large()
    }

    /// Rows that may be longer: in the key's tree SQLite would put what is over 1002 bytes on a page of its own.
    fn large(mut self) -> TableCreateStatement {
        self.table.primary_key(&mut self.key);
        self.table
    }
}
