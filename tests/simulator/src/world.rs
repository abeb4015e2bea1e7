//! Everything a simulator knows, behind one lock, and the look-ups that the flows share. The lock is never held across
//! an `.await`; encryption happens outside of it, under the account's own lock.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Result;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wacore_binary::{Jid, Server};
use wacore_libsignal::protocol::IdentityKeyPair;

use crate::account::{Account, Device};
use crate::fault::{Fault, HandshakeMode};
use crate::group::Group;
use crate::link::{DeviceKey, Link};
use crate::link_code::LinkCode;
use crate::media::Media;
use crate::noise::ServerKeys;
use crate::pairing::Pairing;
use crate::restriction::TokenRule;
use crate::settings::Settings;
use crate::signal::SignalBox;
use crate::stats::Stats;

/// The simulator's inside, shared by all connections and handles.
pub(crate) struct World {
    pub(crate) settings: Settings,
    pub(crate) state: Mutex<State>,
    pub(crate) media: Media,
    pub(crate) stopping: CancellationToken,
    pub(crate) tasks: TaskTracker,
    serial: AtomicU64,
}

/// What the lock guards.
pub(crate) struct State {
    pub(crate) keys: ServerKeys,
    pub(crate) accounts: BTreeMap<Arc<str>, Account>,
    /// Hidden number to phone number.
    pub(crate) lids: HashMap<Arc<str>, Arc<str>>,
    /// By the number in their address.
    pub(crate) groups: BTreeMap<Arc<str>, Group>,
    /// Connections by id, for faults and for the count of open ones.
    pub(crate) links: HashMap<u64, Arc<Link>>,
    /// Connections without an account, by connection id.
    pub(crate) pairings: HashMap<u64, Pairing>,
    /// QR references, live or dead, of the connections that are open.
    pub(crate) refs: HashMap<String, u64>,
    /// Outstanding pair codes by phone number.
    pub(crate) link_codes: HashMap<Arc<str>, LinkCode>,
    pub(crate) is_accepting: bool,
    pub(crate) handshake: HandshakeMode,
    pub(crate) are_refs_dropped: bool,
    pub(crate) next_connection: VecDeque<Fault>,
    /// Who must be shown a token, unless an account has a rule of its own.
    pub(crate) token_rule: TokenRule,
    /// The server's settings for clients, by number.
    pub(crate) ab_props: BTreeMap<u32, String>,
    /// Other spellings of phone numbers.
    pub(crate) aliases: HashMap<String, Arc<str>>,
    pub(crate) stats: Stats,
}

impl World {
    pub(crate) fn new(settings: Settings, media: Media) -> Result<Self> {
        let state = State {
            keys: ServerKeys::generate(now())?,
            accounts: BTreeMap::new(),
            lids: HashMap::new(),
            groups: BTreeMap::new(),
            links: HashMap::new(),
            pairings: HashMap::new(),
            refs: HashMap::new(),
            link_codes: HashMap::new(),
            is_accepting: true,
            handshake: HandshakeMode::Normal,
            are_refs_dropped: false,
            next_connection: VecDeque::new(),
            token_rule: TokenRule::Off,
            ab_props: BTreeMap::new(),
            aliases: HashMap::new(),
            stats: Stats::default(),
        };
        Ok(Self {
            settings,
            state: Mutex::new(state),
            media,
            stopping: CancellationToken::new(),
            tasks: TaskTracker::new(),
            serial: AtomicU64::new(1),
        })
    }

    /// A number that this simulator has not used before.
    pub(crate) fn next_serial(&self) -> u64 {
        self.serial.fetch_add(1, Ordering::Relaxed)
    }

    /// An id for a query or notification of the server.
    pub(crate) fn next_id(&self) -> String {
        format!("sim-{}", self.next_serial())
    }

    /// A message id as phones make them.
    pub(crate) fn message_id(&self) -> String {
        format!("3A{:08X}{:010X}", rand::random::<u32>(), self.next_serial())
    }

