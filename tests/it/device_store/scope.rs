//! What only a database can do: sessions apart from each other, and rows that go with their session.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use entity::ids::SessionId;
use entity::session;
use futures::FutureExt;
use futures::future::BoxFuture;
use migration::{Migrator, MigratorTrait};
use rstest::rstest;
use sea_orm::{ConnectionTrait, DatabaseBackend, EntityTrait, Statement};
use tokio::sync::Semaphore;
use wacore::appstate::hash::HashState;
use wacore::appstate::processor::AppStateMutationMAC;
use wacore::store::Device;
use wacore::store::error::StoreError;
use wacore::store::traits::{
    AppStateSyncKey, AppSyncStore, DeviceListRecord, DeviceStore as _, LidPnMappingEntry, MsgSecretStore,
    ProtocolStore, SignalStore,
};
use waypost::db::Db;
use waypost::db::sqlite::Synchronous;
use waypost::event::entry::{JournalEntry, Write};
use waypost::event::journal::Journal;
use waypost::whatsapp::device_store::DeviceStore;

use super::{Base, On};

/// Puts something into every table.
async fn fill(store: &DeviceStore) {
    store.create().await.unwrap();
    store.put_identity("1@s", [1; 32]).await.unwrap();
    store.store_pending_inbound("c", "s", "m", b"message").await.unwrap();
    store.put_session("1@s", b"ratchet").await.unwrap();
    store.store_prekey(1, b"key", false).await.unwrap();
    store.store_signed_prekey(1, b"key").await.unwrap();
    store.put_sender_key("g", b"key").await.unwrap();
    let key = AppStateSyncKey { key_data: vec![1], fingerprint: vec![2], timestamp: 3 };
    store.set_sync_key(b"id", key).await.unwrap();
    store.set_version("regular", HashState::default()).await.unwrap();
    let mac = AppStateMutationMAC { index_mac: vec![1; 32], value_mac: vec![2; 32] };
    store.put_mutation_macs("regular", 1, &[mac]).await.unwrap();
    store.set_sender_key_status("g", &[("d", true)]).await.unwrap();
    let mapping = LidPnMappingEntry {
        lid: "l".to_owned(),
        phone_number: "1".to_owned(),
        created_at: 1,
        updated_at: 1,
        learning_source: "usync".to_owned(),
    };
    store.put_lid_mapping(&mapping).await.unwrap();
    store.save_base_key("1@s", "m", b"base").await.unwrap();
    let record =
        DeviceListRecord { user: "1".to_owned(), devices: Vec::new(), timestamp: 1, phash: None, raw_id: None };
    store.update_device_list(record).await.unwrap();
    store.put_group_metadata("g", b"data").await.unwrap();
    store.touch_tc_token_sender_timestamp("1@lid", 1).await.unwrap();
    store.store_sent_message("c", "m", b"payload").await.unwrap();
    store.put_msg_secret("c", "s", "m", &[1; 32]).await.unwrap();
}

/// How many rows each table of the device store has for a session. The tables are those of the migration, as the
/// database lists them, so that none can be forgotten here and in `forget` alike.
async fn rows(db: &Db, session: &str) -> BTreeMap<String, i64> {
    let list = match db.read().get_database_backend() {
        DatabaseBackend::Sqlite => {
            "SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE '%\"session_id\"%'"
        }
        _ => "SELECT table_name::text FROM information_schema.columns WHERE column_name = 'session_id'",
    };
    let mut rows = BTreeMap::new();
    for table in query(db, list).await {
        let table: String = table.try_get_by_index(0).unwrap();
        if OTHERS.contains(&table.as_str()) {
            continue;
        }
        let count = format!("SELECT count(*) FROM {table} WHERE session_id = '{session}'");
        rows.insert(table, query(db, &count).await[0].try_get_by_index(0).unwrap());
    }
    rows
}

