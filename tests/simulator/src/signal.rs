//! The Signal side of one phone: its identity, its sessions with other people's devices, encrypting and decrypting.
//! Lives behind the account's own lock; knows nothing of the wire.

use std::collections::HashMap;

use anyhow::{Context, Result, bail};
use async_trait::async_trait;
use rand::rngs::StdRng;
use wacore_libsignal::protocol::error::Result as SignalResult;
use wacore_libsignal::protocol::{
    CiphertextMessage, DecryptionResult, Direction, GenericSignedPreKey, IdentityChange, IdentityKey, IdentityKeyPair,
    IdentityKeyStore, KeyPair, PreKeyBundle, PreKeyId, PreKeyRecord, PreKeySignalMessage, PreKeyStore, ProtocolAddress,
    SessionRecord, SessionStore, SignalMessage, SignalProtocolError, SignedPreKeyId, SignedPreKeyRecord,
    SignedPreKeyStore, Timestamp, UsePQRatchet, message_decrypt, message_encrypt, process_prekey_bundle,
};

use crate::link::DeviceKey;
use crate::noise::key_bytes;
use crate::sender_key::SenderKeys;

/// The number of the one signed key that a simulated phone has.
const SIGNED_KEY_ID: u32 = 1;

/// An encrypted message: `pkmsg` or `msg`, and its bytes.
pub(crate) struct Sealed {
    pub(crate) kind: &'static str,
    pub(crate) bytes: Vec<u8>,
}

/// What the server hands out to somebody who wants to write to this phone.
pub(crate) struct PhoneBundle {
    pub(crate) registration_id: u32,
    pub(crate) identity: [u8; 32],
    pub(crate) signed_key: (u32, [u8; 32], Vec<u8>),
    pub(crate) one_time_key: (u32, [u8; 32]),
}

/// The keys and sessions of one phone.
pub(crate) struct SignalBox {
    identities: Identities,
    sessions: Sessions,
    one_time_keys: OneTimeKeys,
    signed_key: SignedKey,
    pub(crate) sender_keys: SenderKeys,
}

impl Sealed {
    /// Changes a byte so that the message cannot be read any more.
    pub(crate) fn damage(&mut self) {
        // Twenty from the end is encrypted text, its authentication code or the signature, in all three kinds.
        let index = self.bytes.len().saturating_sub(20);
        if let Some(byte) = self.bytes.get_mut(index) {
            *byte ^= 0x55;
        }
    }
}

impl SignalBox {
    pub(crate) fn new(identity: IdentityKeyPair, registration_id: u32) -> Result<Self> {
        let pair = wacore::crypto::generate_curve_key_pair();
        let signature =
            wacore::crypto::calculate_curve_signature(identity.private_key(), &pair.public_key.serialize())?;
        Ok(Self {
            identities: Identities { own: identity, registration_id, known: HashMap::new() },
            sessions: Sessions::default(),
            one_time_keys: OneTimeKeys::default(),
            signed_key: SignedKey { pair, signature: signature.to_vec() },
            sender_keys: SenderKeys::default(),
        })
    }

    pub(crate) fn has_session(&self, with: &DeviceKey) -> bool {
        self.sessions.0.contains_key(&address(with))
    }

    /// Forgets a session, so that the next message starts a new one.
    pub(crate) fn forget(&mut self, with: &DeviceKey) {
        self.sessions.0.remove(&address(with));
        self.identities.known.remove(&address(with));
    }

    /// Starts a session from keys that the other side published.
    pub(crate) async fn start_session(&mut self, with: &DeviceKey, bundle: &PreKeyBundle) -> Result<()> {
        let mut rng: StdRng = rand::make_rng();
        let Self { sessions, identities, .. } = self;
        process_prekey_bundle(&address(with), sessions, identities, bundle, &mut rng, UsePQRatchet::No).await?;
        Ok(())
    }

    pub(crate) async fn encrypt(&mut self, to: &DeviceKey, plaintext: &[u8]) -> Result<Sealed> {
        let sealed = message_encrypt(plaintext, &address(to), &mut self.sessions, &mut self.identities).await?;
        Ok(match sealed {
            CiphertextMessage::PreKeySignalMessage(message) => {
                Sealed { kind: "pkmsg", bytes: message.serialized().to_vec() }
            }
            CiphertextMessage::SignalMessage(message) => Sealed { kind: "msg", bytes: message.serialized().to_vec() },
            _ => bail!("a one-to-one message is never of another kind"),
        })
    }

    pub(crate) async fn decrypt(&mut self, from: &DeviceKey, kind: &str, bytes: &[u8]) -> Result<Vec<u8>> {
        let opened = self.open(from, kind, bytes).await?;
        if let Some(used) = opened.consumed_prekey_id {
            self.one_time_keys.keys.remove(&u32::from(used));
        }
        Ok(opened.plaintext)
    }

    /// Decrypts and forgets it: the next message finds everything as it was.
    pub(crate) async fn peek(&mut self, from: &DeviceKey, kind: &str, bytes: &[u8]) -> Result<Vec<u8>> {
        let at = address(from);
        let session = self.sessions.0.get(&at).cloned();
        let identity = self.identities.known.get(&at).copied();
        let opened = self.open(from, kind, bytes).await;
        match session {
            Some(session) => self.sessions.0.insert(at.clone(), session),
            None => self.sessions.0.remove(&at),
        };
        match identity {
            Some(identity) => self.identities.known.insert(at, identity),
            None => self.identities.known.remove(&at),
        };
        Ok(opened?.plaintext)
    }