    /// The account's Signal side. Lock it without holding the world.
    pub(crate) fn signal(&self, phone_number: &str) -> Option<Arc<tokio::sync::Mutex<SignalBox>>> {
        self.state.lock().accounts.get(phone_number).map(|account| Arc::clone(&account.signal))
    }

    pub(crate) fn add_violation(&self, rule: String) {
        self.state.lock().stats.add_violation(rule);
    }
}

impl State {
    /// Makes an account, or renames the one that exists. `true` when it is new.
    pub(crate) fn add_account(&mut self, phone_number: &str, push_name: &str, world: &World) -> bool {
        if self.accounts.contains_key(phone_number) {
            self.rename(phone_number, push_name, world);
            return false;
        }
        let mut rng: rand::rngs::StdRng = rand::make_rng();
        let identity = IdentityKeyPair::generate(&mut rng);
        // Hidden numbers have 15 digits and say nothing about the phone number.
        let lid: Arc<str> = loop {
            let lid = format!("{}", 100_000_000_000_000 + rand::random::<u64>() % 800_000_000_000_000);
            if !self.lids.contains_key(lid.as_str()) {
                break lid.into();
            }
        };
        let signal = SignalBox::new(identity.clone(), rand::random::<u32>() % 16_380 + 1)
            .expect("a key that was just made can sign");
        let phone_number: Arc<str> = phone_number.into();
        self.lids.insert(Arc::clone(&lid), Arc::clone(&phone_number));
        let account = Account::new(Arc::clone(&phone_number), lid, push_name, (identity, signal));
        self.accounts.insert(phone_number, account);
        true
    }

    /// The account behind an address, given by phone number or hidden number.
    pub(crate) fn account_of(&self, jid: &Jid) -> Option<&Account> {
        match jid.server {
            Server::Pn => self.accounts.get(jid.user.as_str()),
            Server::Lid => self.accounts.get(self.lids.get(jid.user.as_str())?),
            _ => None,
        }
    }

    /// How an account names its chat with somebody, or a group.
    pub(crate) fn chat_jid(&self, phone_number: &str, chat: Jid) -> Jid {
        let is_migrated = self.accounts.get(phone_number).is_some_and(|account| account.is_migrated);
        match self.account_of(&chat).filter(|_| is_migrated) {
            Some(other) => crate::stanza::lid_jid(&other.lid),
            None => chat,
        }
    }

    /// The device behind an address; number 0 is the phone itself.
    pub(crate) fn device_key(&self, jid: &Jid) -> Option<DeviceKey> {
        let account = self.account_of(jid)?;
        Some(DeviceKey { phone_number: Arc::clone(&account.phone_number), device: jid.device })
    }

    pub(crate) fn device_mut(&mut self, key: &DeviceKey) -> Option<&mut Device> {
        self.accounts.get_mut(&key.phone_number)?.devices.get_mut(&key.device)
    }

    /// Sends what may be sent to a device now.
    pub(crate) fn pump(&mut self, key: &DeviceKey, settings: &Settings) {
        let Some(device) = self.device_mut(key) else { return };
        let sent = device.pump(settings);
        self.stats.deliveries += sent.messages;
        self.stats.notices += sent.notices;
    }

    /// Forgets a connection that ended.
    pub(crate) fn drop_link(&mut self, link: &Link) {
        self.links.remove(&link.id);
        if let Some(pairing) = self.pairings.remove(&link.id) {
            for reference in &pairing.refs {
                self.refs.remove(reference);
            }
            self.link_codes.retain(|_, code| code.link != link.id);
        }
        self.stats.open_connections = self.links.len() as u64;
        let Some(key) = link.device() else { return };
        let was_online = self.is_online(&key.phone_number);
        if let Some(device) = self.device_mut(key) {
            device.disconnect(link);
        }
        self.tell_watchers(&key.phone_number, was_online);
    }
}

/// Unix time, seconds.
pub(crate) fn now() -> u64 {
    chrono::Utc::now().timestamp().max(0) as u64
}