/// Tables of a session that are not the device store's.
const OTHERS: [&str; 19] = [
    "account_restriction",
    "webhook",
    "event",
    "event_count",
    "message",
    "message_file",
    "message_receipt",
    "outgoing",
    "chat_timer",
    "recipient",
    "delivery",
    "lane",
    "pairing_link",
    "vote",
    "outgoing_media",
    "upload_key",
    "uploaded_file",
    "audience",
    "message_audience",
];

async fn query(db: &Db, sql: &str) -> Vec<sea_orm::QueryResult> {
    let statement = Statement::from_string(db.read().get_database_backend(), sql);
    db.read().query_all_raw(statement).await.unwrap()
}

#[rstest]
#[tokio::test]
async fn a_forgotten_device_leaves_its_session_and_nothing_else(#[values(On::Sqlite, On::Postgres)] on: On) {
    let base = Base::on(on).await;
    let (store, other) = (base.store("a").await, base.store("b").await);
    fill(&store).await;
    fill(&other).await;
    let before = rows(base.db(), "b").await;
    assert_eq!(before.len(), 19);
    assert!(before.values().all(|count| *count == 1), "{before:?}");

    store.forget().await.unwrap();
    assert!(rows(base.db(), "a").await.values().all(|count| *count == 0));
    assert_eq!(rows(base.db(), "b").await, before);
    assert_eq!(session::Entity::find().all(base.db().read()).await.unwrap().len(), 2);
    store.create().await.unwrap();
}

#[rstest]
#[tokio::test]
async fn a_deleted_session_takes_every_row_with_it(#[values(On::Sqlite, On::Postgres)] on: On) {
    let base = Base::on(on).await;
    let (store, other) = (base.store("a").await, base.store("b").await);
    fill(&store).await;
    fill(&other).await;
    let id = SessionId::parse("a").unwrap();
    session::Entity::delete_by_id(id).exec(base.db().write()).await.unwrap();
    assert!(rows(base.db(), "a").await.values().all(|count| *count == 0));
    assert!(rows(base.db(), "b").await.values().all(|count| *count == 1));
}

#[rstest]
#[tokio::test]
async fn sessions_do_not_see_each_other(#[values(On::Sqlite, On::Postgres)] on: On) {
    let base = Base::on(on).await;
    let (store, other) = (base.store("a").await, base.store("b").await);
    fill(&store).await;
    assert!(!other.exists().await.unwrap());
    assert!(!other.has_signal_state_for_user("1").await.unwrap());
    assert_eq!(other.get_max_prekey_id().await.unwrap(), 0);
    assert_eq!(other.load_prekeys_batch(&[1]).await.unwrap(), []);
    assert!(other.load_all_signed_prekeys().await.unwrap().is_empty());
    assert_eq!(other.get_latest_sync_key_id().await.unwrap(), None);
    assert!(other.get_mutation_macs("regular", &[[1; 32]]).await.unwrap().is_empty());
    assert!(other.get_pn_mapping("1").await.unwrap().is_none());
    assert!(other.get_all_lid_mappings().await.unwrap().is_empty());
    assert!(other.get_all_tc_token_jids().await.unwrap().is_empty());
    assert_eq!(other.take_sent_message("c", "m").await.unwrap(), None);
    let before = rows(base.db(), "a").await;

    other.remove_prekey(1).await.unwrap();
    other.mark_prekeys_uploaded(&[1]).await.unwrap();
    other.clear_mutation_macs("regular").await.unwrap();
    other.delete_mutation_macs("regular", &[vec![1; 32]]).await.unwrap();
    other.clear_all_sender_key_devices().await.unwrap();
    other.delete_sender_key_device_rows(&["d"]).await.unwrap();
    other.delete_pending_inbound("c", "s", "m").await.unwrap();
    let all = i64::MAX;
    assert_eq!(other.delete_expired_tc_tokens(all, all).await.unwrap(), 0);
    assert_eq!(other.delete_expired_sent_messages(all).await.unwrap(), 0);
    assert_eq!(other.delete_expired_pending_inbound(all).await.unwrap(), 0);
    assert_eq!(other.delete_expired_msg_secrets(all).await.unwrap(), 0);
    assert_eq!(rows(base.db(), "a").await, before);
}