    async fn open(&mut self, from: &DeviceKey, kind: &str, bytes: &[u8]) -> Result<DecryptionResult> {
        let message = match kind {
            "pkmsg" => CiphertextMessage::PreKeySignalMessage(PreKeySignalMessage::try_from(bytes)?),
            "msg" => CiphertextMessage::SignalMessage(SignalMessage::try_from(bytes)?),
            other => bail!("a phone cannot open an <enc> of type {other:?}"),
        };
        let mut rng: StdRng = rand::make_rng();
        let Self { sessions, identities, one_time_keys, signed_key, .. } = self;
        let from = address(from);
        let opened = message_decrypt(
            &message,
            &from,
            sessions,
            identities,
            one_time_keys,
            signed_key,
            &mut rng,
            UsePQRatchet::No,
        )
        .await?;
        Ok(opened)
    }

    pub(crate) fn registration_id(&self) -> u32 {
        self.identities.registration_id
    }

    /// The keys for a new conversation, with a one-time key made for it.
    pub(crate) fn publish(&mut self) -> PhoneBundle {
        let id = self.one_time_keys.next_id;
        self.one_time_keys.next_id += 1;
        let pair = wacore::crypto::generate_curve_key_pair();
        let one_time_key = (id, key_bytes(&pair.public_key));
        self.one_time_keys.keys.insert(id, pair);
        PhoneBundle {
            registration_id: self.identities.registration_id,
            identity: key_bytes(self.identities.own.public_key()),
            signed_key: (SIGNED_KEY_ID, key_bytes(&self.signed_key.pair.public_key), self.signed_key.signature.clone()),
            one_time_key,
        }
    }
}

fn address(device: &DeviceKey) -> ProtocolAddress {
    ProtocolAddress::new(&device.phone_number, u32::from(device.device).into())
}

#[derive(Default)]
struct Sessions(HashMap<ProtocolAddress, SessionRecord>);

#[async_trait]
impl SessionStore for Sessions {
    async fn load_session(&self, address: &ProtocolAddress) -> SignalResult<Option<SessionRecord>> {
        Ok(self.0.get(address).cloned())
    }

    async fn has_session(&self, address: &ProtocolAddress) -> SignalResult<bool> {
        Ok(self.0.contains_key(address))
    }

    async fn store_session(&mut self, address: &ProtocolAddress, record: SessionRecord) -> SignalResult<()> {
        self.0.insert(address.clone(), record);
        Ok(())
    }
}

struct Identities {
    own: IdentityKeyPair,
    registration_id: u32,
    known: HashMap<ProtocolAddress, IdentityKey>,
}

#[async_trait]
impl IdentityKeyStore for Identities {
    async fn get_identity_key_pair(&self) -> SignalResult<IdentityKeyPair> {
        Ok(self.own.clone())
    }

    async fn get_local_registration_id(&self) -> SignalResult<u32> {
        Ok(self.registration_id)
    }

    async fn save_identity(
        &mut self,
        address: &ProtocolAddress,
        identity: &IdentityKey,
    ) -> SignalResult<IdentityChange> {
        let before = self.known.insert(address.clone(), *identity);
        Ok(match before {
            Some(before) if before != *identity => IdentityChange::ReplacedExisting,
            _ => IdentityChange::NewOrUnchanged,
        })
    }

    async fn is_trusted_identity(
        &self,
        _address: &ProtocolAddress,
        _identity: &IdentityKey,
        _direction: Direction,
    ) -> SignalResult<bool> {
        // A phone accepts a new identity and tells its user; there is no user here.
        Ok(true)
    }

    async fn get_identity(&self, address: &ProtocolAddress) -> SignalResult<Option<IdentityKey>> {
        Ok(self.known.get(address).copied())
    }
}

struct OneTimeKeys {
    keys: HashMap<u32, KeyPair>,
    next_id: u32,
}

impl Default for OneTimeKeys {
    fn default() -> Self {
        Self { keys: HashMap::new(), next_id: 1 }
    }
}

#[async_trait]
impl PreKeyStore for OneTimeKeys {
    async fn get_pre_key(&self, id: PreKeyId) -> SignalResult<PreKeyRecord> {
        let pair = self.keys.get(&u32::from(id)).ok_or(SignalProtocolError::InvalidPreKeyId)?;
        Ok(PreKeyRecord::new(id, pair))
    }

    async fn save_pre_key(&mut self, id: PreKeyId, record: &PreKeyRecord) -> SignalResult<()> {
        self.keys.insert(u32::from(id), record.key_pair()?);
        Ok(())
    }

    async fn remove_pre_key(&mut self, id: PreKeyId) -> SignalResult<()> {
        self.keys.remove(&u32::from(id));
        Ok(())
    }
}

struct SignedKey {
    pair: KeyPair,
    signature: Vec<u8>,
}

#[async_trait]
impl SignedPreKeyStore for SignedKey {
    async fn get_signed_pre_key(&self, id: SignedPreKeyId) -> SignalResult<SignedPreKeyRecord> {
        if u32::from(id) != SIGNED_KEY_ID {
            return Err(SignalProtocolError::InvalidSignedPreKeyId);
        }
        Ok(SignedPreKeyRecord::new(id, Timestamp::from_epoch_millis(0), &self.pair, &self.signature))
    }

    async fn save_signed_pre_key(&mut self, _id: SignedPreKeyId, _record: &SignedPreKeyRecord) -> SignalResult<()> {
        Ok(())
    }
}

/// Reads a padded plaintext as a message.
pub(crate) fn open_message(padded: &[u8]) -> Result<waproto::whatsapp::Message> {
    wacore::messages::decode_plaintext(padded, 2).context("the plaintext is no message")
}
