//! A WhatsApp account (a phone) and its companion devices: the state, and the delivery queue of a device.
//! Everything here is called with the world locked; nothing waits.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::Arc;

use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;
use wacore_libsignal::protocol::{IdentityKey, IdentityKeyPair, PreKeyBundle, PublicKey};

use crate::app_state::AppState;
use crate::fault::LoginFailure;
use crate::link::{DeviceKey, Link};
use crate::messages::Letter;
use crate::phone::InboxMessage;
use crate::settings::Settings;
use crate::signal::SignalBox;
use crate::stanza;

/// One account.
pub(crate) struct Account {
    pub(crate) phone_number: Arc<str>,
    pub(crate) lid: Arc<str>,
    pub(crate) push_name: String,
    pub(crate) identity: IdentityKeyPair,
    /// Stays the same in every identity that this account signs; clients drop devices when it changes.
    pub(crate) raw_id: u32,
    pub(crate) created_at: u64,
    /// Companion number and key index of the next device. Neither is ever used again.
    pub(crate) next_device: u16,
    pub(crate) devices: BTreeMap<u16, Device>,
    pub(crate) inbox: VecDeque<InboxMessage>,
    /// Ids of every message in or once in the inbox, to take a repeated one once.
    pub(crate) seen_messages: HashSet<(u16, String)>,
    pub(crate) app_state: AppState,
    pub(crate) signal: Arc<tokio::sync::Mutex<SignalBox>>,
}

/// The keys that a device has published.
pub(crate) struct DeviceKeys {
    pub(crate) registration_id: u32,
    pub(crate) identity: [u8; 32],
    pub(crate) signed_key: (u32, [u8; 32], Vec<u8>),
    /// One-time keys in the order of upload, each given away once.
    pub(crate) one_time_keys: VecDeque<(u32, [u8; 32])>,
}

/// What a device said about itself when it was paired.
#[derive(Clone, Debug, Default)]
pub(crate) struct DeviceProps {
    pub(crate) platform: String,
    pub(crate) os: String,
    pub(crate) version: String,
}

/// A message on its way to a device.
pub(crate) struct Delivery {
    pub(crate) stanza: Node,
    pub(crate) letter: Arc<Letter>,
}

/// How far a connected device is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Phase {
    /// Logged in; the client has not asked for its backlog yet.
    LoggedIn,
    /// The backlog is being sent: `left` more deliveries belong to it, of `total`.
    Draining { left: usize, total: usize },
    /// Everything new is sent at once.
    Live,
}

/// A linked companion device.
pub(crate) struct Device {
    pub(crate) key: DeviceKey,
    pub(crate) key_index: u32,
    pub(crate) noise_key: [u8; 32],
    pub(crate) identity: [u8; 32],
    pub(crate) registration_id: u32,
    /// The identity that account and device signed, as others get it.
    pub(crate) signed_identity: Vec<u8>,
    pub(crate) props: DeviceProps,
    pub(crate) keys: Option<DeviceKeys>,
    pub(crate) link: Option<Arc<Link>>,
    pub(crate) phase: Phase,
    pub(crate) logins: u64,
    pub(crate) login_failure: Option<LoginFailure>,
    /// Letters that came before the device published keys.
    pub(crate) held: Vec<Letter>,
    /// Deliveries not acknowledged yet; the first `in_flight` were sent on this connection.
    pub(crate) queue: VecDeque<Delivery>,
    pub(crate) in_flight: usize,
    /// Backlog deliveries that the client has asked for.
    pub(crate) credits: usize,
    /// The last acknowledged deliveries, newest last.
    pub(crate) history: VecDeque<Delivery>,
}

