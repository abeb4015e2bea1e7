//! Calls of `SignalStore`.

use std::sync::Arc;

use sea_orm::EnumIter;
use wacore::store::error::Result;
use wacore::store::traits::Backend;

use super::{KEYS, NUMBERS, Step, Subject, Whose, name, names, value};

#[derive(Clone, Copy, Debug, EnumIter)]
pub(super) enum Call {
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
}

impl Subject for Call {
    async fn make(store: &dyn Backend, step: &Step<Self>) -> Result<String> {
        let (at, bytes, id) = (name(step.key), value(step.number), u32::from(step.number));
        match step.call {
            Self::PutIdentity => store.put_identity(&at, [step.number; 32]).await?,
            Self::PutIdentities => {
                let keys = step.batch.iter().map(|(key, byte)| (Arc::from(name(*key)), [*byte; 32]));
                store.put_identities_batch(&keys.collect::<Vec<_>>()).await?;
            }
            Self::DeleteIdentity => store.delete_identity(&at).await?,
            Self::PutSession => store.put_session(&at, &bytes).await?,
            Self::PutSessions => store.put_sessions_batch(&step.named()).await?,
            Self::DeleteSession => store.delete_session(&at).await?,
            Self::StorePreKey => store.store_prekey(id, &bytes, step.flag).await?,
            Self::StorePreKeys => {
                let keys = step.batch.iter().map(|(id, byte)| (u32::from(*id), value(*byte)));
                store.store_prekeys_batch(&keys.collect::<Vec<_>>(), step.flag).await?;
            }
            Self::MarkPreKeys => {
                let ids = step.batch.iter().map(|(id, _)| u32::from(*id));
                store.mark_prekeys_uploaded(&ids.collect::<Vec<_>>()).await?;
            }
            Self::RemovePreKey => store.remove_prekey(id).await?,
            Self::StoreSignedPreKey => store.store_signed_prekey(step.key.into(), &bytes).await?,
            Self::RemoveSignedPreKey => store.remove_signed_prekey(step.key.into()).await?,
            Self::PutSenderKey => store.put_sender_key(&at, &bytes).await?,
            Self::PutSenderKeys => store.put_sender_keys_batch(&step.named()).await?,
            Self::DeleteSenderKey => store.delete_sender_key(&at).await?,
        }
        Ok(String::new())
    }

    async fn look(store: &dyn Backend, _: Whose) -> Result<Vec<String>> {
        let ids: Vec<u32> = (0..u32::from(NUMBERS)).rev().collect();
        let mut signed = store.load_all_signed_prekeys().await?;
        signed.sort();
        let mut seen = vec![
            format!("{:?}", store.load_prekeys_batch(&ids).await?),
            format!("{:?}", store.get_max_prekey_id().await?),
            format!("{signed:?}"),
        ];
        for id in ids {
            seen.push(format!("{:?}", store.load_prekey(id).await?));
        }
        for key in 0..KEYS {
            let at = name(key);
            seen.push(format!("{:?}", store.load_identity(&at).await?));
            seen.push(format!("{:?} {}", store.get_session(&at).await?, store.has_session(&at).await?));
            seen.push(format!("{:?}", store.load_signed_prekey(key.into()).await?));
            seen.push(format!("{:?}", store.get_sender_key(&at).await?));
        }
        for user in names().filter_map(|name| Some(name.split_once(':')?.0.to_owned())) {
            seen.push(store.has_signal_state_for_user(&user).await?.to_string());
        }
        Ok(seen)
    }
}
