//! Calls of `ProtocolStore` and `MsgSecretStore` about messages.

use std::sync::Arc;

use sea_orm::EnumIter;
use wacore::store::error::Result;
use wacore::store::traits::{Backend, MsgSecretEntry, PendingInboundKey, PendingInboundRow};
use wacore::time::now_secs;

use super::{Step, Subject, Whose, name, names, value};

#[derive(Clone, Copy, Debug, EnumIter)]
pub(super) enum Call {
    StoreSent,
    TakeSent,
    DeleteExpiredSent,
    StorePending,
    StorePendingBatch,
    DeletePending,
    WriteRatchet,
    DeletePendingBatch,
    DeleteExpiredPending,
    PutSecret,
    PutSecrets,
    DeleteExpiredSecrets,
}

impl Subject for Call {
    async fn make(store: &dyn Backend, step: &Step<Self>) -> Result<String> {
        let (at, other, bytes) = (name(step.key), name(step.number), value(step.number));
        match step.call {
            Self::StoreSent => store.store_sent_message(&at, &other, &bytes).await?,
            Self::TakeSent => return Ok(format!("{:?}", store.take_sent_message(&at, &other).await?)),
            Self::DeleteExpiredSent => {
                return Ok(store.delete_expired_sent_messages(cutoff(step.flag)).await?.to_string());
            }
            Self::StorePending => store.store_pending_inbound(&at, &at, &other, &bytes).await?,
            Self::StorePendingBatch => {
                let named = step.named();
                let row = |(id, message)| PendingInboundRow { chat: &at, sender: &at, id, message };
                let rows: Vec<_> = named.iter().map(|(id, message)| row((&**id, &**message))).collect();
                store.store_pending_inbound_batch(&rows).await?;
            }
            // Takes what is pending along into the table.
            Self::WriteRatchet => store.put_session(&at, &bytes).await?,
            Self::DeletePending => store.delete_pending_inbound(&at, &at, &other).await?,
            Self::DeletePendingBatch => {
                let named = step.named();
                let keys = named.iter().take(2).map(|(id, _)| PendingInboundKey { chat: &at, sender: &at, id });
                store.delete_pending_inbound_batch(&keys.collect::<Vec<_>>()).await?;
            }
            Self::DeleteExpiredPending => {
                return Ok(store.delete_expired_pending_inbound(cutoff(step.flag)).await?.to_string());
            }
            Self::PutSecret => store.put_msg_secret(&name(0), &name(1), &at, &[step.number; 32]).await?,
            Self::PutSecrets => {
                let entries = step.batch.iter().map(|(id, byte)| secret(*id, *byte));
                return Ok(store.put_msg_secrets(entries.collect()).await?.to_string());
            }
            Self::DeleteExpiredSecrets => {
                return Ok(store.delete_expired_msg_secrets(step.moment).await?.to_string());
            }
        }
        Ok(String::new())
    }

    async fn look(store: &dyn Backend, _: Whose) -> Result<Vec<String>> {
        let mut seen = Vec::new();
        for at in names() {
            seen.push(format!("{:?}", store.get_msg_secret_with_ts(&name(0), &name(1), &at).await?));
            seen.push(format!("{:?}", store.get_msg_secret(&name(0), &name(1), &at).await?));
            for other in names() {
                seen.push(format!("{:?}", store.get_pending_inbound(&at, &at, &other).await?));
                seen.push(format!("{:?}", store.take_sent_message(&at, &other).await?));
            }
        }
        Ok(seen)
    }
}

/// The store stamps rows with the present: a cutoff spares either all of them or none.
fn cutoff(is_after_all: bool) -> i64 {
    if is_after_all { now_secs() + 60 } else { now_secs() - 60 }
}

fn secret(id: u8, byte: u8) -> MsgSecretEntry {
    let [chat, sender, msg_id] = [name(0), name(1), name(id)].map(Arc::from);
    let expires_at = i64::from(byte % 6);
    MsgSecretEntry { chat, sender, msg_id, secret: [byte; 32], expires_at, message_ts: i64::from(byte % 4) }
}
