//! A phone in somebody's hand: link companions, write messages, read the inbox, remove devices.

use std::sync::Arc;

use anyhow::Context as _;
use serde::Serialize;
use thiserror::Error;
use waproto::whatsapp as wa;

use crate::content;
use crate::envelope::Envelope;
use crate::group_chat::is_group;
use crate::inbox::InboxMessage;
use crate::letter::{self, Letter, Role};
use crate::link::DeviceKey;
use crate::world::{World, now};
use crate::{link_code, pairing, stanza, unlink};

/// The handle of a phone. Cheap to clone; the phone lives in the simulator.
#[derive(Clone)]
pub struct Phone {
    pub(crate) world: Arc<World>,
    pub(crate) phone_number: Arc<str>,
}

/// Why a companion could not be linked.
#[derive(Clone, Debug, Error, Eq, PartialEq)]
pub enum LinkError {
    /// The text is not that of a linking QR code.
    #[error("this is not the QR code of a companion")]
    BadQr,
    /// No open connection offers this reference.
    #[error("no connection offers this QR code (any more)")]
    UnknownRef,
    /// The reference's time is over, or all references were used up.
    #[error("this QR code has expired")]
    ExpiredRef,
    /// No companion asked for a pair code for this phone, or the code's time or tries are over.
    #[error("no pair code is outstanding for this phone")]
    NoCodeOutstanding,
    /// The code does not open what the companion sent.
    #[error("the pair code is wrong")]
    WrongCode,
    /// The companion went away during the pairing.
    #[error("the companion's connection was lost")]
    ConnectionLost,
    /// The companion did not answer in time.
    #[error("the companion did not answer")]
    NoAnswer,
    /// The simulator has no such phone.
    #[error("there is no such phone")]
    NoSuchPhone,
    /// Keys or signatures do not fit.
    #[error("the pairing was rejected: {0}")]
    Rejected(String),
}

/// A linked companion device.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct DeviceInfo {
    /// The device's number in its account.
    pub id: u16,
    /// The kind of companion that it said it is, such as `CHROME`.
    pub platform: String,
    /// The operating system or display name that it gave.
    pub os: String,
    /// The version that it gave, `major.minor.patch`.
    pub version: String,
    /// Whether it is connected now.
    pub connected: bool,
    /// Logins that succeeded.
    pub logins: u64,
    /// Whether it said on this connection that its user is there.
    pub available: bool,
    /// All that it said of that on this connection, in order (the first 100).
    pub presences: Vec<bool>,
    /// Messages for it that it has not acknowledged.
    pub undelivered: usize,
    /// Receipts, notifications and calls for it that it has not acknowledged.
    pub unnoticed: usize,
}

impl Phone {
    /// The phone number, digits only.
    pub fn phone_number(&self) -> &str {
        &self.phone_number
    }

    /// The name that others see.
    pub fn push_name(&self) -> String {
        let state = self.world.state.lock();
        state.accounts.get(&self.phone_number).map(|account| account.push_name.clone()).unwrap_or_default()
    }

    /// The account's hidden number.
    pub fn lid(&self) -> String {
        let state = self.world.state.lock();
        state.accounts.get(&self.phone_number).map(|account| account.lid.to_string()).unwrap_or_default()
    }

    /// From now on this account's chats are named by the other one's hidden number, as WhatsApp moves account by account.
    pub fn migrate(&self) {
        if let Some(account) = self.world.state.lock().accounts.get_mut(&self.phone_number) {
            account.is_migrated = true;
        }
    }

    /// Scans a QR code and links the companion that shows it. Returns the number of the new device.
    ///
    /// # Errors
    /// `UnknownRef` and `ExpiredRef` when the code is not (any more) one that can be scanned.
    pub async fn scan(&self, qr: &str) -> Result<u16, LinkError> {
        let qr = pairing::read_qr(qr)?;
        let connection = self.world.state.lock().scanned_connection(&qr, &self.world)?;
        pairing::complete(&self.world, &self.phone_number, connection, &qr.adv_secret).await
    }

    /// Enters a pair code, with or without its dash. Returns the number of the new device.
    ///
    /// # Errors
    /// `NoCodeOutstanding` when nobody asked for one; `WrongCode`, of which the companion hears nothing.
    pub async fn enter(&self, code: &str) -> Result<u16, LinkError> {
        link_code::enter(&self.world, &self.phone_number, code).await
    }

    /// Whether a companion waits for a pair code to be entered on this phone.
    pub fn pending_link_code(&self) -> bool {
        link_code::is_pending(&self.world, &self.phone_number)
    }

    /// Sends a text to a person or a group (`..@g.us`): to every companion and to the phones; this account's own
    /// companions get their copy. Returns the message's id.
    ///
    /// # Errors
    /// The simulator has no other phone with that number, or this phone is not in such a group.
    pub async fn send(&self, to: &str, text: &str) -> anyhow::Result<String> {
        self.send_content(to, content::text(text)).await
    }

