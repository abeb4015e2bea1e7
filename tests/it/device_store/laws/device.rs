//! Laws of `DeviceStore`, and of batches in every trait.

use rstest::rstest;
use wacore::appstate::processor::AppStateMutationMAC;
use wacore::store::Device;
use wacore::store::traits::{PendingInboundKey, PendingInboundRow};

use super::{On, Stage, pre_keys};

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
    // A ratchet takes them along into the table.
    store.put_session("1@s", b"ratchet").await.unwrap();
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
