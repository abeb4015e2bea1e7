//! Laws of `SignalStore`.

use bytes::Bytes;
use futures::future::join_all;
use rstest::rstest;

use super::{On, Stage, pre_keys};

fn bytes(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
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
    store.put_identity("88;@s", [0; 32]).await.unwrap();
    store.put_identity("88?:1@s", [0; 32]).await.unwrap();
    for known in ["55", "77", "a%"] {
        assert!(store.has_signal_state_for_user(known).await.unwrap(), "{known}");
    }
    for unknown in ["5", "555", "7", "", "a_", "ab", "_5", "%", "88"] {
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
