//! Laws of `ProtocolStore` and `MsgSecretStore`: what is kept of messages.

use std::sync::Arc;

use futures::future::join_all;
use rstest::rstest;
use wacore::store::traits::{MsgSecretEntry, PendingInboundKey, PendingInboundRow};
use wacore::time::now_secs;

use super::{On, Stage};

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

/// PostgreSQL has no place for a NUL; whoever can make one reach a key must not be able to stop a session with it.
#[rstest]
#[tokio::test]
async fn an_id_of_somebody_else_may_be_anything(#[values(On::Sqlite, On::Postgres)] on: On) {
    let stage = Stage::on(on).await;
    let store = &stage.store;
    let long = "x".repeat(5_000);
    for odd in ["a\0b", long.as_str()] {
        store.put_identity(odd, [7; 32]).await.unwrap();
        assert_eq!(store.load_identity(odd).await.unwrap(), Some([7; 32]));
        store.put_session(odd, b"record").await.unwrap();
        assert!(store.has_session(odd).await.unwrap());
        store.has_signal_state_for_user(odd).await.unwrap();
        store.put_sender_key(odd, b"record").await.unwrap();
        assert_eq!(store.get_sender_key(odd).await.unwrap(), Some(b"record".to_vec()));
        store.save_base_key(odd, odd, b"key").await.unwrap();
        assert!(store.has_same_base_key(odd, odd, b"key").await.unwrap());
        store.set_sender_key_status(odd, &[(odd, true)]).await.unwrap();
        assert_eq!(store.get_sender_key_devices(odd).await.unwrap().len(), 1);
        store.delete_sender_key_device_rows(&[odd]).await.unwrap();
        assert_eq!(store.get_sender_key_devices(odd).await.unwrap(), []);
        store.put_group_metadata(odd, b"blob").await.unwrap();
        assert_eq!(store.get_group_metadata(odd).await.unwrap(), Some(b"blob".to_vec()));
        store.store_sent_message(odd, odd, b"sent").await.unwrap();
        assert_eq!(store.take_sent_message(odd, odd).await.unwrap(), Some(b"sent".to_vec()));
        assert!(store.get_devices(odd).await.unwrap().is_none());
        assert!(store.get_lid_mapping(odd).await.unwrap().is_none());
        assert!(store.get_pn_mapping(odd).await.unwrap().is_none());
    }
}
