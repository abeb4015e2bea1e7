//! What WhatsApp keeps an account from: writing to strangers without a token, to new people for a while, to too many new
//! people, and asking too often. Nothing of it is on unless it was ordered.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use wacore_binary::Node;

use crate::messages::Sent;
use crate::phone::Phone;
use crate::simulator::Simulator;
use crate::stanza;
use crate::token::Token;
use crate::world::{State, now};

/// Who must be shown a token that they gave, or one made from the account's salt.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenRule {
    /// Nobody.
    #[default]
    Off,
    /// People who have never written to the account.
    Strangers,
    /// Everybody.
    Everyone,
}

/// What an account may not do now.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Restrictions {
    /// Who must be shown a token; the simulator's rule when it is missing.
    pub token_rule: Option<TokenRule>,
    /// Strangers cannot be written to before then.
    pub timelock: Option<Timelock>,
    /// How many new chats it may begin.
    pub new_chats: Option<NewChatCap>,
}

/// A time in which strangers cannot be written to.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Timelock {
    /// When it ends, Unix seconds.
    pub until: u64,
}

/// How many chats an account may begin in a cycle.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct NewChatCap {
    /// Chats that may be begun.
    pub total: u32,
    /// Chats that were begun.
    #[serde(default)]
    pub used: u32,
    /// When the cycle ends, Unix seconds; nothing is capped after that.
    pub ends_at: u64,
}

/// Queries that are answered with an error.
pub(crate) struct QueryRefusal {
    namespace: String,
    code: u16,
    backoff_seconds: Option<u32>,
    left: usize,
}

/// What the server knows of an account's standing.
#[derive(Default)]
pub(crate) struct Standing {
    pub(crate) restrictions: Restrictions,
    pub(crate) query_refusals: Vec<QueryRefusal>,
    /// Who has written to the account.
    pub(crate) heard_from: BTreeSet<Arc<str>>,
    /// The tokens that the account gave to others.
    pub(crate) tokens_given: BTreeMap<Arc<str>, Token>,
    /// What tokens for strangers are made from. Every account has its own.
    pub(crate) salt: [u8; 32],
}

impl State {
    /// The error with which the server refuses a message because of who writes to whom.
    pub(crate) fn restriction(&self, sent: &Sent, has_token: bool) -> Option<u16> {
        let sender = self.accounts.get(&sent.from.phone_number)?;
        let to = &sent.recipient.phone_number;
        if *to == sent.from.phone_number || sender.ledger.is_taken(&sent.key()) {
            return None;
        }
        let restrictions = &sender.standing.restrictions;
        let is_stranger = !sender.standing.heard_from.contains(to);
        let is_locked = restrictions.timelock.as_ref().is_some_and(|lock| lock.until > now());
        let must_show = match restrictions.token_rule.unwrap_or(self.token_rule) {
            TokenRule::Off => false,
            TokenRule::Strangers => is_stranger,
            TokenRule::Everyone => true,
        };
        if (must_show || (is_locked && is_stranger)) && !has_token {
            return Some(463);
        }
        let is_capped = restrictions.new_chats.as_ref().is_some_and(NewChatCap::is_reached);
        (is_capped && self.is_new_chat(sent)).then_some(475)
    }

    /// Whether a message is the first between two people.
    pub(crate) fn is_new_chat(&self, sent: &Sent) -> bool {
        let (to, sender) = (&sent.recipient.phone_number, self.accounts.get(&sent.from.phone_number));
        sender.is_some_and(|sender| {
            let has_talked = sender.standing.heard_from.contains(to) || sender.ledger.has_written_to(to);
            *to != sent.from.phone_number && !has_talked
        })
    }

    /// Remembers that somebody has written to an account.
    pub(crate) fn hear(&mut self, phone_number: &str, from: &Arc<str>) {
        if let Some(account) = self.accounts.get_mut(phone_number) {
            account.standing.heard_from.insert(Arc::clone(from));
        }
    }

    /// The refusal of a query, when those of its kind are refused.
    pub(crate) fn query_refusal(&mut self, phone_number: &str, iq: &Node) -> Option<Node> {
        let namespace = stanza::attr_or_empty(iq, "xmlns");
        let refusals = &mut self.accounts.get_mut(phone_number)?.standing.query_refusals;
        let refusal = refusals.iter_mut().find(|refusal| refusal.namespace == namespace && refusal.left > 0)?;
        refusal.left -= 1;
        let (code, backoff) = (refusal.code, refusal.backoff_seconds);
        refusals.retain(|refusal| refusal.left > 0);
        Some(stanza::refusal(iq, code, backoff))
    }
}

impl NewChatCap {
    fn is_reached(&self) -> bool {
        self.used >= self.total && self.ends_at > now()
    }
}

impl Phone {
    /// Keeps this account's companions from something, in place of what they were kept from before. Refused messages
    /// are answered 463 (a token is missing, or strangers cannot be written to) and 475 (too many new chats).
    pub fn restrict(&self, restrictions: Restrictions) {
        if let Some(account) = self.world.state.lock().accounts.get_mut(&self.phone_number) {
            account.standing.restrictions = restrictions;
        }
    }

    /// What this account's companions are kept from, with the new chats that they have begun.
    pub fn restrictions(&self) -> Restrictions {
        let state = self.world.state.lock();
        let account = state.accounts.get(&self.phone_number);
        account.map(|account| account.standing.restrictions.clone()).unwrap_or_default()
    }

    /// Answers the next queries of a namespace (`usync`, `w:g2`, ..) with 429 `rate-overlimit`, and how long to wait.
    pub fn limit_rate(&self, namespace: &str, backoff_seconds: Option<u32>, count: usize) {
        self.refuse(QueryRefusal { namespace: namespace.to_owned(), code: 429, backoff_seconds, left: count });
    }

    /// Answers the next queries of a namespace (`encrypt`, `usync`, ..) with an error: 406, 500, ..
    pub fn refuse_queries(&self, namespace: &str, code: u16, count: usize) {
        self.refuse(QueryRefusal { namespace: namespace.to_owned(), code, backoff_seconds: None, left: count });
    }

    /// Answers all queries again.
    pub fn answer_queries(&self) {
        if let Some(account) = self.world.state.lock().accounts.get_mut(&self.phone_number) {
            account.standing.query_refusals.clear();
        }
    }

    fn refuse(&self, refusal: QueryRefusal) {
        if let Some(account) = self.world.state.lock().accounts.get_mut(&self.phone_number) {
            account.standing.query_refusals.push(refusal);
        }
    }
}

impl Simulator {
    /// Who must be shown a token, for every account without a rule of its own.
    pub fn require_tokens(&self, rule: TokenRule) {
        self.world.state.lock().token_rule = rule;
    }

    /// A setting that the server hands to clients, by its number: 10518 sends tokens, 24941 sends those made from the
    /// salt, 9435 moves accounts to hidden numbers. Without a value the server stops to speak of it. Clients ask after
    /// their login.
    pub fn set_ab_prop(&self, code: u32, value: Option<&str>) {
        let mut state = self.world.state.lock();
        match value {
            Some(value) => state.ab_props.insert(code, value.to_owned()),
            None => state.ab_props.remove(&code),
        };
    }

    /// Lets a phone be found by another number as well: a ninth digit that is written or not. The server then names the
    /// number that it has.
    pub fn add_alias(&self, alias: &str, phone_number: &str) {
        let phone = self.phone(phone_number);
        self.world.state.lock().aliases.insert(alias.to_owned(), phone.phone_number);
    }
}
