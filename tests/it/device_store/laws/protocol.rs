//! Laws of `ProtocolStore`: devices, contacts, groups.

use rstest::rstest;
use wacore::store::traits::{DeviceInfo, DeviceListRecord, LidPnMappingEntry, TcTokenEntry};

use super::{On, Stage};

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

/// The reference forgets L1 here although its mapping stands: when a LID moves it drops the number's entry, whoever
/// that named. "The most recent LID for that phone" is then the one that is left.
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

/// The reference has only the name that it was stored under, and so never finds the tokens that came with the pairs.
#[rstest]
#[tokio::test]
async fn a_token_that_came_before_the_lid_was_known_is_found_by_it(#[values(On::Sqlite, On::Postgres)] on: On) {
    let stage = Stage::on(on).await;
    let store = &stage.store;
    let (number, lid) = ("15550100077", "100000000000077");
    store.store_received_tc_token(number, b"of old", 100).await.unwrap();
    store.touch_tc_token_sender_timestamp(number, 90).await.unwrap();
    assert!(store.get_tc_token(lid).await.unwrap().is_none());
    let (lid_text, phone_number) = (lid.to_owned(), number.to_owned());
    let learning_source = "other".to_owned();
    let pair = LidPnMappingEntry { lid: lid_text, phone_number, created_at: 1, updated_at: 1, learning_source };
    store.put_lid_mapping(&pair).await.unwrap();
    let token = async || {
        let entry = store.get_tc_token(lid).await.unwrap().unwrap();
        (entry.token, entry.token_timestamp, entry.sender_timestamp)
    };
    assert_eq!(token().await, (b"of old".to_vec(), 100, Some(90)));
    store.touch_tc_token_sender_timestamp(lid, 500).await.unwrap(); // a placeholder hides nothing
    assert_eq!(token().await, (b"of old".to_vec(), 100, Some(500)));
    store.store_received_tc_token(lid, b"new", 200).await.unwrap();
    assert_eq!(token().await, (b"new".to_vec(), 200, Some(500)));
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