#[rstest]
#[tokio::test]
async fn pre_keys_are_pending_until_they_are_marked(#[values(On::Sqlite, On::Postgres)] on: On) {
    let base = Base::on(on).await;
    let store = base.store("a").await;
    let pending = async || {
        let rows = query(base.db(), "SELECT band, pending FROM pre_key_pending ORDER BY band").await;
        let row = |row: &sea_orm::QueryResult| (row.try_get_by_index(0).unwrap(), row.try_get_by_index(1).unwrap());
        rows.iter().map(row).collect::<Vec<(i32, i64)>>()
    };
    let keys: Vec<(u32, Bytes)> = (62..=65).map(|id| (id, Bytes::from_static(b"key"))).collect();
    store.store_prekeys_batch(&keys, false).await.unwrap();
    assert_eq!(pending().await, [(0, 0b11 << 62), (1, 0b11)]);
    store.mark_prekeys_uploaded(&[62, 64, 65, 199]).await.unwrap();
    assert_eq!(pending().await, [(0, 0b10 << 62)]);
    store.store_prekey(62, b"key", false).await.unwrap();
    store.store_prekey(63, b"key", true).await.unwrap();
    assert_eq!(pending().await, [(0, 0b01 << 62)]);
}

#[rstest]
#[tokio::test]
async fn a_pending_message_is_on_the_disk_before_its_ratchet(#[values(On::Sqlite, On::Postgres)] on: On) {
    let base = Base::on(on).await;
    let store = base.store("a").await;
    let written = async || {
        let ids = query(base.db(), "SELECT message_id FROM pending_inbound ORDER BY message_id").await;
        ids.iter().map(|row| row.try_get_by_index(0).unwrap()).collect::<Vec<String>>()
    };
    for id in ["1", "2"] {
        store.store_pending_inbound("c", "s", id, b"message").await.unwrap();
    }
    assert_eq!(written().await, [""; 0]);
    store.put_identity("1@s", [1; 32]).await.unwrap();
    assert_eq!(written().await, [""; 0], "an identity moves past nothing");
    store.put_session("1@s", b"ratchet").await.unwrap();
    store.flushed().await.unwrap();
    assert_eq!(written().await, ["1", "2"]);

    // The next client finds them, and lets them go.
    let next = base.at("a");
    assert_eq!(next.get_pending_inbound("c", "s", "1").await.unwrap(), Some(b"message".to_vec()));
    next.store_pending_inbound("c", "s", "1", b"message").await.unwrap();
    next.delete_pending_inbound("c", "s", "1").await.unwrap();
    assert_eq!(next.get_pending_inbound("c", "s", "1").await.unwrap(), None);
    next.flushed().await.unwrap();
    assert_eq!(written().await, ["2"]);

    // A sender's key is a ratchet, too; and what the journal was given before it is not written twice.
    next.store_pending_inbound("c", "s", "3", b"message").await.unwrap();
    next.put_sender_key("g", b"key").await.unwrap();
    next.flushed().await.unwrap();
    assert_eq!(written().await, ["2", "3"]);
    for id in ["4", "5"] {
        next.stanza(id);
    }
    next.store_pending_inbound("c", "s", "4", b"message").await.unwrap();
    next.store_pending_inbound("c", "s", "5", b"message").await.unwrap();
    let (ticket, _) = base.journal.submit(JournalEntry::default()).await.unwrap();
    next.handed_over(&next.hold("c", "s", "4"), ticket);
    next.put_session("1@s", b"ratchet").await.unwrap();
    next.flushed().await.unwrap();
    assert_eq!(written().await, ["2", "3", "5"]);
}

/// Keeps the journal in the middle of a transaction until a permit is added to what this gives.
async fn hold(journal: &Journal) -> Arc<Semaphore> {
    let (begun, go) = will_hold(journal).await;
    begun.acquire().await.expect("it is open").forget();
    go
}