    /// Sends any content to a person or a group; [`content`] makes the usual ones. In a chat with a timer it disappears by that.
    /// Returns the message's id.
    ///
    /// # Errors
    /// The simulator has no other phone with that number, or this phone is not in such a group.
    pub async fn send_content(&self, to: &str, content: wa::Message) -> anyhow::Result<String> {
        let id = self.world.message_id();
        if is_group(to) {
            self.send_to_group(to, &id, &self.timed_in_group(to, content.clone())).await?;
        } else {
            self.send_to_person(to, &id, &self.timed(to, content.clone())).await?;
        }
        self.world.state.lock().note_sent(&self.phone_number, &id, &content, &self.world);
        Ok(id)
    }

    async fn send_to_person(&self, to: &str, id: &str, content: &wa::Message) -> anyhow::Result<()> {
        let Targets { theirs, own } = self.post(to, id, content)?;
        let letter = |to, role, plaintext: &Arc<[u8]>| Letter {
            id: id.to_owned(),
            from: Arc::clone(&self.phone_number),
            to,
            timestamp: now(),
            role,
            envelope: Envelope::of(content),
            plaintext: Arc::clone(plaintext),
            attempt: 0,
            is_hopeless: false,
        };
        let plaintext = letter::padded(content);
        for device in theirs {
            letter::deliver(&self.world, letter(device, Role::Message, &plaintext)).await;
        }
        if !own.is_empty() {
            let plaintext = letter::own_copy(content, to);
            for device in own {
                letter::deliver(&self.world, letter(device, Role::OwnCopy(to.into()), &plaintext)).await;
            }
        }
        Ok(())
    }

    /// Sends `count` texts as fast as it goes; the number of each is put behind the text. Returns their ids.
    ///
    /// # Errors
    /// The simulator has no phone with that number.
    pub async fn send_burst(&self, to: &str, text: &str, count: usize) -> anyhow::Result<Vec<String>> {
        let mut ids = Vec::with_capacity(count);
        for number in 1..=count {
            ids.push(self.send(to, &format!("{text} {number}")).await?);
            // Encrypting never waits by itself; the connections want their turn.
            tokio::task::yield_now().await;
        }
        Ok(ids)
    }

    /// How this phone names a message of a chat in a reaction or an edit: somebody else's when it is in the inbox, its
    /// own otherwise.
    ///
    /// # Errors
    /// The chat is a group that does not exist.
    pub fn key_of(&self, chat: &str, message_id: &str) -> anyhow::Result<wa::MessageKey> {
        let author = self.inbox().into_iter().find(|message| message.id == message_id).map(|message| message.from);
        if !is_group(chat) {
            let jid = stanza::phone_jid(chat).to_string();
            return Ok(content::key(&jid, message_id, author.is_none(), None));
        }
        let state = self.world.state.lock();
        let group = chat.parse().ok().and_then(|jid| state.group_of(&jid));
        let group = group.with_context(|| format!("there is no group {chat}"))?;
        let participant = author.and_then(|author| state.accounts.get(author.as_str())).map(|author| group.jid(author));
        let participant = participant.map(|jid| jid.to_string());
        Ok(content::key(chat, message_id, participant.is_none(), participant.as_deref()))
    }

    /// The linked devices, by number.
    pub fn devices(&self) -> Vec<DeviceInfo> {
        let state = self.world.state.lock();
        let devices = state.accounts.get(&self.phone_number).map(|account| account.devices.values());
        let info = devices.into_iter().flatten().map(|device| DeviceInfo {
            id: device.key.device,
            platform: device.props.platform.clone(),
            os: device.props.os.clone(),
            version: device.props.version.clone(),
            connected: device.link.is_some(),
            logins: device.logins,
            available: device.is_available,
            presences: device.presences.clone(),
            undelivered: device.undelivered(),
            unnoticed: device.unnoticed(),
        });
        info.collect()
    }

    /// Removes a device as the phone's owner would. `false` when there is none with this number.
    pub fn unlink(&self, device: u16) -> bool {
        unlink::carry_out(&self.world, &self.device_key(device))
    }

    pub(crate) fn device_key(&self, device: u16) -> DeviceKey {
        DeviceKey { phone_number: Arc::clone(&self.phone_number), device }
    }

    /// Puts a message into the receiving phone's inbox and says which devices get a copy.
    fn post(&self, to: &str, id: &str, content: &wa::Message) -> anyhow::Result<Targets> {
        anyhow::ensure!(to != &*self.phone_number, "a phone does not write to itself");
        let mut state = self.world.state.lock();
        anyhow::ensure!(state.accounts.contains_key(to), "there is no phone {to}");
        let (theirs, own) = (state.companions(to), state.companions(&self.phone_number));
        let message = InboxMessage::new(id, (&self.phone_number, 0), None, content);
        state.meet(&self.phone_number, to);
        state.hear(to, &self.phone_number);
        state.store_message(to, message, None, &self.world);
        Ok(Targets { theirs, own })
    }
}

/// The devices that get a message.
struct Targets {
    theirs: Vec<DeviceKey>,
    own: Vec<DeviceKey>,
}
