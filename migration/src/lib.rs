//! Migrations, one concern each. A merged one is never edited.

use sea_orm_migration::MigrationTrait;
pub use sea_orm_migration::MigratorTrait;

mod m0001_session;
mod m0002_device_store;
mod m0003_key;
mod m0004_pairing_link;
mod m0005_journal;
mod m0006_delivery;
mod m0007_pace;
mod m0008_presence;
mod m0009_owed;
mod m0010_delivery_order;
mod m0011_event_time;
mod m0012_message_file;
mod m0014_webhook_reader;
mod m0015_call;
mod m0016_transition;
mod m0017_message;
mod m0019_message_receipt;
mod m0020_limit;
mod m0021_chat_timer;
mod m0022_recipient;
mod m0023_media;
mod m0024_outgoing_media;
mod m0025_media_fetch;
mod m0026_vote;
mod m0027_audience;
mod m0028_message_change;
mod m0029_album;
mod m0030_upload_key;
// There never was a merged m0013.

/// All migrations, in order.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_session::Migration),
            Box::new(m0002_device_store::Migration),
            Box::new(m0003_key::Migration),
            Box::new(m0004_pairing_link::Migration),
            Box::new(m0005_journal::Migration),
            Box::new(m0006_delivery::Migration),
            Box::new(m0007_pace::Migration),
            Box::new(m0008_presence::Migration),
            Box::new(m0009_owed::Migration),
            Box::new(m0010_delivery_order::Migration),
            Box::new(m0011_event_time::Migration),
            Box::new(m0012_message_file::Migration),
            Box::new(m0014_webhook_reader::Migration),
            Box::new(m0015_call::Migration),
            Box::new(m0016_transition::Migration),
            Box::new(m0017_message::Migration),
            Box::new(m0019_message_receipt::Migration),
            Box::new(m0020_limit::Migration),
            Box::new(m0021_chat_timer::Migration),
            Box::new(m0022_recipient::Migration),
            Box::new(m0023_media::Migration),
            Box::new(m0024_outgoing_media::Migration),
            Box::new(m0025_media_fetch::Migration),
            Box::new(m0026_vote::Migration),
            Box::new(m0027_audience::Migration),
            Box::new(m0028_message_change::Migration),
            Box::new(m0029_album::Migration),
            Box::new(m0030_upload_key::Migration),
        ]
    }
}