/// The same, without waiting until it has begun: then the first has a permit.
async fn will_hold(journal: &Journal) -> (Arc<Semaphore>, Arc<Semaphore>) {
    let (begun, go) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (has_begun, may_go) = (Arc::clone(&begun), Arc::clone(&go));
    let write: Write = Box::new(move |_| {
        let may_go = Arc::clone(&may_go);
        has_begun.add_permits(1);
        async move {
            may_go.acquire().await.expect("it is open").forget();
            Ok(Vec::new())
        }
        .boxed()
    });
    drop(journal.submit(JournalEntry { write: Some(write), ..JournalEntry::default() }).await.unwrap());
    (begun, go)
}

/// Whether a message goes into the table that the journal is given after its ratchet, with so many entries in between. The
/// library is done with it at once, and it leaves the table when the journal has it.
async fn is_taken_along(others: usize) -> bool {
    let base = Base::on(On::Sqlite).await;
    let store = base.store("a").await;
    store.store_pending_inbound("c", "s", "1", b"message").await.unwrap();
    let go = hold(&base.journal).await;
    store.put_session("1@s", b"ratchet").await.unwrap();
    for _ in 0..others {
        drop(base.journal.submit(JournalEntry::default()).await.unwrap());
    }
    let (has_begun, may_end) = will_hold(&base.journal).await;
    let (ticket, written) = base.journal.submit(JournalEntry::default()).await.unwrap();
    store.handed_over(&store.hold("c", "s", "1"), ticket);
    store.submitted(ticket, written);
    store.delete_pending_inbound("c", "s", "1").await.unwrap();
    assert_eq!(store.get_pending_inbound("c", "s", "1").await.unwrap(), None);
    go.add_permits(1);
    let is_there = async || base.at("a").get_pending_inbound("c", "s", "1").await.unwrap().is_some();
    // In the transaction of the message, which may be that of its ratchet.
    has_begun.acquire().await.expect("it is open").forget();
    let was_there = is_there().await;
    may_end.add_permits(1);
    // The first lets the message go when the journal has it, the second waits until it has left the table.
    store.flushed().await.unwrap();
    store.flushed().await.unwrap();
    assert!(!is_there().await);
    was_there
}

#[tokio::test]
async fn a_message_that_is_written_with_its_ratchet_is_not_written_twice() {
    assert!(!is_taken_along(0).await, "they are in one transaction");
    assert!(is_taken_along(300).await, "they are in two");
}

#[rstest]
#[tokio::test]
async fn a_ratchet_is_taken_in_at_once_and_nothing_overtakes_it(#[values(On::Sqlite, On::Postgres)] on: On) {
    let base = Base::on(on).await;
    let store = base.store("a").await;
    store.store_prekey(1, b"key", false).await.unwrap();
    let go = hold(&base.journal).await;
    store.put_session("1@s", b"ratchet").await.unwrap();
    let waits = async |what: BoxFuture<'_, ()>| {
        tokio::time::timeout(Duration::from_millis(50), what).await.expect_err("the journal is held");
    };
    waits(store.flushed().map(drop).boxed()).await;
    waits(store.get_session("1@s").map(drop).boxed()).await;
    waits(store.has_session("1@s").map(drop).boxed()).await;
    waits(store.has_signal_state_for_user("1").map(drop).boxed()).await;
    waits(store.get_sender_key("g").map(drop).boxed()).await;
    waits(store.remove_prekey(1).map(drop).boxed()).await;
    waits(store.delete_session("1@s").map(drop).boxed()).await;
    waits(store.put_identity("1@s", [1; 32]).map(drop).boxed()).await;
    assert!(store.load_prekey(1).await.unwrap().is_some(), "what has waited has done nothing");
    store.put_session("1@s", b"a newer one").await.unwrap();
    go.add_permits(1);
    store.flushed().await.unwrap();
    assert_eq!(base.at("a").get_session("1@s").await.unwrap().as_deref(), Some(&b"a newer one"[..]));
    store.remove_prekey(1).await.unwrap();
}

