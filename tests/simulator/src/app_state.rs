//! App-state sync: the account's settings as signed and encrypted patches, the key that opens them, and its handing to
//! a new device. What devices add is kept and passed on.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use anyhow::{Result, ensure};
use serde::Serialize;
use wacore_appstate::hash::{HashState, generate_patch_mac};
use wacore_appstate::{decode_record, encode_record, expand_app_state_keys};
use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Node, SERVER_JID};
use waproto::buffa::{Message as _, MessageField};
use waproto::whatsapp as wa;
use waproto::whatsapp::message::protocol_message::Type as ProtocolType;
use waproto::whatsapp::message::{
    AppStateSyncKey, AppStateSyncKeyData, AppStateSyncKeyFingerprint, AppStateSyncKeyId, AppStateSyncKeyShare,
    ProtocolMessage,
};
use waproto::whatsapp::syncd_mutation::SyncdOperation;

use crate::delivery::Class;
use crate::envelope::Envelope;
use crate::letter::{self, Letter, Role};
use crate::link::DeviceKey;
use crate::phone::Phone;
use crate::queries::Reply;
use crate::stanza;
use crate::world::{State, World, now};

/// The collection that holds the push name.
const PUSH_NAME_COLLECTION: &str = "critical_block";

/// The settings of one account.
pub(crate) struct AppState {
    key_id: [u8; 6],
    key: [u8; 32],
    collections: BTreeMap<String, Collection>,
    /// What the companions have set, by its index.
    decisions: BTreeMap<Vec<String>, wa::SyncActionValue>,
}

/// A message that was marked with a star.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Starred {
    /// The chat, as the companion addressed it.
    pub chat: String,
    /// The message's id.
    pub message_id: String,
    /// Whether the account wrote it.
    pub from_me: bool,
    /// Who wrote it, in a group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub participant: Option<String>,
}

/// One collection: its patches in order, and the running hash over what they set.
#[derive(Default)]
struct Collection {
    patches: Vec<Vec<u8>>,
    state: HashState,
    value_macs: HashMap<Vec<u8>, Vec<u8>>,
}

impl AppState {
    pub(crate) fn new(push_name: &str) -> Self {
        let mut state = Self {
            // The first two bytes are the device that made the key, the rest its number.
            key_id: [0, 0, 0, 0, 0, 1],
            key: std::array::from_fn(|_| rand::random()),
            collections: BTreeMap::new(),
            decisions: BTreeMap::new(),
        };
        state.set_push_name(push_name);
        state
    }

    /// Writes the push name as the next patch of its collection.
    pub(crate) fn set_push_name(&mut self, push_name: &str) {
        let value = wa::SyncActionValue {
            push_name_setting: MessageField::some(wa::sync_action_value::PushNameSetting {
                name: Some(push_name.to_owned()),
            }),
            ..Default::default()
        };
        self.set(PUSH_NAME_COLLECTION, &["setting_pushName"], 1, value);
    }

    /// Writes a setting as the next patch of its collection. `format` is the version of this kind of setting.
    pub(crate) fn set(&mut self, name: &str, index: &[&str], format: i32, mut value: wa::SyncActionValue) {
        let keys = expand_app_state_keys(&self.key);
        value.timestamp = Some(now() as i64 * 1000);
        let iv: [u8; 16] = std::array::from_fn(|_| rand::random());
        let index = serde_json::to_vec(index).expect("words are JSON");
        let (mutation, _) = encode_record(SyncdOperation::SET, &index, &value, &keys, &self.key_id, &iv, format);
        let collection = self.collections.entry(name.to_owned()).or_default();
        let mutations = vec![mutation];
        let version = collection.apply(&mutations);
        let mut patch = wa::SyncdPatch {
            version: MessageField::some(wa::SyncdVersion { version: Some(version) }),
            mutations,
            key_id: MessageField::some(wa::KeyId { id: Some(self.key_id.to_vec()) }),
            snapshot_mac: Some(collection.state.generate_snapshot_mac(name, &keys.snapshot_mac)),
            ..Default::default()
        };
        patch.patch_mac = Some(generate_patch_mac(&patch, name, &keys.patch_mac, version));
        collection.patches.push(patch.encode_to_vec());
    }

