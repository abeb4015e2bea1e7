//! Random sequences of calls: ours answers each as the reference does, and holds the same in the end.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::{Strategy, any};
use proptest::sample::select;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use sea_orm::{EnumIter, Iterable};
use wacore::appstate::hash::HashState;
use wacore::appstate::processor::AppStateMutationMAC;
use wacore::store::InMemoryBackend;
use wacore::store::error::Result;
use wacore::store::traits::{
    AppStateSyncKey, Backend, DeviceInfo, DeviceListRecord, LidPnMappingEntry, MsgSecretEntry, PendingInboundKey,
    PendingInboundRow, TcTokenEntry,
};
use wacore::time::now_secs;

use super::Base;

/// Sequences on SQLite.
const CASES: u32 = 200;
/// Sequences on PostgreSQL, which is slower and runs the same statements but for their spelling.
const CASES_POSTGRES: u32 = 40;
/// Calls in a sequence.
const CALLS: usize = 60;

/// The methods that change something; what they leave is looked at with the others.
#[derive(Clone, Copy, Debug, EnumIter)]
enum Call {
    PutIdentity,
    PutIdentities,
    DeleteIdentity,
    PutSession,
    PutSessions,
    DeleteSession,
    StorePreKey,
    StorePreKeys,
    MarkPreKeys,
    RemovePreKey,
    StoreSignedPreKey,
    RemoveSignedPreKey,
    PutSenderKey,
    PutSenderKeys,
    DeleteSenderKey,
    SetSyncKey,
    SetVersion,
    PutMacs,
    DeleteMacs,
    ClearMacs,
    SetSenderKeyStatus,
    ClearSenderKeyDevices,
    DeleteSenderKeyDevices,
    ClearAllSenderKeyDevices,
    PutLidMapping,
    PutLidMappings,
    SaveBaseKey,
    DeleteBaseKey,
    UpdateDeviceList,
    UpdateDeviceLists,
    DeleteDevices,
    PutGroupMetadata,
    DeleteGroupMetadata,
    PutTcToken,
    DeleteTcToken,
    DeleteExpiredTcTokens,
    TouchTcToken,
    ReceiveTcToken,
    StoreSentMessage,
    TakeSentMessage,
    DeleteExpiredSentMessages,
    StorePending,
    StorePendingBatch,
    DeletePending,
    DeletePendingBatch,
    DeleteExpiredPending,
    PutSecrets,
    DeleteExpiredSecrets,
    SaveDevice,
}

/// A call with what it is called with; each takes what it needs. Keys are few, so that they meet.
#[derive(Clone, Debug)]
struct Step {
    call: Call,
    key: u8,
    other: u8,
    flag: bool,
    moment: i64,
    /// Keys and values of a batch; a key may come twice.
    batch: Vec<(u8, u8)>,
}

/// Distinct keys.
const KEYS: u8 = 4;
/// Distinct pre-key ids; more than a block has.
const IDS: u8 = 40;

fn step() -> impl Strategy<Value = Step> {
    let batch = vec((0..IDS, any::<u8>()), 0..12);
    (select(Call::iter().collect::<Vec<_>>()), 0..KEYS, 0..IDS, any::<bool>(), 0_i64..6, batch)
        .prop_map(|(call, key, other, flag, moment, batch)| Step { call, key, other, flag, moment, batch })
}

#[test]
fn sqlite_answers_as_the_reference_does() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let base = runtime.block_on(Base::sqlite());
    compare(&runtime, &base, CASES);
}

#[test]
fn postgres_answers_as_the_reference_does() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let base = runtime.block_on(Base::postgres());
    compare(&runtime, &base, CASES_POSTGRES);
}