#[rstest]
#[tokio::test]
async fn a_late_message_goes_to_the_journal_only_if_it_is_there_in_time(#[values(On::Sqlite, On::Postgres)] on: On) {
    let base = Base::on(on).await;
    let store = base.store("a").await;
    store.put_session("1@s", b"ratchet").await.unwrap();
    store.flushed().await.unwrap();
    let go = hold(&base.journal).await;
    for id in ["1", "2"] {
        store.store_pending_inbound("c", id, id, b"message").await.unwrap();
    }
    let (ticket, written) = base.journal.submit(JournalEntry::default()).await.unwrap();
    store.handed_over(&store.hold("c", "1", "1"), ticket);
    go.add_permits(1);
    store.flushed().await.unwrap();
    written.await.unwrap();
    assert!(base.at("a").get_pending_inbound("c", "1", "1").await.unwrap().is_none(), "the journal has it");
    assert!(base.at("a").get_pending_inbound("c", "2", "2").await.unwrap().is_some());
}

#[rstest]
#[tokio::test]
async fn a_message_whose_ratchet_may_be_on_the_disk_already_is_there_at_once(
    #[values(On::Sqlite, On::Postgres)] on: On,
) {
    let base = Base::on(on).await;
    let store = base.store("a").await;
    let is_kept_of = async |sender: &str, id: &str| {
        store.flushed().await.unwrap();
        base.at("a").get_pending_inbound("c", sender, id).await.unwrap().is_some()
    };
    let is_kept = async |id: &str| is_kept_of("s", id).await;
    // Decrypted, and before it is stored another chat has all ratchets written.
    store.stanza("1");
    store.put_session("1@s", b"ratchet").await.unwrap();
    store.flushed().await.unwrap();
    store.store_pending_inbound("c", "s", "1", b"message").await.unwrap();
    assert!(is_kept("1").await);
    // Of one whose stanza nobody saw the worst is assumed.
    store.put_sender_key("g", b"key").await.unwrap();
    store.flushed().await.unwrap();
    store.store_pending_inbound("c", "s", "2", b"message").await.unwrap();
    assert!(is_kept("2").await);
    // The ratchet was written before the stanza came, or before what the same sender had written there before was stored.
    store.put_session("1@s", b"ratchet").await.unwrap();
    store.flushed().await.unwrap();
    store.stanza("3");
    store.stanza("4");
    store.store_pending_inbound("c", "s", "3", b"message").await.unwrap();
    store.store_pending_inbound("c", "s", "4", b"message").await.unwrap();
    assert!(!is_kept("3").await && !is_kept("4").await);
    store.stanza("5");
    store.put_session("1@s", b"ratchet").await.unwrap();
    store.flushed().await.unwrap();
    store.stanza("6");
    store.store_pending_inbound("c", "other", "6", b"message").await.unwrap();
    assert!(!is_kept_of("other", "6").await);
    store.store_pending_inbound("c", "s", "5", b"message").await.unwrap();
    assert!(is_kept("5").await && !is_kept_of("other", "6").await);
    // What the same sender had written before is done with: only then is the next one decrypted.
    store.stanza("7");
    store.put_session("1@s", b"ratchet").await.unwrap();
    store.flushed().await.unwrap();
    store.delete_pending_inbound("c", "s", "5").await.unwrap();
    store.store_pending_inbound("c", "s", "7", b"message").await.unwrap();
    assert!(!is_kept("7").await);
}

#[tokio::test]
async fn a_ratchet_that_is_written_late_has_moved_past_nothing_that_came_after_it() {
    let base = Base::on(On::Sqlite).await;
    let store = base.store("a").await;
    let other = base.db().write().begin().await.unwrap();
    store.put_session("1@s", b"ratchet").await.unwrap();
    store.stanza("1");
    drop(other);
    store.flushed().await.unwrap();
    store.store_pending_inbound("c", "s", "1", b"message").await.unwrap();
    store.flushed().await.unwrap();
    assert!(base.at("a").get_pending_inbound("c", "s", "1").await.unwrap().is_none());
}

