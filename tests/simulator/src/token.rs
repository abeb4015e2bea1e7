//! The tokens with which people let others write to them: given, told, and checked when a message shows one.

use anyhow::{Context, Result};
use wacore::iq::tctoken::compute_cs_token;
use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;

use crate::delivery::Class;
use crate::link::DeviceKey;
use crate::messages::Sent;
use crate::phone::Phone;
use crate::queries::Reply;
use crate::stanza;
use crate::world::{State, World, now};

/// Seconds of one of the four spans in which a token is good; src: ab props tctoken_duration, tctoken_num_buckets.
const SPAN_SECONDS: u64 = 604_800;

/// Spans in which a token is good, the one it was given in included.
const SPANS: u64 = 4;

/// A token that one account has given to another.
#[derive(Clone)]
pub(crate) struct Token {
    pub(crate) bytes: Vec<u8>,
    /// When it was given, Unix seconds.
    pub(crate) timestamp: u64,
}

impl Token {
    fn is_expired(&self) -> bool {
        self.timestamp / SPAN_SECONDS + SPANS <= now() / SPAN_SECONDS
    }
}

/// A device gives its account's tokens to people.
pub(crate) fn issue(world: &World, device: &DeviceKey, tokens: &Node) -> Reply {
    let mut state = world.state.lock();
    for token in stanza::children(tokens) {
        let to = stanza::jid(token, "jid").and_then(|jid| state.device_key(&jid));
        let timestamp = stanza::attr(token, "t").and_then(|t| t.parse().ok()).unwrap_or_else(now);
        if let Some(to) = to {
            state.give_token(world, &device.phone_number, &to.phone_number, timestamp);
        }
    }
    Reply::with(NodeBuilder::new("tokens").build())
}

/// Whether a message shows a good token. One that is not right is a violation.
pub(crate) fn is_shown(state: &mut State, sent: &Sent) -> bool {
    let Some(sender) = state.accounts.get(&sent.from.phone_number) else { return false };
    let Some(recipient) = state.accounts.get(&sent.recipient.phone_number) else { return false };
    let (mut is_good, mut wrong) = (false, Vec::new());
    if let Some(shown) = stanza::child_bytes(&sent.message, "tctoken") {
        match recipient.standing.tokens_given.get(&sender.phone_number) {
            Some(token) if token.bytes == shown => is_good = !token.is_expired(),
            _ => wrong.push("its tctoken is not the one that the recipient gave"),
        }
    }
    if let Some(shown) = stanza::child_bytes(&sent.message, "cstoken") {
        let right = compute_cs_token(&sender.standing.salt, &stanza::lid_jid(&recipient.lid).to_string());
        match shown == right {
            true => is_good = true,
            false => wrong.push("its cstoken is not made from the account's salt and the recipient's hidden number"),
        }
    }
    for rule in wrong {
        state.stats.add_violation(format!("message {}: {rule}", sent.id));
    }
    is_good
}

impl State {
    /// Gives somebody a token and tells their companions.
    fn give_token(&mut self, world: &World, from: &str, to: &str, timestamp: u64) {
        let Some(recipient) = self.accounts.get(to).map(|account| account.phone_number.clone()) else { return };
        let Some(giver) = self.accounts.get_mut(from) else { return };
        let token = Token { bytes: rand::random::<[u8; 16]>().to_vec(), timestamp };
        let node = NodeBuilder::new("token").attr("type", "trusted_contact").attr("t", timestamp);
        let node = node.bytes(token.bytes.clone()).build();
        giver.standing.tokens_given.insert(recipient, token);
        let notification = NodeBuilder::new("notification")
            .attr("from", stanza::phone_jid(from))
            .attr("type", "privacy_token")
            .attr("id", world.next_id())
            .attr("t", now())
            .attr("sender_lid", stanza::lid_jid(&giver.lid))
            .children([NodeBuilder::new("tokens").children([node]).build()])
            .build();
        let devices = self.companions(to);
        self.notify(&devices, Class::Notification, &notification, world);
    }
}

impl Phone {
    /// Gives somebody a token, so that they may write to this account; their companions are told.
    ///
    /// # Errors
    /// The simulator has no phone with that number.
    pub fn give_token(&self, to: &str) -> Result<()> {
        self.give_old_token(to, now())
    }

    /// Gives somebody a token of another time (Unix seconds). It is good for four weeks, in whole weeks.
    ///
    /// # Errors
    /// The simulator has no phone with that number.
    pub fn give_old_token(&self, to: &str, timestamp: u64) -> Result<()> {
        let mut state = self.world.state.lock();
        state.accounts.get(to).with_context(|| format!("there is no phone {to}"))?;
        state.give_token(&self.world, &self.phone_number, to, timestamp);
        Ok(())
    }

    /// The token that this account has given to somebody.
    pub fn token_for(&self, phone_number: &str) -> Option<Vec<u8>> {
        let state = self.world.state.lock();
        let given = &state.accounts.get(&self.phone_number)?.standing.tokens_given;
        given.get(phone_number).map(|token| token.bytes.clone())
    }

    /// What this account's tokens for strangers are made from.
    pub fn salt(&self) -> Vec<u8> {
        let state = self.world.state.lock();
        state.accounts.get(&self.phone_number).map(|account| account.standing.salt.to_vec()).unwrap_or_default()
    }
}
