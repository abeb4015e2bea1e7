//! `usync`: who is on WhatsApp, with which devices and which hidden number.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest as _, Sha256};
use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, Node};
use waproto::buffa::Message as _;
use waproto::whatsapp::{ADVKeyIndexList, ADVSignedKeyIndexList};

use crate::account::Account;
use crate::queries::Reply;
use crate::stanza;
use crate::world::{State, World, now};

/// What may be asked about a user.
const PROTOCOLS: [&str; 12] = [
    "devices",
    "contact",
    "lid",
    "status",
    "picture",
    "business",
    "disappearing_mode",
    "text_status",
    "username",
    "bot",
    "tctoken",
    "feature",
];

/// Answers a `usync` query. `None` when it asks something that is not known.
pub(crate) fn answer(world: &World, usync: &Node) -> Option<Reply> {
    let asked: Vec<String> =
        stanza::children(usync.get_optional_child("query")?).iter().map(|child| child.tag.to_string()).collect();
    if asked.iter().any(|tag| !PROTOCOLS.contains(&tag.as_str())) {
        return None;
    }
    let mut state = world.state.lock();
    let list = usync.get_optional_child("list").map(stanza::children).unwrap_or_default();
    let typed = list.iter().filter(|user| user.get_optional_child("contact").is_some()).count();
    state.stats.lookups += u64::from(typed > 0);
    state.stats.looked_up += typed as u64;
    let users = list.iter().filter_map(|user| answer_user(&state, user, &asked));
    let list = NodeBuilder::new("list").children(users).build();
    let states = asked.iter().map(|tag| NodeBuilder::new_dynamic(tag.clone()).build());
    let result = NodeBuilder::new("result").children(states).build();
    let mut reply = NodeBuilder::new("usync").attr("index", "0").attr("last", "true");
    for key in ["sid", "mode", "context"] {
        reply = reply.attr(key, stanza::attr_or_empty(usync, key));
    }
    Some(Reply::with(reply.children([result, list]).build()))
}

fn answer_user(state: &State, user: &Node, asked: &[String]) -> Option<Node> {
    let typed = stanza::child_bytes(user, "contact").and_then(|text| String::from_utf8(text).ok());
    let jid = match (stanza::jid(user, "jid"), &typed) {
        (Some(jid), _) => jid.to_non_ad(),
        (None, Some(number)) => {
            let number = number.trim_start_matches('+');
            // Who is known under another number is named by that.
            stanza::phone_jid(state.aliases.get(number).map_or(number, |known| known))
        }
        (None, None) => return None,
    };
    let account = state.account_of(&jid);
    let children = asked.iter().filter_map(|tag| answer_protocol(tag, account, typed.as_deref()));
    Some(NodeBuilder::new("user").attr("jid", &jid).children(children).build())
}

fn answer_protocol(tag: &str, account: Option<&Account>, typed: Option<&str>) -> Option<Node> {
    match (tag, account) {
        ("contact", account) => {
            let mut contact = NodeBuilder::new("contact").attr("type", if account.is_some() { "in" } else { "out" });
            if let Some(typed) = typed {
                contact = contact.bytes(typed.as_bytes());
            }
            Some(contact.build())
        }
        ("devices", Some(account)) => Some(devices(account)),
        ("devices", None) => Some(NodeBuilder::new("devices").children([not_found()]).build()),
        ("lid", Some(account)) => Some(NodeBuilder::new("lid").attr("val", stanza::lid_jid(&account.lid)).build()),
        ("status", Some(account)) => Some(account.profile.about_node()),
        ("disappearing_mode", Some(account)) => {
            let mode = NodeBuilder::new("disappearing_mode").attr("duration", account.default_timer);
            Some(mode.attr("t", 0_u32).build())
        }
        // Nobody here has a picture, a business, a user name or a bot.
        _ => None,
    }
}

fn not_found() -> Node {
    NodeBuilder::new("error").attr("code", 404_u16).attr("text", "item-not-found").build()
}

fn devices(account: &Account) -> Node {
    let phone = NodeBuilder::new("device").attr("id", 0_u32).build();
    let companions = account.devices.values().map(|device| {
        NodeBuilder::new("device").attr("id", device.key.device).attr("key-index", device.key_index).build()
    });
    let list = NodeBuilder::new("device-list")
        .attr("hash", device_hash(account))
        .children(std::iter::once(phone).chain(companions))
        .build();
    let mut children = vec![list];
    if !account.devices.is_empty() {
        children.push(key_index_list(account));
    }
    NodeBuilder::new("devices").children(children).build()
}

/// The hash over the addresses of all devices, as clients compute it, too.
pub(crate) fn device_hash(account: &Account) -> String {
    address_hash(device_addresses(account, &stanza::phone_jid(&account.phone_number)))
}

/// The addresses of all devices of an account, in the spelling of the hash, under its phone number or its hidden number.
pub(crate) fn device_addresses(account: &Account, jid: &Jid) -> Vec<String> {
    let devices = std::iter::once(0).chain(account.devices.keys().copied());
    devices.map(|device| format!("{}.0:{device}@{}", jid.user, jid.server.as_str())).collect()
}

/// The hash over addresses of devices; src: whatsmeow send.go participantListHashV2.
pub(crate) fn address_hash(mut addresses: Vec<String>) -> String {
    addresses.sort();
    let hash = Sha256::digest(addresses.concat());
    format!("2:{}", BASE64_STANDARD.encode(&hash[..6]))
}

/// The account's signed list of the devices that count.
pub(crate) fn key_index_list(account: &Account) -> Node {
    let valid = std::iter::once(0).chain(account.devices.values().map(|device| device.key_index));
    let timestamp = now();
    let details = ADVKeyIndexList {
        raw_id: Some(account.raw_id),
        timestamp: Some(timestamp),
        current_index: Some(u32::from(account.next_device - 1)),
        valid_indexes: valid.collect(),
        ..Default::default()
    }
    .encode_to_vec();
    let message = [&[6, 2], details.as_slice()].concat();
    let signature = wacore::crypto::calculate_curve_signature(account.identity.private_key(), &message);
    let signed = ADVSignedKeyIndexList {
        details: Some(details),
        account_signature: signature.ok().map(|signature| signature.to_vec()),
        ..Default::default()
    };
    NodeBuilder::new("key-index-list").attr("ts", timestamp).bytes(signed.encode_to_vec()).build()
}