#[tokio::test]
async fn a_retired_store_has_written_what_it_took_in_and_writes_nothing_more() {
    let base = Base::on(On::Sqlite).await;
    let store = Arc::new(base.store("a").await);
    // Nobody else can write as long as this one does.
    let other = base.db().write().begin().await.unwrap();
    store.put_session("1@s", b"ratchet").await.unwrap();
    let mut retiring = tokio::task::JoinSet::new();
    let retired = Arc::clone(&store);
    retiring.spawn(async move { retired.retire().await });
    tokio::time::timeout(Duration::from_millis(50), retiring.join_next())
        .await
        .expect_err("the journal writer waits for the other");
    drop(other);
    retiring.join_next().await.unwrap().unwrap();
    assert!(store.given_up().is_cancelled());
    assert_eq!(base.at("a").get_session("1@s").await.unwrap().as_deref(), Some(&b"ratchet"[..]));
    store.put_session("1@s", b"of a late task").await.unwrap_err();
    store.put_identity("1@s", [1; 32]).await.unwrap_err();
    store.flushed().await.unwrap();
    assert_eq!(base.at("a").get_session("1@s").await.unwrap().as_deref(), Some(&b"ratchet"[..]));
}

#[rstest]
#[tokio::test]
async fn an_id_that_somebody_made_up_stops_nobody(#[values(On::Sqlite, On::Postgres)] on: On) {
    let base = Base::on(on).await;
    let store = base.store("a").await;
    for id in ["nul\0".to_owned(), "x".repeat(5_000)] {
        assert_eq!(store.get_msg_secret("c", "s", &id).await.unwrap(), None);
        store.put_msg_secret("c", "s", &id, &[1; 32]).await.unwrap();
        assert!(store.get_msg_secret("c", "s", &id).await.unwrap().is_some());
        assert!(store.get_pending_inbound("c", "s", &id).await.unwrap().is_none());
        store.store_pending_inbound("c", "s", &id, b"message").await.unwrap();
        store.put_session("1@s", b"ratchet").await.unwrap();
        store.flushed().await.unwrap();
        assert!(base.at("a").get_pending_inbound("c", "s", &id).await.unwrap().is_some());
        store.delete_pending_inbound("c", "s", &id).await.unwrap();
        store.flushed().await.unwrap();
        assert!(base.at("a").get_pending_inbound("c", "s", &id).await.unwrap().is_none());
        store.save_base_key("1@s", &id, b"key").await.unwrap();
        assert!(store.has_same_base_key("1@s", &id, b"key").await.unwrap());
        store.delete_base_key("1@s", &id).await.unwrap();
        store.store_sent_message("c", &id, b"payload").await.unwrap();
        assert!(store.take_sent_message("c", &id).await.unwrap().is_some());
        assert!(!store.given_up().is_cancelled());
    }
}

#[rstest]
#[tokio::test]
async fn a_new_session_stores_the_first_device_that_it_is_given(#[values(On::Sqlite, On::Postgres)] on: On) {
    let base = Base::on(on).await;
    base.store("a").await;
    let id = SessionId::parse("a").unwrap();
    let new = DeviceStore::empty(base.db().clone(), base.journal.clone(), id);
    assert!(!new.exists().await.unwrap());
    new.create().await.unwrap();
    assert!(new.load().await.unwrap().is_none());
    let device = Device::new();
    new.save(&device).await.unwrap();
    assert!(new.exists().await.unwrap());
    for store in [new, base.at("a")] {
        let loaded = store.load().await.unwrap().unwrap();
        assert_eq!(serde_json::to_value(&loaded).unwrap(), serde_json::to_value(&device).unwrap());
    }
}

