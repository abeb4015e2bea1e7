//! What goes in and out of the key service: one struct per thing, for every door.

use std::fmt;

use async_graphql::{ComplexObject, ID, InputObject, SimpleObject};
use entity::ids::{IdText, KeyId, SessionId};
use entity::timestamp::Timestamp;
use entity::words::access::Scope;
use poem_openapi::Object;
use serde::Serialize;

/// A key of this API, without the secret itself.
#[derive(Clone, Debug, PartialEq, Eq, Object, SimpleObject, Serialize)]
#[oai(example)]
#[graphql(complex)]
pub struct Key {
    /// Generated id.
    #[graphql(skip)]
    pub id: KeyId,
    /// What it is for, in its maker's words.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// Ids of the sessions that it may touch. Null is all.
    #[graphql(skip)]
    pub sessions: Option<Vec<SessionId>>,
    /// Until when it works. Null is for ever.
    pub expires_at: Option<Timestamp>,
    /// When it was last used. Null if it never was.
    pub last_used_at: Option<Timestamp>,
    /// When it was created.
    pub created_at: Timestamp,
    /// Id of the key that made it. Null is the admin token.
    #[graphql(skip)]
    pub created_by: Option<KeyId>,
    /// Until when the token before the last rotation works. Null when it does not.
    pub old_token_expires_at: Option<Timestamp>,
}

#[ComplexObject]
impl Key {
    /// Generated id.
    pub(crate) async fn id(&self) -> ID {
        ID(self.id.to_string())
    }

    /// Ids of the sessions that it may touch. Null is all.
    async fn sessions(&self) -> Option<Vec<ID>> {
        self.sessions.as_ref().map(|ids| ids.iter().map(|id| ID(id.to_string())).collect())
    }

    /// Id of the key that made it. Null is the admin token.
    async fn created_by(&self) -> Option<ID> {
        self.created_by.as_ref().map(|id| ID(id.to_string()))
    }
}

/// A key to be created.
#[derive(Clone, Debug, PartialEq, Eq, Object, InputObject)]
#[oai(example)]
#[graphql(name = "CreateKeyInput")]
pub struct NewKey {
    /// What it is for: 1 to 100 characters.
    pub name: String,
    /// What it may do: at least one scope, none that the maker's own key lacks.
    pub scopes: Vec<Scope>,
    /// Ids of the sessions that it may touch, 1 to 1,000; those that the maker's own key may touch when absent.
    pub sessions: Option<Vec<IdText>>,
    /// Until when it works; as long as the maker's own key when absent, and never longer.
    pub expires_at: Option<Timestamp>,
}

/// How a key is to be rotated.
#[derive(Clone, Debug, Default, PartialEq, Eq, Object, InputObject)]
#[oai(example, rename = "RotateBody")]
#[graphql(name = "KeyRotationInput")]
pub struct KeyRotation {
    /// Seconds that the token before still works: 0 to 604,800 (a week), one hour when absent.
    pub overlap_seconds: Option<u64>,
}

/// A key with the token that proves it.
#[derive(Clone, Object, SimpleObject, Serialize)]
#[oai(example)]
pub struct IssuedKey {
    /// The key.
    pub key: Key,
    /// What to send as `Authorization: Bearer ..`. Shown this once and never again.
    pub token: String,
}

impl fmt::Debug for IssuedKey {
    /// The token stays out of every log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssuedKey").field("key", &self.key).finish_non_exhaustive()
    }
}

/// What opens one stream in place of a key.
#[derive(Clone, Object, SimpleObject, Serialize)]
#[oai(example)]
pub struct StreamTicket {
    /// Goes into the stream's address as `?ticket=`. Good for one stream.
    pub ticket: String,
    /// Until when the stream must be opened: a minute from now. It may go on for longer.
    pub expires_at: Timestamp,
}

impl fmt::Debug for StreamTicket {
    /// The ticket stays out of every log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamTicket").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// One page of keys, oldest first.
#[derive(Clone, Debug, PartialEq, Eq, Object, Serialize)]
#[oai(example)]
pub struct KeyPage {
    /// The keys.
    pub keys: Vec<Key>,
    /// Where the next page starts. Null on the last one.
    pub next_cursor: Option<String>,
}
