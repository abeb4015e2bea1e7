//! Each law of the library's storage, on the reference and on both databases.

use std::sync::Arc;

use bytes::Bytes;
use futures::future::join_all;
use rstest::rstest;
use wacore::appstate::hash::HashState;
use wacore::appstate::processor::AppStateMutationMAC;
use wacore::store::Device;
use wacore::store::traits::{
    AppStateSyncKey, DeviceInfo, DeviceListRecord, LidPnMappingEntry, MsgSecretEntry, PendingInboundKey,
    PendingInboundRow, TcTokenEntry,
};
use wacore::time::now_secs;

use super::{On, Stage};

fn bytes(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

/// A pre-key record is about this long.
fn pre_keys(ids: std::ops::RangeInclusive<u32>) -> Vec<(u32, Bytes)> {
    ids.map(|id| (id, Bytes::from(vec![u8::try_from(id % 251).unwrap(); 74]))).collect()
}

#[rstest]
#[tokio::test]
async fn the_last_identity_of_an_address_counts(#[values(On::Reference, On::Sqlite, On::Postgres)] on: On) {
    let stage = Stage::on(on).await;
    let store = &stage.store;
    assert_eq!(store.load_identity("1@s").await.unwrap(), None);
    store.put_identity("1@s", [1; 32]).await.unwrap();
    store.put_identity("1@s", [2; 32]).await.unwrap();
    assert_eq!(store.load_identity("1@s").await.unwrap(), Some([2; 32]));

    let batch = [("1@s".into(), [3; 32]), ("2@s".into(), [4; 32]), ("1@s".into(), [5; 32])];
    store.put_identities_batch(&batch).await.unwrap();
    assert_eq!(store.load_identity("1@s").await.unwrap(), Some([5; 32]));
    store.delete_identity("1@s").await.unwrap();
    assert_eq!(store.load_identity("1@s").await.unwrap(), None);
    assert_eq!(store.load_identity("2@s").await.unwrap(), Some([4; 32]));
}

#[rstest]
#[tokio::test]
async fn a_ratchet_is_what_was_stored_last(#[values(On::Reference, On::Sqlite, On::Postgres)] on: On) {
    let stage = Stage::on(on).await;
    let store = &stage.store;
    store.put_session("1:2@s", b"one").await.unwrap();
    let batch = [("1:2@s".into(), bytes("two")), ("3@s".into(), Bytes::new()), ("1:2@s".into(), bytes("three"))];
    store.put_sessions_batch(&batch).await.unwrap();
    assert_eq!(store.get_session("1:2@s").await.unwrap(), Some(bytes("three")));
    assert_eq!(store.get_session("3@s").await.unwrap(), Some(Bytes::new()));
    assert!(store.has_session("3@s").await.unwrap());
    store.delete_session("3@s").await.unwrap();
    store.delete_session("3@s").await.unwrap();
    assert!(!store.has_session("3@s").await.unwrap());
    store.put_sessions_batch(&[]).await.unwrap();
}

#[rstest]
#[tokio::test]
async fn a_user_is_known_by_any_device_and_not_by_a_longer_name(
    #[values(On::Reference, On::Sqlite, On::Postgres)] on: On,
) {
    let stage = Stage::on(on).await;
    let store = &stage.store;
    store.put_session("55:3@lid", b"x").await.unwrap();
    store.put_identity("77@s.whatsapp.net", [0; 32]).await.unwrap();
    store.put_identity("a%@s", [0; 32]).await.unwrap();
    for known in ["55", "77", "a%"] {
        assert!(store.has_signal_state_for_user(known).await.unwrap(), "{known}");
    }
    for unknown in ["5", "555", "7", "", "a_", "ab", "_5", "%"] {
        assert!(!store.has_signal_state_for_user(unknown).await.unwrap(), "{unknown}");
    }
}

#[rstest]
#[tokio::test]
async fn a_full_upload_of_pre_keys_is_stored_and_read_at_once(
    #[values(On::Reference, On::Sqlite, On::Postgres)] on: On,
) {
    let stage = Stage::on(on).await;
    let store = &stage.store;
    assert_eq!(store.get_max_prekey_id().await.unwrap(), 0);
    let keys = pre_keys(5..=816);
    store.store_prekeys_batch(&keys, false).await.unwrap();
    let ids: Vec<u32> = keys.iter().map(|(id, _)| *id).collect();
    assert_eq!(store.load_prekeys_batch(&ids).await.unwrap(), keys);
    assert_eq!(store.load_prekeys_batch(&[900, 6, 5, 4]).await.unwrap(), [keys[1].clone(), keys[0].clone()]);
    assert_eq!(store.get_max_prekey_id().await.unwrap(), 816);
    store.mark_prekeys_uploaded(&ids).await.unwrap();
    assert_eq!(store.load_prekeys_batch(&ids).await.unwrap(), keys);
}

#[rstest]
#[tokio::test]
async fn a_consumed_pre_key_stays_consumed_when_its_upload_is_marked(
    #[values(On::Reference, On::Sqlite, On::Postgres)] on: On,
) {
    let stage = Stage::on(on).await;
    let store = &stage.store;
    store.store_prekeys_batch(&pre_keys(1..=3), false).await.unwrap();
    store.remove_prekey(2).await.unwrap();
    store.mark_prekeys_uploaded(&[1, 2, 3, 4]).await.unwrap();
    assert_eq!(store.load_prekey(2).await.unwrap(), None);
    assert_eq!(store.load_prekey(4).await.unwrap(), None);
    let left: Vec<u32> = store.load_prekeys_batch(&[1, 2, 3, 4]).await.unwrap().into_iter().map(|(id, _)| id).collect();
    assert_eq!(left, [1, 3]);
}

#[rstest]
#[tokio::test]
async fn the_highest_pre_key_id_is_of_a_key_that_exists(#[values(On::Reference, On::Sqlite, On::Postgres)] on: On) {
    let stage = Stage::on(on).await;
    let store = &stage.store;
    for id in [u32::MAX, 0x00ff_ffff, 15, 16, 17] {
        store.store_prekey(id, b"key", true).await.unwrap();
    }
    for (highest, next) in [(u32::MAX, 0x00ff_ffff), (0x00ff_ffff, 17), (17, 16), (16, 15), (15, 0)] {
        assert_eq!(store.get_max_prekey_id().await.unwrap(), highest);
        store.remove_prekey(highest).await.unwrap();
        assert_eq!(store.get_max_prekey_id().await.unwrap(), next);
    }
}

#[rstest]
#[tokio::test]
async fn pre_keys_that_are_consumed_at_the_same_time_are_all_gone(
    #[values(On::Reference, On::Sqlite, On::Postgres)] on: On,
) {
    let stage = Stage::on(on).await;
    let store = &stage.store;
    store.store_prekeys_batch(&pre_keys(1..=40), false).await.unwrap();
    let done = join_all((1..=40).filter(|id| *id != 20).map(|id| store.remove_prekey(id))).await;
    assert!(done.iter().all(Result::is_ok), "{done:?}");
    let ids: Vec<u32> = (1..=40).collect();
    assert_eq!(store.load_prekeys_batch(&ids).await.unwrap(), pre_keys(20..=20));
}

#[rstest]
#[tokio::test]
async fn signed_pre_keys_are_found_one_by_one_and_together(#[values(On::Reference, On::Sqlite, On::Postgres)] on: On) {
    let stage = Stage::on(on).await;
    let store = &stage.store;
    store.store_signed_prekey(1, b"one").await.unwrap();
    store.store_signed_prekey(u32::MAX, b"two").await.unwrap();
    store.store_signed_prekey(1, b"three").await.unwrap();
    assert_eq!(store.load_signed_prekey(1).await.unwrap(), Some(b"three".to_vec()));
    let mut all = store.load_all_signed_prekeys().await.unwrap();
    all.sort();
    assert_eq!(all, [(1, b"three".to_vec()), (u32::MAX, b"two".to_vec())]);
    store.remove_signed_prekey(1).await.unwrap();
    assert_eq!(store.load_signed_prekey(1).await.unwrap(), None);
}

#[rstest]
#[tokio::test]
async fn the_last_sender_key_of_an_address_counts(#[values(On::Reference, On::Sqlite, On::Postgres)] on: On) {
    let stage = Stage::on(on).await;
    let store = &stage.store;
    store.put_sender_key("g::1", b"one").await.unwrap();
    let batch = [("g::1".into(), bytes("two")), ("g::2".into(), bytes("b")), ("g::1".into(), bytes("three"))];
    store.put_sender_keys_batch(&batch).await.unwrap();
    assert_eq!(store.get_sender_key("g::1").await.unwrap(), Some(b"three".to_vec()));
    store.delete_sender_key("g::1").await.unwrap();
    assert_eq!(store.get_sender_key("g::1").await.unwrap(), None);
    assert_eq!(store.get_sender_key("g::2").await.unwrap(), Some(b"b".to_vec()));
}

#[rstest]
#[tokio::test]
async fn the_latest_app_state_key_is_the_one_stored_last_whatever_its_timestamp(
    #[values(On::Reference, On::Sqlite, On::Postgres)] on: On,
) {
    let stage = Stage::on(on).await;
    let store = &stage.store;
    let key = |timestamp| AppStateSyncKey { key_data: vec![1, 2], fingerprint: vec![3], timestamp };
    assert_eq!(store.get_latest_sync_key_id().await.unwrap(), None);
    for (id, timestamp) in [([9_u8, 9], 50), ([1, 1], 10), ([5, 5], 90), ([1, 1], 20)] {
        store.set_sync_key(&id, key(timestamp)).await.unwrap();
        assert_eq!(store.get_latest_sync_key_id().await.unwrap(), Some(id.to_vec()));
    }
    let found = store.get_sync_key(&[1, 1]).await.unwrap().unwrap();
    assert_eq!((found.key_data, found.fingerprint, found.timestamp), (vec![1, 2], vec![3], 20));
    assert!(store.get_sync_key(&[1]).await.unwrap().is_none());
}

#[rstest]
#[tokio::test]
async fn a_collection_keeps_its_whole_state(#[values(On::Reference, On::Sqlite, On::Postgres)] on: On) {
    let stage = Stage::on(on).await;
    let store = &stage.store;
    assert_eq!(store.get_version("regular").await.unwrap().version, 0);
    let state = HashState {
        version: u64::MAX,
        hash: std::array::from_fn(|place| u8::try_from(place).unwrap()),
        index_value_map: [("index".to_owned(), vec![7, 8])].into(),
        mac_mismatch_fatal: true,
    };
    store.set_version("regular", state.clone()).await.unwrap();
    assert_eq!(format!("{:?}", store.get_version("regular").await.unwrap()), format!("{state:?}"));
    store.set_version("regular", HashState { version: 3, ..HashState::default() }).await.unwrap();
    let plain = HashState { version: 3, ..HashState::default() };
    assert_eq!(format!("{:?}", store.get_version("regular").await.unwrap()), format!("{plain:?}"));
}

#[rstest]
#[tokio::test]
async fn macs_are_kept_by_collection_and_index_and_read_in_one_go(
    #[values(On::Reference, On::Sqlite, On::Postgres)] on: On,
) {
    let stage = Stage::on(on).await;
    let store = &stage.store;
    let mac = |index: u8, value: u8| AppStateMutationMAC { index_mac: vec![index; 32], value_mac: vec![value; 32] };
    store.put_mutation_macs("a", 1, &[mac(1, 1), mac(2, 2), mac(1, 3)]).await.unwrap();
    store.put_mutation_macs("b", 1, &[mac(1, 9)]).await.unwrap();
    assert_eq!(store.get_mutation_mac("a", &[1; 32]).await.unwrap(), Some(vec![3; 32]));
    let found = store.get_mutation_macs("a", &[[1; 32], [2; 32], [3; 32]]).await.unwrap();
    assert_eq!(found, [([1; 32], vec![3; 32]), ([2; 32], vec![2; 32])].into());

    store.delete_mutation_macs("a", &[vec![2; 32], vec![7; 32]]).await.unwrap();
    store.delete_mutation_macs("a", &[]).await.unwrap();
    assert_eq!(store.get_mutation_mac("a", &[2; 32]).await.unwrap(), None);
    store.clear_mutation_macs("a").await.unwrap();
    assert_eq!(store.get_mutation_mac("a", &[1; 32]).await.unwrap(), None);
    assert_eq!(store.get_mutation_mac("b", &[1; 32]).await.unwrap(), Some(vec![9; 32]));
}

#[rstest]
#[tokio::test]
async fn a_batch_may_be_longer_than_a_statement_can_bind(#[values(On::Reference, On::Sqlite, On::Postgres)] on: On) {
    let stage = Stage::on(on).await;
    let store = &stage.store;
    let index = |number: u32| -> [u8; 32] { std::array::from_fn(|place| number.to_be_bytes()[place % 4]) };
    let macs: Vec<_> =
        (0..9_000).map(|n| AppStateMutationMAC { index_mac: index(n).to_vec(), value_mac: vec![1] }).collect();
    store.put_mutation_macs("a", 1, &macs).await.unwrap();
    let all: Vec<_> = (0..9_000).map(index).collect();
    assert_eq!(store.get_mutation_macs("a", &all).await.unwrap().len(), 9_000);
    store.delete_mutation_macs("a", &all.iter().map(|mac| mac.to_vec()).collect::<Vec<_>>()).await.unwrap();
    assert_eq!(store.get_mutation_macs("a", &all).await.unwrap().len(), 0);

    let ids: Vec<String> = (0..3_000).map(|n| n.to_string()).collect();
    let rows: Vec<_> = ids.iter().map(|id| PendingInboundRow { chat: "c", sender: "s", id, message: b"m" }).collect();
    store.store_pending_inbound_batch(&rows).await.unwrap();
    let keys: Vec<_> = ids.iter().map(|id| PendingInboundKey { chat: "c", sender: "s", id }).collect();
    store.delete_pending_inbound_batch(&keys[1..]).await.unwrap();
    assert_eq!(store.get_pending_inbound("c", "s", "2999").await.unwrap(), None);
    assert_eq!(store.get_pending_inbound("c", "s", "0").await.unwrap(), Some(b"m".to_vec()));

    let keys = pre_keys(1..=8_120);
    store.store_prekeys_batch(&keys, false).await.unwrap();
    let ids: Vec<u32> = keys.iter().map(|(id, _)| *id).collect();
    store.mark_prekeys_uploaded(&ids).await.unwrap();
    assert_eq!(store.load_prekeys_batch(&ids).await.unwrap(), keys);
}

#[rstest]
#[tokio::test]
async fn a_device_is_forgotten_in_every_group_at_once(#[values(On::Reference, On::Sqlite, On::Postgres)] on: On) {
    let stage = Stage::on(on).await;
    let store = &stage.store;
    let devices = async |group: &str| {
        let mut devices = store.get_sender_key_devices(group).await.unwrap();
        devices.sort();
        devices
    };
    store.set_sender_key_status("g1", &[("d1", true), ("d2", true), ("d1", false)]).await.unwrap();
    store.set_sender_key_status("g2", &[("d1", true), ("d3", true)]).await.unwrap();
    assert_eq!(devices("g1").await, [("d1".to_owned(), false), ("d2".to_owned(), true)]);
    store.delete_sender_key_device_rows(&["d1"]).await.unwrap();
    store.delete_sender_key_device_rows(&[]).await.unwrap();
    assert_eq!(devices("g1").await, [("d2".to_owned(), true)]);
    assert_eq!(devices("g2").await, [("d3".to_owned(), true)]);
    store.clear_sender_key_devices("g1").await.unwrap();
    assert_eq!(devices("g1").await, []);
    store.clear_all_sender_key_devices().await.unwrap();
    assert_eq!(devices("g2").await, []);
}

fn mapping(lid: &str, phone_number: &str, updated_at: i64) -> LidPnMappingEntry {
    LidPnMappingEntry {
        lid: lid.to_owned(),
        phone_number: phone_number.to_owned(),
        created_at: updated_at,
        updated_at,
        learning_source: "usync".to_owned(),
    }
}

#[rstest]
#[tokio::test]
async fn a_number_leads_to_the_lid_that_was_learned_last(#[values(On::Reference, On::Sqlite, On::Postgres)] on: On) {
    let stage = Stage::on(on).await;
    let store = &stage.store;
    let lid_of = async |number: &str| store.get_pn_mapping(number).await.unwrap().map(|entry| entry.lid);
    store.put_lid_mapping(&mapping("L1", "1", 100)).await.unwrap();
    store.put_lid_mappings(&[mapping("L2", "1", 200), mapping("L3", "3", 1), mapping("L3", "3", 2)]).await.unwrap();
    assert_eq!(lid_of("1").await.as_deref(), Some("L2"));
    assert_eq!(store.get_lid_mapping("L1").await.unwrap().unwrap().phone_number, "1");
    assert_eq!(store.get_lid_mapping("L3").await.unwrap().unwrap().updated_at, 2);
    assert_eq!(store.get_all_lid_mappings().await.unwrap().len(), 3);
    store.put_lid_mapping(&mapping("L3", "4", 300)).await.unwrap();
    assert_eq!(lid_of("3").await, None);
    assert_eq!(lid_of("4").await.as_deref(), Some("L3"));
}

/// The reference forgets L1 here although its mapping stands: when a LID moves it drops the number's entry, whoever that
/// named. "The most recent LID for that phone" is then the one that is left.
#[rstest]
#[tokio::test]
async fn a_number_whose_last_lid_moved_away_leads_to_the_one_before(#[values(On::Sqlite, On::Postgres)] on: On) {
    let stage = Stage::on(on).await;
    let store = &stage.store;
    store.put_lid_mapping(&mapping("L1", "1", 100)).await.unwrap();
    store.put_lid_mapping(&mapping("L2", "1", 200)).await.unwrap();
    store.put_lid_mapping(&mapping("L2", "2", 300)).await.unwrap();
    assert_eq!(store.get_pn_mapping("1").await.unwrap().unwrap().lid, "L1");
}

#[rstest]
#[tokio::test]
async fn a_base_key_is_compared_for_its_message_only(#[values(On::Reference, On::Sqlite, On::Postgres)] on: On) {
    let stage = Stage::on(on).await;
    let store = &stage.store;
    store.save_base_key("1@s", "m1", b"one").await.unwrap();
    store.save_base_key("1@s", "m1", b"two").await.unwrap();
    assert!(store.has_same_base_key("1@s", "m1", b"two").await.unwrap());
    assert!(!store.has_same_base_key("1@s", "m1", b"one").await.unwrap());
    assert!(!store.has_same_base_key("1@s", "m2", b"two").await.unwrap());
    store.delete_base_key("1@s", "m1").await.unwrap();
    assert!(!store.has_same_base_key("1@s", "m1", b"two").await.unwrap());
}

#[rstest]
#[tokio::test]
async fn a_device_list_comes_back_whole(#[values(On::Reference, On::Sqlite, On::Postgres)] on: On) {
    let stage = Stage::on(on).await;
    let store = &stage.store;
    let record = |user: &str, timestamp| DeviceListRecord {
        user: user.to_owned(),
        devices: vec![DeviceInfo::new(0, None), DeviceInfo::new(u32::MAX, Some(u32::MAX)).with_hosting(true)],
        timestamp,
        phash: Some("2:abc".to_owned()),
        raw_id: Some(u32::MAX),
    };
    store.update_device_list(DeviceListRecord { phash: None, raw_id: None, ..record("1", 1) }).await.unwrap();
    store.update_device_lists(vec![record("1", 2), record("2", 3), record("1", 4)]).await.unwrap();
    let found = store.get_devices("1").await.unwrap().unwrap();
    assert_eq!(format!("{found:?}"), format!("{:?}", record("1", 4)));
    store.delete_devices("1").await.unwrap();
    assert!(store.get_devices("1").await.unwrap().is_none());
    assert!(store.get_devices("2").await.unwrap().is_some());
    store.update_device_lists(Vec::new()).await.unwrap();
}

#[rstest]
#[tokio::test]
async fn group_metadata_is_kept_until_it_is_deleted(#[values(On::Reference, On::Sqlite, On::Postgres)] on: On) {
    let stage = Stage::on(on).await;
    let store = &stage.store;
    store.put_group_metadata("g", &[1; 9_000]).await.unwrap();
    store.put_group_metadata("g", &[2; 9_000]).await.unwrap();
    assert_eq!(store.get_group_metadata("g").await.unwrap(), Some(vec![2; 9_000]));
    store.delete_group_metadata("g").await.unwrap();
    assert_eq!(store.get_group_metadata("g").await.unwrap(), None);
}

#[rstest]
#[tokio::test]
async fn a_stale_token_never_replaces_a_newer_one(#[values(On::Reference, On::Sqlite, On::Postgres)] on: On) {
    let stage = Stage::on(on).await;
    let store = &stage.store;
    let token = async || {
        let entry = store.get_tc_token("1@lid").await.unwrap().unwrap();
        (entry.token, entry.token_timestamp, entry.sender_timestamp)
    };
    store.touch_tc_token_sender_timestamp("1@lid", 500).await.unwrap();
    assert_eq!(token().await, (vec![], 500, Some(500)));
    store.store_received_tc_token("1@lid", b"first", 100).await.unwrap(); // a placeholder never blocks the first
    assert_eq!(token().await, (b"first".to_vec(), 100, Some(500)));
    store.store_received_tc_token("1@lid", b"stale", 99).await.unwrap();
    assert_eq!(token().await, (b"first".to_vec(), 100, Some(500)));
    store.store_received_tc_token("1@lid", b"same", 100).await.unwrap();
    assert_eq!(token().await, (b"same".to_vec(), 100, Some(500)));
    store.touch_tc_token_sender_timestamp("1@lid", 400).await.unwrap();
    assert_eq!(token().await, (b"same".to_vec(), 100, Some(500)));
    store.touch_tc_token_sender_timestamp("1@lid", 600).await.unwrap();
    assert_eq!(token().await, (b"same".to_vec(), 100, Some(600)));

    store.store_received_tc_token("2@lid", b"new", 7).await.unwrap();
    store.touch_tc_token_sender_timestamp("2@lid", 5).await.unwrap();
    let mut jids = store.get_all_tc_token_jids().await.unwrap();
    jids.sort();
    assert_eq!(jids, ["1@lid", "2@lid"]);
    store.delete_tc_token("2@lid").await.unwrap();
    assert!(store.get_tc_token("2@lid").await.unwrap().is_none());
}

#[rstest]
#[tokio::test]
async fn a_token_expires_only_when_both_its_halves_are_stale(
    #[values(On::Reference, On::Sqlite, On::Postgres)] on: On,
) {
    let stage = Stage::on(on).await;
    let store = &stage.store;
    let entry = |token: &[u8], token_timestamp, sender_timestamp| TcTokenEntry {
        token: token.to_vec(),
        token_timestamp,
        sender_timestamp,
    };
    for (jid, entry) in [
        ("fresh token", entry(b"t", 10, None)),
        ("fresh sender", entry(b"t", 9, Some(20))),
        ("fresh placeholder", entry(b"", 9, Some(20))),
        ("stale", entry(b"t", 9, Some(19))),
        ("stale placeholder", entry(b"", 10, Some(19))),
        ("stale, no sender", entry(b"t", 9, None)),
    ] {
        store.put_tc_token(jid, &entry).await.unwrap();
    }
    assert_eq!(store.delete_expired_tc_tokens(10, 20).await.unwrap(), 3);
    let mut left = store.get_all_tc_token_jids().await.unwrap();
    left.sort();
    assert_eq!(left, ["fresh placeholder", "fresh sender", "fresh token"]);
}

#[rstest]
#[tokio::test]
async fn a_sent_message_is_taken_by_one_receipt_only(#[values(On::Reference, On::Sqlite, On::Postgres)] on: On) {
    let stage = Stage::on(on).await;
    let store = &stage.store;
    store.store_sent_message("c", "m", b"one").await.unwrap();
    store.store_sent_message("c", "m", b"two").await.unwrap();
    store.store_sent_message("c", "n", b"other").await.unwrap();
    let taken = join_all((0..8).map(|_| store.take_sent_message("c", "m"))).await;
    let taken: Vec<_> = taken.into_iter().filter_map(Result::unwrap).collect();
    assert_eq!(taken, [b"two"]);
    assert_eq!(store.delete_expired_sent_messages(now_secs() - 60).await.unwrap(), 0);
    assert_eq!(store.delete_expired_sent_messages(now_secs() + 60).await.unwrap(), 1);
    assert_eq!(store.take_sent_message("c", "n").await.unwrap(), None);
}

#[rstest]
#[tokio::test]
async fn a_pending_message_is_read_until_it_is_committed(#[values(On::Reference, On::Sqlite, On::Postgres)] on: On) {
    let stage = Stage::on(on).await;
    let store = &stage.store;
    store.store_pending_inbound("c", "s", "1", b"one").await.unwrap();
    let row = |id, message| PendingInboundRow { chat: "c", sender: "s", id, message };
    store.store_pending_inbound_batch(&[row("1", b"two"), row("2", b"b"), row("1", b"three")]).await.unwrap();
    store.store_pending_inbound("c", "t", "1", b"another sender's").await.unwrap();
    assert_eq!(store.get_pending_inbound("c", "s", "1").await.unwrap(), Some(b"three".to_vec()));
    assert_eq!(store.get_pending_inbound("c", "s", "1").await.unwrap(), Some(b"three".to_vec()));
    let key = |id| PendingInboundKey { chat: "c", sender: "s", id };
    store.delete_pending_inbound_batch(&[key("1"), key("2"), key("3")]).await.unwrap();
    store.delete_pending_inbound_batch(&[]).await.unwrap();
    store.store_pending_inbound_batch(&[]).await.unwrap();
    assert_eq!(store.get_pending_inbound("c", "s", "1").await.unwrap(), None);
    assert_eq!(store.get_pending_inbound("c", "s", "2").await.unwrap(), None);
    assert_eq!(store.get_pending_inbound("c", "t", "1").await.unwrap(), Some(b"another sender's".to_vec()));
    assert_eq!(store.delete_expired_pending_inbound(now_secs() - 60).await.unwrap(), 0);
    assert_eq!(store.delete_expired_pending_inbound(now_secs() + 60).await.unwrap(), 1);
    store.delete_pending_inbound("c", "t", "1").await.unwrap();
}

fn secret(id: &str, secret: u8, expires_at: i64, message_ts: i64) -> MsgSecretEntry {
    let [chat, sender, msg_id] = ["c", "s", id].map(Arc::from);
    MsgSecretEntry { chat, sender, msg_id, secret: [secret; 32], expires_at, message_ts }
}

#[rstest]
#[tokio::test]
async fn a_secret_stored_again_never_lives_shorter(#[values(On::Reference, On::Sqlite, On::Postgres)] on: On) {
    let stage = Stage::on(on).await;
    let store = &stage.store;
    let batch = vec![secret("1", 1, 100, 50), secret("2", 2, 100, 0), secret("1", 3, 90, 0)];
    assert_eq!(store.put_msg_secrets(batch).await.unwrap(), 3);
    assert_eq!(store.put_msg_secrets(vec![secret("2", 4, 0, 60), secret("1", 5, 95, 40)]).await.unwrap(), 2);
    assert_eq!(store.put_msg_secrets(vec![secret("2", 6, 10, 0)]).await.unwrap(), 1);
    assert_eq!(store.put_msg_secrets(Vec::new()).await.unwrap(), 0);
    assert_eq!(store.get_msg_secret_with_ts("c", "s", "1").await.unwrap(), Some((vec![5; 32], 50)));
    assert_eq!(store.get_msg_secret_with_ts("c", "s", "2").await.unwrap(), Some((vec![6; 32], 60)));
    assert_eq!(store.delete_expired_msg_secrets(99).await.unwrap(), 0);
    assert_eq!(store.delete_expired_msg_secrets(100).await.unwrap(), 1);
    assert_eq!(store.get_msg_secret("c", "s", "1").await.unwrap(), None);
    assert_eq!(store.delete_expired_msg_secrets(i64::MAX).await.unwrap(), 0);
    store.put_msg_secret("c", "s", "3", &[7; 32]).await.unwrap();
    assert_eq!(store.get_msg_secret("c", "s", "3").await.unwrap(), Some(vec![7; 32]));
}

#[rstest]
#[tokio::test]
async fn a_device_keeps_the_keys_it_was_created_with(#[values(On::Reference, On::Sqlite, On::Postgres)] on: On) {
    let stage = Stage::on(on).await;
    let store = &stage.store;
    let keys = |device: &Device| (device.registration_id, device.identity_key.private_key.serialize().to_vec());
    assert!(!store.exists().await.unwrap());
    assert!(store.load().await.unwrap().is_none());
    store.create().await.unwrap();
    assert!(store.exists().await.unwrap());
    let mut device = store.load().await.unwrap().unwrap();
    store.create().await.unwrap();
    assert_eq!(keys(&store.load().await.unwrap().unwrap()), keys(&device));

    device.push_name = "Ünïcode 🐟".to_owned();
    device.pn = Some("15550100001@s.whatsapp.net".parse().unwrap());
    device.next_pre_key_id = 813;
    device.edge_routing_info = Some(vec![0, 255]);
    store.save(&device).await.unwrap();
    let loaded = store.load().await.unwrap().unwrap();
    assert_eq!(serde_json::to_value(&loaded).unwrap(), serde_json::to_value(&device).unwrap());
}

#[rstest]
#[tokio::test]
async fn a_device_is_saved_without_being_created(#[values(On::Reference, On::Sqlite, On::Postgres)] on: On) {
    let stage = Stage::on(on).await;
    stage.store.save(&Device::new()).await.unwrap();
    assert!(stage.store.exists().await.unwrap());
    stage.store.snapshot_db("name", None).await.unwrap();
}