#[rstest]
#[tokio::test]
async fn a_write_that_fails_is_an_error_and_leaves_nothing(#[values(On::Sqlite, On::Postgres)] on: On) {
    let base = Base::on(on).await;
    let orphan = base.at("no-such-session");
    orphan.put_session("1@s", b"ratchet").await.unwrap();
    tokio::time::timeout(Duration::from_secs(10), orphan.given_up().cancelled())
        .await
        .expect("it is given up, whether or not somebody asks");
    let error = orphan.flushed().await.unwrap_err();
    assert!(matches!(error, StoreError::Database(_)), "{error:?}");
    let keys = [(1, Bytes::from_static(b"key"))];
    assert!(orphan.store_prekeys_batch(&keys, false).await.is_err());
    assert!(orphan.create().await.is_err());
    assert!(rows(base.db(), "no-such-session").await.values().all(|count| *count == 0));

    let store = base.store("a").await;
    base.db().clone().close().await.unwrap();
    store.put_session("1@s", b"ratchet").await.unwrap();
    assert!(store.flushed().await.is_err());
    assert!(store.get_session("1@s").await.is_err());
}

#[rstest]
#[tokio::test]
async fn many_sessions_store_their_first_keys_at_once(#[values(On::Sqlite, On::Postgres)] on: On) {
    let base = Base::on(on).await;
    let keys: Arc<[(u32, Bytes)]> = (1..=812).map(|id| (id, Bytes::from(vec![7; 74]))).collect();
    let mut stores = Vec::new();
    for number in 0..20 {
        stores.push(base.store(&format!("s{number}")).await);
    }
    let done = futures::future::join_all(stores.iter().map(async |store| {
        store.create().await?;
        store.store_prekeys_batch(&keys, false).await?;
        store.remove_prekey(400).await?;
        store.get_max_prekey_id().await
    }))
    .await;
    assert!(done.iter().all(|highest| matches!(highest, Ok(812))), "{done:?}");
}

#[rstest]
#[tokio::test]
async fn the_tables_can_be_taken_down_and_put_up_again(#[values(On::Sqlite, On::Postgres)] on: On) {
    let base = Base::on(on).await;
    Migrator::down(&base.connection().await, None).await.unwrap();
    assert!(rows(base.db(), "a").await.is_empty());
    base.db().migrate().await.unwrap();
    assert_eq!(rows(base.db(), "a").await.len(), 19);
}

#[rstest]
#[tokio::test]
async fn sqlite_waits_for_the_disk_unless_told_otherwise(
    #[values(Synchronous::Full, Synchronous::Normal)] synchronous: Synchronous,
) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("waypost.db");
    let db = Db::sqlite(&file, synchronous).await.unwrap();
    db.migrate().await.unwrap();
    let vacuous = "UPDATE session SET name = 'x' WHERE id = 'nobody'";
    db.write().execute_unprepared(vacuous).await.unwrap();
    // SQLite goes on with the file that it has open; who looks for it to flush it finds none.
    std::fs::remove_file(directory.path().join("waypost.db-wal")).unwrap();
    assert_eq!(db.write().execute_unprepared(vacuous).await.is_err(), synchronous == Synchronous::Full);
    let work = db.write().begin().await.unwrap();
    work.execute_unprepared(vacuous).await.unwrap();
    assert_eq!(work.commit().await.is_err(), synchronous == Synchronous::Full);
}

#[tokio::test]
async fn sqlite_appends_to_a_log_and_keeps_foreign_keys() {
    let directory = tempfile::tempdir().unwrap();
    let db = Db::sqlite(&directory.path().join("waypost.db"), Synchronous::default()).await.unwrap();
    for (pragma, expected) in [("synchronous", "1"), ("foreign_keys", "1"), ("journal_mode", "wal")] {
        let statement = Statement::from_string(DatabaseBackend::Sqlite, format!("PRAGMA {pragma}"));
        let row = db.write().without_fsync().query_one_raw(statement).await.unwrap().unwrap();
        let value = row
            .try_get_by_index::<i64>(0)
            .map(|number| number.to_string())
            .or_else(|_| row.try_get_by_index::<String>(0))
            .unwrap();
        assert_eq!(value, expected, "{pragma}");
    }
}