fn compare(runtime: &tokio::runtime::Runtime, base: &Base, cases: u32) {
    let sessions = AtomicU32::new(0);
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new(config).run(&vec(step(), 1..CALLS), |steps| {
        let session = format!("s{}", sessions.fetch_add(1, Ordering::Relaxed));
        runtime.block_on(async {
            let ours: Arc<dyn Backend> = Arc::new(base.store(&session).await);
            let reference: Arc<dyn Backend> = Arc::new(InMemoryBackend::new());
            for step in &steps {
                let (answer, expected) = (take(&*ours, step).await, take(&*reference, step).await);
                same(format!("{:?}", step.call), answer.unwrap(), expected.unwrap())?;
            }
            for key in 0..IDS {
                let (held, expected) = (look(&*ours, key).await, look(&*reference, key).await);
                same(format!("key {key}"), held.unwrap(), expected.unwrap())?;
            }
            let (numbers, expected) = (numbers(&*ours).await, numbers_by_law(&*reference).await);
            same("numbers".to_owned(), numbers.unwrap(), expected.unwrap())?;
            same("all".to_owned(), look_at_all(&*ours).await.unwrap(), look_at_all(&*reference).await.unwrap())
        })
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}

fn same<T: PartialEq + Debug>(what: String, ours: T, reference: T) -> std::result::Result<(), TestCaseError> {
    if ours == reference {
        Ok(())
    } else {
        Err(TestCaseError::fail(format!("{what}: ours {ours:?}, reference {reference:?}")))
    }
}

fn name(key: u8) -> String {
    format!("{}:{}@lid", key / 2, key % 2)
}

fn value(byte: u8) -> Bytes {
    Bytes::from(vec![byte; usize::from(byte)])
}

fn mapping(lid: u8, number: u8, moment: i64) -> LidPnMappingEntry {
    LidPnMappingEntry {
        lid: name(lid % KEYS),
        phone_number: name(number % KEYS),
        created_at: moment,
        updated_at: moment,
        learning_source: "usync".to_owned(),
    }
}

fn devices(user: u8, device: u8, moment: i64) -> DeviceListRecord {
    DeviceListRecord {
        user: name(user % KEYS),
        devices: (0..device % 3).map(|id| DeviceInfo::new(id.into(), (id > 0).then_some(7))).collect(),
        timestamp: moment,
        phash: (device % 2 == 0).then(|| name(device)),
        raw_id: (device % 3 == 0).then_some(u32::MAX),
    }
}

fn secret(id: u8, secret: u8, moment: i64) -> MsgSecretEntry {
    let [chat, sender, msg_id] = [name(0), name(1), name(id % KEYS)].map(Arc::from);
    MsgSecretEntry { chat, sender, msg_id, secret: [secret; 32], expires_at: moment, message_ts: moment / 2 }
}

fn cutoff(is_all: bool) -> i64 {
    if is_all { now_secs() + 60 } else { now_secs() - 60 }
}

/// Makes the call and tells its answer.
async fn take(store: &dyn Backend, step: &Step) -> Result<String> {
    let Step { call, key, other, flag, moment, batch } = step;
    let (key, other, flag, moment) = (*key, *other, *flag, *moment);
    let at = name(key);
    let bytes = value(other);
    let named: Vec<(Arc<str>, Bytes)> =
        batch.iter().map(|(key, byte)| (Arc::from(name(key % KEYS)), value(*byte))).collect();
    let ids: Vec<u32> = batch.iter().map(|(id, _)| u32::from(*id)).collect();
    match call {
        Call::PutIdentity => store.put_identity(&at, [other; 32]).await?,
        Call::PutIdentities => {
            let keys: Vec<_> = batch.iter().map(|(key, byte)| (Arc::from(name(key % KEYS)), [*byte; 32])).collect();
            store.put_identities_batch(&keys).await?;
        }
        Call::DeleteIdentity => store.delete_identity(&at).await?,
        Call::PutSession => store.put_session(&at, &bytes).await?,
        Call::PutSessions => store.put_sessions_batch(&named).await?,
        Call::DeleteSession => store.delete_session(&at).await?,
        Call::StorePreKey => store.store_prekey(other.into(), &bytes, flag).await?,
        Call::StorePreKeys => {
            let keys: Vec<_> = batch.iter().map(|(id, byte)| (u32::from(*id), value(*byte))).collect();
            store.store_prekeys_batch(&keys, flag).await?;
        }
        Call::MarkPreKeys => store.mark_prekeys_uploaded(&ids).await?,
        Call::RemovePreKey => store.remove_prekey(other.into()).await?,
        Call::StoreSignedPreKey => store.store_signed_prekey(key.into(), &bytes).await?,
        Call::RemoveSignedPreKey => store.remove_signed_prekey(key.into()).await?,
        Call::PutSenderKey => store.put_sender_key(&at, &bytes).await?,
        Call::PutSenderKeys => store.put_sender_keys_batch(&named).await?,
        Call::DeleteSenderKey => store.delete_sender_key(&at).await?,
        Call::SetSyncKey => {
            let key = AppStateSyncKey { key_data: bytes.to_vec(), fingerprint: vec![other], timestamp: moment };
            store.set_sync_key(at.as_bytes(), key).await?;
        }
        Call::SetVersion => {
            let state = HashState { version: other.into(), hash: [other; 128], ..HashState::default() };
            store.set_version(&at, HashState { mac_mismatch_fatal: flag, ..state }).await?;
        }
        Call::PutMacs => {
            let mac = |(index, value): &(u8, u8)| AppStateMutationMAC {
                index_mac: vec![index % KEYS; 32],
                value_mac: vec![*value; 32],
            };
            store.put_mutation_macs(&at, 1, &batch.iter().map(mac).collect::<Vec<_>>()).await?;
        }
        Call::DeleteMacs => {
            let macs: Vec<_> = batch.iter().take(2).map(|(index, _)| vec![index % KEYS; 32]).collect();
            store.delete_mutation_macs(&at, &macs).await?;
        }
        Call::ClearMacs => store.clear_mutation_macs(&at).await?,
        Call::SetSenderKeyStatus => {
            let devices: Vec<_> = batch.iter().map(|(device, byte)| (name(device % KEYS), byte % 2 == 0)).collect();
            let devices: Vec<_> = devices.iter().map(|(device, has_key)| (device.as_str(), *has_key)).collect();
            store.set_sender_key_status(&at, &devices).await?;
        }
        Call::ClearSenderKeyDevices => store.clear_sender_key_devices(&at).await?,
        Call::DeleteSenderKeyDevices => store.delete_sender_key_device_rows(&[&at, &name(other % KEYS)]).await?,
        Call::ClearAllSenderKeyDevices => store.clear_all_sender_key_devices().await?,
        Call::PutLidMapping => store.put_lid_mapping(&mapping(key, other, moment)).await?,
        Call::PutLidMappings => {
            let entries: Vec<_> = batch.iter().map(|(lid, number)| mapping(*lid, *number, moment)).collect();
            store.put_lid_mappings(&entries).await?;
        }
        Call::SaveBaseKey => store.save_base_key(&at, &name(other % KEYS), &value(other % 2)).await?,
        Call::DeleteBaseKey => store.delete_base_key(&at, &name(other % KEYS)).await?,
        Call::UpdateDeviceList => store.update_device_list(devices(key, other, moment)).await?,
        Call::UpdateDeviceLists => {
            let records = batch.iter().map(|(user, device)| devices(*user, *device, moment)).collect();
            store.update_device_lists(records).await?;
        }
        Call::DeleteDevices => store.delete_devices(&at).await?,
        Call::PutGroupMetadata => store.put_group_metadata(&at, &bytes).await?,
        Call::DeleteGroupMetadata => store.delete_group_metadata(&at).await?,
        Call::PutTcToken => {
            let sender_timestamp = flag.then_some(moment + 1);
            let entry = TcTokenEntry { token: bytes.to_vec(), token_timestamp: moment, sender_timestamp };
            store.put_tc_token(&at, &entry).await?;
        }
        Call::DeleteTcToken => store.delete_tc_token(&at).await?,
        Call::DeleteExpiredTcTokens => {
            return Ok(store.delete_expired_tc_tokens(moment, i64::from(key)).await?.to_string());
        }
        Call::TouchTcToken => store.touch_tc_token_sender_timestamp(&at, moment).await?,
        Call::ReceiveTcToken => store.store_received_tc_token(&at, &bytes, moment).await?,
        Call::StoreSentMessage => store.store_sent_message(&at, &name(other % KEYS), &bytes).await?,
        Call::TakeSentMessage => return Ok(format!("{:?}", store.take_sent_message(&at, &name(other % KEYS)).await?)),
        Call::DeleteExpiredSentMessages => {
            return Ok(store.delete_expired_sent_messages(cutoff(flag)).await?.to_string());
        }
        Call::StorePending => store.store_pending_inbound(&at, &at, &name(other % KEYS), &bytes).await?,
        Call::StorePendingBatch => {
            let rows: Vec<_> =
                named.iter().map(|(id, message)| PendingInboundRow { chat: &at, sender: &at, id, message }).collect();
            store.store_pending_inbound_batch(&rows).await?;
        }
        Call::DeletePending => store.delete_pending_inbound(&at, &at, &name(other % KEYS)).await?,
        Call::DeletePendingBatch => {
            let keys: Vec<_> =
                named.iter().take(2).map(|(id, _)| PendingInboundKey { chat: &at, sender: &at, id }).collect();
            store.delete_pending_inbound_batch(&keys).await?;
        }
        Call::DeleteExpiredPending => return Ok(store.delete_expired_pending_inbound(cutoff(flag)).await?.to_string()),
        Call::PutSecrets => {
            let entries = batch.iter().map(|(id, byte)| secret(*id, *byte, i64::from(byte % 6))).collect();
            return Ok(store.put_msg_secrets(entries).await?.to_string());
        }
        Call::DeleteExpiredSecrets => return Ok(store.delete_expired_msg_secrets(moment).await?.to_string()),
        Call::SaveDevice => {
            let device = wacore::store::Device { push_name: at, ..wacore::store::Device::new() };
            store.save(&device).await?;
        }
    }
    Ok(String::new())
}

/// What is held under one key.
async fn look(store: &dyn Backend, key: u8) -> Result<Vec<String>> {
    let mut seen = vec![format!("{:?}", store.load_prekey(key.into()).await?)];
    if key >= KEYS {
        return Ok(seen);
    }
    let at = name(key);
    seen.push(format!("{:?}", store.load_identity(&at).await?));
    seen.push(format!("{:?} {}", store.get_session(&at).await?, store.has_session(&at).await?));
    seen.push(format!("{:?}", store.has_signal_state_for_user(&key.to_string()).await?));
    seen.push(format!("{:?}", store.load_signed_prekey(key.into()).await?));
    seen.push(format!("{:?}", store.get_sender_key(&at).await?));
    seen.push(format!("{:?}", store.get_sync_key(at.as_bytes()).await?));
    seen.push(format!("{:?}", store.get_version(&at).await?));
    let mut macs: Vec<_> = store.get_mutation_macs(&at, &[[0; 32], [1; 32], [2; 32]]).await?.into_iter().collect();
    macs.sort();
    seen.push(format!("{macs:?} {:?}", store.get_mutation_mac(&at, &[3; 32]).await?));
    let mut devices = store.get_sender_key_devices(&at).await?;
    devices.sort();
    seen.push(format!("{devices:?}"));
    seen.push(format!("{:?}", store.get_lid_mapping(&at).await?));
    seen.push(format!("{:?}", store.get_devices(&at).await?));
    seen.push(format!("{:?}", store.get_group_metadata(&at).await?));
    seen.push(format!("{:?}", store.get_tc_token(&at).await?));
    seen.push(format!("{:?}", store.get_msg_secret_with_ts(&name(0), &name(1), &at).await?));
    for other in (0..KEYS).map(name) {
        seen.push(format!("{:?}", store.get_pending_inbound(&at, &at, &other).await?));
        seen.push(store.has_same_base_key(&at, &other, &value(1)).await?.to_string());
    }
    Ok(seen)
}

/// What is asked for without a key.
async fn look_at_all(store: &dyn Backend) -> Result<Vec<String>> {
    let mut mappings = store.get_all_lid_mappings().await?;
    mappings.sort_by(|a, b| a.lid.cmp(&b.lid));
    let mut signed = store.load_all_signed_prekeys().await?;
    signed.sort();
    let mut tokens = store.get_all_tc_token_jids().await?;
    tokens.sort();
    let every_other: Vec<u32> = (0..u32::from(IDS)).rev().step_by(2).collect();
    Ok(vec![
        format!("{mappings:?}"),
        format!("{signed:?}"),
        format!("{tokens:?}"),
        format!("{:?}", store.load_prekeys_batch(&every_other).await?),
        format!("{:?}", store.get_max_prekey_id().await?),
        format!("{:?}", store.get_latest_sync_key_id().await?),
        format!("{:?}", store.load().await?.map(|device| device.push_name)),
        format!("{:?}", store.exists().await?),
    ])
}

/// The LID that each number leads to.
async fn numbers(store: &dyn Backend) -> Result<Vec<Option<String>>> {
    let mut numbers = Vec::new();
    for number in (0..KEYS).map(name) {
        numbers.push(store.get_pn_mapping(&number).await?.map(|entry| entry.lid));
    }
    Ok(numbers)
}

/// "The most recent LID for that phone", read from all mappings. The reference itself goes by the order of its calls and
/// forgets a number when any LID moves away from it; see the law in `laws.rs`.
async fn numbers_by_law(store: &dyn Backend) -> Result<Vec<Option<String>>> {
    let all = store.get_all_lid_mappings().await?;
    let latest = |number: String| {
        let mine = all.iter().filter(|entry| entry.phone_number == number);
        mine.max_by_key(|entry| (entry.updated_at, &entry.lid)).map(|entry| entry.lid.clone())
    };
    Ok((0..KEYS).map(name).map(latest).collect())
}