    /// Opens what a companion has set, as a phone does. What it cannot open is an error.
    fn read(&mut self, patch: &wa::SyncdPatch) -> Result<()> {
        let keys = expand_app_state_keys(&self.key);
        let key_id = patch.key_id.id.clone().unwrap_or_default();
        ensure!(key_id == self.key_id, "a patch is encrypted with another key than the phone's");
        for mutation in &patch.mutations {
            let operation =
                mutation.operation.and_then(|operation| operation.as_known()).unwrap_or(SyncdOperation::SET);
            let (opened, _) = decode_record(operation, &mutation.record, &keys, &key_id, true)?;
            match opened.action_value.filter(|_| operation == SyncdOperation::SET) {
                Some(value) => self.decisions.insert(opened.index, value),
                None => self.decisions.remove(&opened.index),
            };
        }
        Ok(())
    }

    fn starred(&self) -> Vec<Starred> {
        let starred = self.decisions.iter().filter(|(_, value)| value.star_action.starred == Some(true));
        let read = |(index, _): (&Vec<String>, &wa::SyncActionValue)| match index.as_slice() {
            [kind, chat, message_id, from_me, participant] if kind == "star" => Some(Starred {
                chat: chat.clone(),
                message_id: message_id.clone(),
                from_me: from_me == "1",
                participant: Some(participant.clone()).filter(|participant| participant != "0"),
            }),
            _ => None,
        };
        starred.filter_map(read).collect()
    }

    fn version(&self, name: &str) -> u64 {
        self.collections.get(name).map_or(0, |collection| collection.state.version)
    }

    fn key_share(&self, raw_id: u32, devices: Vec<u32>) -> wa::Message {
        let fingerprint = AppStateSyncKeyFingerprint {
            raw_id: Some(raw_id),
            current_index: devices.iter().max().copied(),
            device_indexes: devices,
        };
        let data = AppStateSyncKeyData {
            key_data: Some(self.key.to_vec()),
            fingerprint: MessageField::some(fingerprint),
            timestamp: Some(now() as i64 * 1000),
        };
        let key = AppStateSyncKey {
            key_id: MessageField::some(AppStateSyncKeyId { key_id: Some(self.key_id.to_vec()) }),
            key_data: MessageField::some(data),
        };
        let protocol = ProtocolMessage {
            r#type: Some(ProtocolType::APP_STATE_SYNC_KEY_SHARE),
            app_state_sync_key_share: MessageField::some(AppStateSyncKeyShare { keys: vec![key] }),
            ..Default::default()
        };
        wa::Message { protocol_message: MessageField::some(protocol), ..Default::default() }
    }
}

impl Collection {
    /// Takes mutations into the running hash. Returns the new version.
    fn apply(&mut self, mutations: &[wa::SyncdMutation]) -> u64 {
        let value_macs = &self.value_macs;
        let (_, outcome) = self.state.update_hash(mutations, |index, _| Ok(value_macs.get(index).cloned()));
        if let Err(error) = outcome {
            tracing::warn!(error = %error, "a patch cannot be hashed");
        }
        for mutation in mutations {
            let Some(index) = mutation.record.index.blob.clone() else { continue };
            let value = mutation.record.value.blob.as_deref().unwrap_or_default();
            let mac = value[value.len().saturating_sub(32)..].to_vec();
            self.value_macs.insert(index, mac);
        }
        self.state.version += 1;
        self.state.version
    }
}

impl State {
    /// Changes a push name and tells the account's devices.
    pub(crate) fn rename(&mut self, phone_number: &str, push_name: &str, world: &World) {
        let Some(account) = self.accounts.get_mut(phone_number).filter(|account| account.push_name != push_name) else {
            return;
        };
        push_name.clone_into(&mut account.push_name);
        account.app_state.set_push_name(push_name);
        self.tell_changes(phone_number, &[PUSH_NAME_COLLECTION.to_owned()], None, world);
    }

    /// Tells an account's devices which collections have changed.
    pub(crate) fn tell_changes(&mut self, phone_number: &str, changed: &[String], except: Option<u16>, world: &World) {
        let Some(account) = self.accounts.get(phone_number) else { return };
        let collections = changed.iter().map(|name| {
            let version = account.app_state.version(name);
            NodeBuilder::new("collection").attr("name", name).attr("version", version).build()
        });
        let notification = NodeBuilder::new("notification")
            .attr("from", SERVER_JID)
            .attr("type", "server_sync")
            .attr("id", world.next_id())
            .attr("t", now())
            .children(collections.collect::<Vec<_>>())
            .build();
        let mut devices = self.companions(phone_number);
        devices.retain(|key| Some(key.device) != except);
        self.notify(&devices, Class::Notification, &notification, world);
    }
}

