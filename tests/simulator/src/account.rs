//! A WhatsApp account (a phone) and its companion devices: the state. Everything here is called with the world locked;
//! nothing waits. What is on its way to a device is in `delivery.rs`.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use wacore_binary::{Jid, Node};
use wacore_libsignal::protocol::{IdentityKey, IdentityKeyPair, PreKeyBundle, PublicKey};

use crate::addon::Parents;
use crate::app_state::AppState;
use crate::delivery::{Breakage, Delivery, Phase};
use crate::fault::LoginFailure;
use crate::group_rules::KeyHolders;
use crate::history::History;
use crate::inbox::{InboxMessage, SeenKey, Waiting};
use crate::ledger::Ledger;
use crate::letter::Letter;
use crate::link::{DeviceKey, Link};
use crate::media::{Reuploads, SentFiles};
use crate::message_fault::MessageFault;
use crate::profile::Profile;
use crate::restriction::Standing;
use crate::retries::{RetryRequest, Unreadable};
use crate::signal::SignalBox;
use crate::timer::Timer;
use crate::world::now;

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
    pub(crate) seen_messages: HashSet<SeenKey>,
    /// Whether the phone is switched off; what is sent to it then waits.
    pub(crate) is_off: bool,
    pub(crate) waiting: VecDeque<Waiting>,
    /// Files that phone and companions have sent.
    pub(crate) sent_files: SentFiles,
    /// What the phone answers when it is to store a file once more.
    pub(crate) reuploads: Reuploads,
    /// Requests for that which came while it was off, with who asked.
    pub(crate) waiting_requests: VecDeque<(DeviceKey, Node)>,
    /// What the companions have sent.
    pub(crate) ledger: Ledger,
    /// What the phone tells new companions of the time before.
    pub(crate) history: History,
    /// What WhatsApp keeps the account from.
    pub(crate) standing: Standing,
    /// Copies that the phone cannot open, and what it has asked for again.
    pub(crate) unreadable: Unreadable,
    pub(crate) retries: Vec<RetryRequest>,
    /// What is to become of the next messages that they send.
    pub(crate) message_faults: VecDeque<MessageFault>,
    pub(crate) app_state: AppState,
    /// Phone numbers of the people who have each other in their address books.
    pub(crate) contacts: BTreeSet<Arc<str>>,
    /// The timers of the chats in which messages disappear, or did once, by the phone number of the other one.
    pub(crate) timers: BTreeMap<Arc<str>, Timer>,
    pub(crate) profile: Profile,
    /// To whom the companions have given the keys with which they write to groups: by chat and companion.
    pub(crate) key_holders: HashMap<(String, u16), KeyHolders>,
    /// What opens votes and answers to events, by the id of the poll or event.
    pub(crate) parents: Parents,
    /// After how many seconds the messages of new chats disappear; 0 lets them stay.
    pub(crate) default_timer: u32,
    /// Whether chats of this account are named by the other one's hidden number instead of the phone number.
    pub(crate) is_migrated: bool,
    /// Whether others are told when one of its devices comes or goes.
    pub(crate) tells_devices: bool,
    /// Whether the phone itself is in use.
    pub(crate) is_online: bool,
    /// When phone or companion was last in use, Unix seconds.
    pub(crate) last_seen: Option<u64>,
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

/// A linked companion device.
pub(crate) struct Device {
    pub(crate) key: DeviceKey,
    pub(crate) key_index: u32,
    pub(crate) linked_at: Instant,
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
    pub(crate) held: VecDeque<Letter>,
    /// What is to become of the next messages, when they are to arrive broken.
    pub(crate) breakage: Option<Breakage>,
    /// Whether the client said on this connection that its user is there.
    pub(crate) is_available: bool,
    /// What it said of that on this connection, in order.
    pub(crate) presences: Vec<bool>,
    /// Whose presence the client asked for on this connection, with the address it used.
    pub(crate) watched: HashMap<Arc<str>, Jid>,
    /// Deliveries not acknowledged yet; the first `in_flight` were sent on this connection.
    pub(crate) queue: VecDeque<Delivery>,
    pub(crate) in_flight: usize,
    /// Backlog deliveries that the client has asked for.
    pub(crate) credits: usize,
    /// The last acknowledged messages, newest last.
    pub(crate) history: VecDeque<Delivery>,
}

impl Account {
    /// An account that nobody knows yet, with its identity and the keys of its phone.
    pub(crate) fn new(
        phone_number: Arc<str>,
        lid: Arc<str>,
        push_name: &str,
        keys: (IdentityKeyPair, SignalBox),
    ) -> Self {
        Self {
            phone_number,
            lid,
            push_name: push_name.to_owned(),
            app_state: AppState::new(push_name),
            contacts: BTreeSet::new(),
            timers: BTreeMap::new(),
            profile: Profile::default(),
            key_holders: HashMap::new(),
            parents: Parents::default(),
            default_timer: 0,
            is_migrated: false,
            tells_devices: true,
            is_online: false,
            last_seen: None,
            identity: keys.0,
            raw_id: rand::random::<u32>() >> 1,
            created_at: now(),
            next_device: 1,
            devices: BTreeMap::new(),
            inbox: VecDeque::new(),
            seen_messages: HashSet::new(),
            is_off: false,
            waiting: VecDeque::new(),
            sent_files: SentFiles::default(),
            reuploads: Reuploads::default(),
            waiting_requests: VecDeque::new(),
            ledger: Ledger::default(),
            message_faults: VecDeque::new(),
            history: History::default(),
            standing: Standing { salt: std::array::from_fn(|_| rand::random()), ..Standing::default() },
            unreadable: Unreadable { left: 0, has_keys: true },
            retries: Vec::new(),
            signal: Arc::new(tokio::sync::Mutex::new(keys.1)),
        }
    }
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
}
