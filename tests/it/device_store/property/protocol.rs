//! Calls of `ProtocolStore` about devices, contacts and groups.

use sea_orm::EnumIter;
use wacore::store::error::Result;
use wacore::store::traits::{Backend, DeviceInfo, DeviceListRecord, LidPnMappingEntry, TcTokenEntry};

use super::{Step, Subject, Whose, name, names, value};

#[derive(Clone, Copy, Debug, EnumIter)]
pub(super) enum Call {
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
}

impl Subject for Call {
    async fn make(store: &dyn Backend, step: &Step<Self>) -> Result<String> {
        let (at, other, bytes, moment) = (name(step.key), name(step.number), value(step.number), step.moment);
        match step.call {
            Self::SetSenderKeyStatus => {
                let devices: Vec<_> = step.batch.iter().map(|(key, byte)| (name(*key), byte % 2 > 0)).collect();
                let devices: Vec<_> = devices.iter().map(|(device, has_key)| (device.as_str(), *has_key)).collect();
                store.set_sender_key_status(&at, &devices).await?;
            }
            Self::ClearSenderKeyDevices => store.clear_sender_key_devices(&at).await?,
            Self::DeleteSenderKeyDevices => store.delete_sender_key_device_rows(&[&at, &other]).await?,
            Self::ClearAllSenderKeyDevices => store.clear_all_sender_key_devices().await?,
            Self::PutLidMapping => store.put_lid_mapping(&mapping(step.key, step.number, moment)).await?,
            Self::PutLidMappings => {
                let entries = step.batch.iter().map(|(lid, number)| mapping(*lid, *number, moment));
                store.put_lid_mappings(&entries.collect::<Vec<_>>()).await?;
            }
            Self::SaveBaseKey => store.save_base_key(&at, &other, &bytes).await?,
            Self::DeleteBaseKey => store.delete_base_key(&at, &other).await?,
            Self::UpdateDeviceList => store.update_device_list(devices(step.key, step.number, moment)).await?,
            Self::UpdateDeviceLists => {
                let records = step.batch.iter().map(|(user, device)| devices(*user, *device, moment));
                store.update_device_lists(records.collect()).await?;
            }
            Self::DeleteDevices => store.delete_devices(&at).await?,
            Self::PutGroupMetadata => store.put_group_metadata(&at, &bytes).await?,
            Self::DeleteGroupMetadata => store.delete_group_metadata(&at).await?,
            Self::PutTcToken => {
                let sender_timestamp = step.flag.then_some(moment + 1);
                let entry = TcTokenEntry { token: bytes.to_vec(), token_timestamp: moment, sender_timestamp };
                store.put_tc_token(&at, &entry).await?;
            }
            Self::DeleteTcToken => store.delete_tc_token(&at).await?,
            Self::DeleteExpiredTcTokens => {
                return Ok(store.delete_expired_tc_tokens(moment, step.key.into()).await?.to_string());
            }
            Self::TouchTcToken => store.touch_tc_token_sender_timestamp(&at, moment).await?,
            Self::ReceiveTcToken => store.store_received_tc_token(&at, &bytes, moment).await?,
        }
        Ok(String::new())
    }

    async fn look(store: &dyn Backend, whose: Whose) -> Result<Vec<String>> {
        let mut mappings = store.get_all_lid_mappings().await?;
        mappings.sort_by(|a, b| a.lid.cmp(&b.lid));
        let mut tokens = store.get_all_tc_token_jids().await?;
        tokens.sort();
        let mut seen = vec![format!("{mappings:?}"), format!("{tokens:?}")];
        for at in names() {
            let mut devices = store.get_sender_key_devices(&at).await?;
            devices.sort();
            seen.push(format!("{devices:?}"));
            seen.push(format!("{:?}", store.get_lid_mapping(&at).await?));
            let of_number = match whose {
                Whose::Ours => store.get_pn_mapping(&at).await?,
                Whose::Reference => latest(&mappings, &at),
            };
            seen.push(format!("{of_number:?}"));
            seen.push(format!("{:?}", store.get_devices(&at).await?));
            seen.push(format!("{:?}", store.get_group_metadata(&at).await?));
            seen.push(format!("{:?}", store.get_tc_token(&at).await?));
            for other in 0..8 {
                let is_same = store.has_same_base_key(&at, &name(other), &value(other)).await?;
                seen.push(is_same.to_string());
            }
        }
        Ok(seen)
    }
}

/// "The most recent LID for that phone". The reference itself goes by the order of its calls, and forgets a number when
/// any LID moves away from it; see `a_number_whose_last_lid_moved_away_leads_to_the_one_before`.
fn latest(mappings: &[LidPnMappingEntry], number: &str) -> Option<LidPnMappingEntry> {
    let of_number = mappings.iter().filter(|entry| entry.phone_number == number);
    of_number.max_by_key(|entry| (entry.updated_at, &entry.lid)).cloned()
}

fn mapping(lid: u8, number: u8, moment: i64) -> LidPnMappingEntry {
    LidPnMappingEntry {
        lid: name(lid),
        phone_number: name(number),
        created_at: moment,
        updated_at: moment,
        learning_source: "usync".to_owned(),
    }
}

fn devices(user: u8, count: u8, moment: i64) -> DeviceListRecord {
    DeviceListRecord {
        user: name(user),
        devices: (0..count % 3).map(|id| DeviceInfo::new(id.into(), (id > 0).then_some(7))).collect(),
        timestamp: moment,
        phash: (!count.is_multiple_of(2)).then(|| name(count)),
        raw_id: (!count.is_multiple_of(3)).then_some(u32::MAX),
    }
}
