//! Calls of `AppSyncStore` and of `DeviceStore`.

use sea_orm::EnumIter;
use wacore::appstate::hash::HashState;
use wacore::appstate::processor::AppStateMutationMAC;
use wacore::store::Device;
use wacore::store::error::Result;
use wacore::store::traits::{AppStateSyncKey, Backend};

use super::{KEYS, Step, Subject, Whose, name, names, value};

#[derive(Clone, Copy, Debug, EnumIter)]
pub(super) enum Call {
    SetSyncKey,
    SetVersion,
    PutMacs,
    DeleteMacs,
    ClearMacs,
    SaveDevice,
}

impl Subject for Call {
    async fn make(store: &dyn Backend, step: &Step<Self>) -> Result<String> {
        let at = name(step.key);
        match step.call {
            Self::SetSyncKey => {
                let key_data = value(step.number).to_vec();
                let key = AppStateSyncKey { key_data, fingerprint: vec![step.number], timestamp: step.moment };
                store.set_sync_key(at.as_bytes(), key).await?;
            }
            Self::SetVersion => {
                let (version, hash) = (step.number.into(), [step.number; 128]);
                let state = HashState { version, hash, mac_mismatch_fatal: step.flag, ..HashState::default() };
                store.set_version(&at, state).await?;
            }
            Self::PutMacs => {
                let macs = step.batch.iter().map(|(index, value)| AppStateMutationMAC {
                    index_mac: vec![index % KEYS; 32],
                    value_mac: vec![*value; 32],
                });
                store.put_mutation_macs(&at, 1, &macs.collect::<Vec<_>>()).await?;
            }
            Self::DeleteMacs => {
                let macs = step.batch.iter().take(2).map(|(index, _)| vec![index % KEYS; 32]);
                store.delete_mutation_macs(&at, &macs.collect::<Vec<_>>()).await?;
            }
            Self::ClearMacs => store.clear_mutation_macs(&at).await?,
            Self::SaveDevice => store.save(&Device { push_name: at, ..Device::new() }).await?,
        }
        Ok(String::new())
    }

    async fn look(store: &dyn Backend, _: Whose) -> Result<Vec<String>> {
        let mut seen = vec![
            format!("{:?}", store.get_latest_sync_key_id().await?),
            format!("{:?}", store.load().await?.map(|device| device.push_name)),
            format!("{:?}", store.exists().await?),
        ];
        for at in names() {
            seen.push(format!("{:?}", store.get_sync_key(at.as_bytes()).await?));
            seen.push(format!("{:?}", store.get_version(&at).await?));
            let macs = store.get_mutation_macs(&at, &[[0; 32], [1; 32], [2; 32]]).await?;
            let mut macs: Vec<_> = macs.into_iter().collect();
            macs.sort();
            seen.push(format!("{macs:?} {:?}", store.get_mutation_mac(&at, &[3; 32]).await?));
        }
        Ok(seen)
    }
}
