//! The sender keys of one phone: the chain with which it writes to each group, which devices can read it, and the chains of others that it
//! can read.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use anyhow::Result;
use async_trait::async_trait;
use rand::rngs::StdRng;
use wacore_libsignal::protocol::error::Result as SignalResult;
use wacore_libsignal::protocol::{
    SenderKeyDistributionMessage, SenderKeyName, SenderKeyRecord, SenderKeyStore,
    create_sender_key_distribution_message, group_decrypt, group_encrypt, process_sender_key_distribution_message,
};

use crate::link::DeviceKey;

/// A group's message as all members get it, with the key for those who lack it.
pub(crate) struct SenderKeyParts {
    /// The chain as it was before the message.
    pub(crate) distribution: Vec<u8>,
    pub(crate) message: Vec<u8>,
}

/// A phone's own chains by group, and those of others.
#[derive(Default)]
pub(crate) struct SenderKeys {
    records: Records,
    holders: HashMap<Arc<str>, HashSet<DeviceKey>>,
}

impl SenderKeys {
    /// Encrypts a padded message for a group.
    pub(crate) async fn encrypt(&mut self, group: &str, plaintext: &[u8]) -> Result<SenderKeyParts> {
        // No device of others has such a name.
        let name = SenderKeyName::from_parts(group, "self");
        let mut rng: StdRng = rand::make_rng();
        let distribution = create_sender_key_distribution_message(&name, &mut self.records, &mut rng).await?;
        let message = group_encrypt(&mut self.records, &name, plaintext, &mut rng).await?;
        Ok(SenderKeyParts { distribution: distribution.serialized().to_vec(), message: message.serialized().to_vec() })
    }

    /// Takes the key with which a device writes to a chat.
    pub(crate) async fn learn(&mut self, chat: &str, from: &DeviceKey, distribution: &[u8]) -> Result<()> {
        let distribution = SenderKeyDistributionMessage::try_from(distribution)?;
        process_sender_key_distribution_message(&name(chat, from), &distribution, &mut self.records).await?;
        Ok(())
    }

    /// Decrypts what a device wrote to a chat. Returns the padded message.
    pub(crate) async fn open(&mut self, chat: &str, from: &DeviceKey, bytes: &[u8]) -> Result<Vec<u8>> {
        Ok(group_decrypt(bytes, &mut self.records, &name(chat, from)).await?)
    }

    /// Decrypts it, with the key that comes along if there is one, and forgets all of it.
    pub(crate) async fn peek(
        &mut self,
        chat: &str,
        from: &DeviceKey,
        distribution: Option<&[u8]>,
        bytes: &[u8],
    ) -> Result<Vec<u8>> {
        let key = name(chat, from).cache_key().to_owned();
        let before = self.records.0.get(&key).cloned();
        let opened = match distribution {
            Some(distribution) => self.learn(chat, from, distribution).await,
            None => Ok(()),
        };
        let opened = match opened {
            Ok(()) => self.open(chat, from, bytes).await,
            Err(error) => Err(error),
        };
        match before {
            Some(before) => self.records.0.insert(key, before),
            None => self.records.0.remove(&key),
        };
        opened
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

/// What the chain of a device in a chat is kept under.
fn name(chat: &str, from: &DeviceKey) -> SenderKeyName {
    SenderKeyName::from_parts(chat, &format!("{}:{}", from.phone_number, from.device))
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