impl Device {
    /// Keys for a first message to this device, with its next one-time key. `None` before it has published any.
    pub(crate) fn take_bundle(&mut self) -> Option<PreKeyBundle> {
        let device = u32::from(self.key.device);
        let keys = self.keys.as_mut()?;
        let public = |bytes: &[u8; 32]| PublicKey::from_djb_public_key_bytes(bytes).ok();
        let one_time_key = keys.one_time_keys.pop_front().and_then(|(id, key)| Some((id.into(), public(&key)?)));
        let bundle = PreKeyBundle::new(
            keys.registration_id,
            device.into(),
            one_time_key,
            keys.signed_key.0.into(),
            public(&keys.signed_key.1)?,
            keys.signed_key.2.clone(),
            IdentityKey::new(public(&keys.identity)?),
        );
        bundle.ok()
    }

    /// Deliveries that the device has not acknowledged, those without keys included.
    pub(crate) fn undelivered(&self) -> usize {
        self.queue.len() + self.held.len()
    }

    pub(crate) fn connect(&mut self, link: Arc<Link>, settings: &Settings) -> Option<Arc<Link>> {
        self.logins += 1;
        self.phase = Phase::LoggedIn;
        self.in_flight = 0;
        self.credits = settings.offline_primer;
        self.link.replace(link)
    }

    /// Forgets a connection that ended. What it had not acknowledged is sent again after the next login.
    pub(crate) fn disconnect(&mut self, link: &Link) {
        if self.link.as_ref().is_some_and(|current| current.id == link.id) {
            self.link = None;
            self.in_flight = 0;
        }
    }

    /// The client is active: its backlog may be sent.
    pub(crate) fn begin_drain(&mut self) {
        if self.phase == Phase::LoggedIn {
            self.phase = Phase::Draining { left: self.queue.len(), total: self.queue.len() };
        }
    }

    /// Sends what may be sent now. Returns how many deliveries that were.
    pub(crate) fn pump(&mut self, settings: &Settings) -> u64 {
        let Some(link) = self.link.clone() else { return 0 };
        let mut sent = 0;
        loop {
            match self.phase {
                Phase::LoggedIn => return sent,
                Phase::Draining { left: 0, total } => {
                    if !link.post(stanza::info(NodeBuilder::new("offline").attr("count", total).build())) {
                        return sent;
                    }
                    self.phase = Phase::Live;
                }
                Phase::Draining { left, total } => {
                    if self.credits == 0 || !self.send_next(&link, true) {
                        return sent;
                    }
                    self.credits -= 1;
                    self.phase = Phase::Draining { left: left - 1, total };
                    sent += 1;
                }
                Phase::Live => {
                    if self.in_flight >= settings.delivery_window || !self.send_next(&link, false) {
                        return sent;
                    }
                    sent += 1;
                }
            }
        }
    }

    fn send_next(&mut self, link: &Link, is_backlog: bool) -> bool {
        let Some(delivery) = self.queue.get(self.in_flight) else { return false };
        let mut stanza = delivery.stanza.clone();
        if is_backlog {
            stanza.attrs.insert("offline", "0");
        }
        let is_sent = link.post(stanza);
        self.in_flight += usize::from(is_sent);
        is_sent
    }

    /// The device has taken the delivery with this id.
    pub(crate) fn acknowledge(&mut self, id: &str, settings: &Settings) -> bool {
        let Some(index) = self.queue.iter().position(|delivery| delivery.letter.id == id) else { return false };
        if index < self.in_flight {
            self.in_flight -= 1;
        }
        if let Some(delivery) = self.queue.remove(index) {
            self.history.push_back(delivery);
            if self.history.len() > settings.history_limit {
                self.history.pop_front();
            }
        }
        true
    }

    /// Takes a delivery out of the queue or the history, to send it anew.
    pub(crate) fn take_back(&mut self, id: &str) -> Option<Delivery> {
        if let Some(index) = self.queue.iter().position(|delivery| delivery.letter.id == id) {
            if index < self.in_flight {
                self.in_flight -= 1;
            }
            return self.queue.remove(index);
        }
        let index = self.history.iter().position(|delivery| delivery.letter.id == id)?;
        self.history.remove(index)
    }

    /// Queues the last acknowledged deliveries once more, byte for byte.
    pub(crate) fn redeliver(&mut self, count: usize) {
        let first = self.history.len().saturating_sub(count);
        self.queue.extend(self.history.split_off(first));
    }
}
