//! Laws of `AppSyncStore`.

use rstest::rstest;
use wacore::appstate::hash::HashState;
use wacore::appstate::processor::AppStateMutationMAC;
use wacore::store::traits::AppStateSyncKey;

use super::{On, Stage};

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