/// Answers a sync: takes the device's own patches, gives those that it lacks.
pub(crate) fn answer(world: &World, device: &DeviceKey, sync: &Node) -> Reply {
    let mut state = world.state.lock();
    let Some(account) = state.accounts.get_mut(&device.phone_number) else {
        return Reply::Error(404, "item-not-found");
    };
    let mut unread = Vec::new();
    let asked = sync.get_children_by_tag("collection");
    let collections: Vec<Node> = asked.map(|asked| sync_one(&mut account.app_state, asked, &mut unread)).collect();
    for error in unread {
        state.stats.add_violation(format!("app-state patch: {error:#}"));
    }
    Reply::with(NodeBuilder::new("sync").children(collections).build())
}

fn sync_one(app_state: &mut AppState, asked: &Node, unread: &mut Vec<anyhow::Error>) -> Node {
    let name = stanza::attr_or_empty(asked, "name");
    let base: u64 = stanza::attr(asked, "version").and_then(|version| version.parse().ok()).unwrap_or_default();
    let collection = app_state.collections.entry(name.clone()).or_default();
    let mut answer = NodeBuilder::new("collection").attr("name", name);
    if let Some(patch) = stanza::child_bytes(asked, "patch") {
        let patch = wa::SyncdPatch::decode_from_slice(&patch);
        match patch {
            Ok(mut patch) if base == collection.state.version => {
                let version = collection.apply(&patch.mutations);
                patch.version = MessageField::some(wa::SyncdVersion { version: Some(version) });
                collection.patches.push(patch.encode_to_vec());
                unread.extend(app_state.read(&patch).err());
                return answer.attr("version", version).build();
            }
            _ => {
                // Somebody was faster, or the patch cannot be read: the device gets what it lacks and tries again.
                answer = answer.attr("type", "error");
                let error = NodeBuilder::new("error").attr("code", 409_u16).attr("text", "conflict").build();
                return answer.attr("version", collection.state.version).children([error]).build();
            }
        }
    }
    let missing = collection.patches.iter().skip(base as usize);
    let patches: Vec<Node> = missing.map(|patch| stanza::leaf("patch", patch.clone())).collect();
    answer = answer.attr("version", collection.state.version);
    if patches.is_empty() {
        return answer.build();
    }
    answer.children([NodeBuilder::new("patches").children(patches).build()]).build()
}

/// After a device has changed something: its siblings are told.
pub(crate) fn tell_others(world: &World, device: &DeviceKey, iq: &Node) {
    let Some(sync) = iq.get_optional_child("sync") else { return };
    let changed: Vec<String> = sync
        .get_children_by_tag("collection")
        .filter(|collection| collection.get_optional_child("patch").is_some())
        .map(|collection| stanza::attr_or_empty(collection, "name"))
        .collect();
    if changed.is_empty() {
        return;
    }
    world.state.lock().tell_changes(&device.phone_number, &changed, Some(device.device), world);
}

/// Sends the phone's key to a device, as a phone does after linking and whenever it is asked.
pub(crate) async fn share_key(world: &Arc<World>, to: &DeviceKey) {
    let message = {
        let state = world.state.lock();
        let Some(account) = state.accounts.get(&to.phone_number) else { return };
        let devices = std::iter::once(0).chain(account.devices.values().map(|device| device.key_index));
        account.app_state.key_share(account.raw_id, devices.collect())
    };
    let letter = Letter {
        id: world.message_id(),
        from: Arc::clone(&to.phone_number),
        to: to.clone(),
        timestamp: now(),
        role: Role::Peer,
        envelope: Envelope::text(),
        plaintext: letter::padded(&message),
        attempt: 0,
        is_hopeless: false,
    };
    letter::deliver(world, letter).await;
}

impl Phone {
    /// The messages that the account's companions have marked with a star.
    pub fn starred(&self) -> Vec<Starred> {
        let state = self.world.state.lock();
        state.accounts.get(&self.phone_number).map(|account| account.app_state.starred()).unwrap_or_default()
    }
}
