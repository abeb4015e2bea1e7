//! The sender keys of one phone: the chain with which it writes to each group, and which devices can read it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use anyhow::Result;
use async_trait::async_trait;
use rand::rngs::StdRng;
use wacore_libsignal::protocol::error::Result as SignalResult;
use wacore_libsignal::protocol::{
    SenderKeyName, SenderKeyRecord, SenderKeyStore, create_sender_key_distribution_message, group_encrypt,
};

use crate::link::DeviceKey;

/// A group's message as all members get it, with the key for those who lack it.
pub(crate) struct SenderKeyParts {
    /// The chain as it was before the message.
    pub(crate) distribution: Vec<u8>,
    pub(crate) message: Vec<u8>,
}

/// A phone's own chains by group.
#[derive(Default)]
pub(crate) struct SenderKeys {
    records: Records,
    holders: HashMap<Arc<str>, HashSet<DeviceKey>>,
}

impl SenderKeys {
    /// Encrypts a padded message for a group.
    pub(crate) async fn encrypt(&mut self, group: &str, plaintext: &[u8]) -> Result<SenderKeyParts> {
        // The name is ours alone: nobody else's chains are kept here.
        let name = SenderKeyName::from_parts(group, "self");
        let mut rng: StdRng = rand::make_rng();
        let distribution = create_sender_key_distribution_message(&name, &mut self.records, &mut rng).await?;
        let message = group_encrypt(&mut self.records, &name, plaintext, &mut rng).await?;
        Ok(SenderKeyParts { distribution: distribution.serialized().to_vec(), message: message.serialized().to_vec() })
    }

    pub(crate) fn has_holder(&self, group: &str, device: &DeviceKey) -> bool {
        self.holders.get(group).is_some_and(|holders| holders.contains(device))
    }

    /// Remembers that a device has the key. `false` when it had it already.
    pub(crate) fn add_holder(&mut self, group: &Arc<str>, device: &DeviceKey) -> bool {
        self.holders.entry(Arc::clone(group)).or_default().insert(device.clone())
    }

    /// Starts a new chain with the next message, because somebody left who could read the old one.
    pub(crate) fn rotate(&mut self, group: &str) {
        self.holders.remove(group);
        self.records.0.remove(SenderKeyName::from_parts(group, "self").cache_key());
    }
}

#[derive(Default)]
struct Records(HashMap<String, SenderKeyRecord>);

#[async_trait]
impl SenderKeyStore for Records {
    async fn store_sender_key(&mut self, name: &SenderKeyName, record: SenderKeyRecord) -> SignalResult<()> {
        self.0.insert(name.cache_key().to_owned(), record);
        Ok(())
    }

    async fn load_sender_key(&self, name: &SenderKeyName) -> SignalResult<Option<SenderKeyRecord>> {
        Ok(self.0.get(name.cache_key()).cloned())
    }
}
