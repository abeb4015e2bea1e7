//! What goes in and out of the pairing links: one struct per thing, for every door.

use std::fmt;

use async_graphql::{ComplexObject, ID, InputObject, SimpleObject};
use entity::ids::PairingLinkId;
use entity::timestamp::Timestamp;
use futures::stream::BoxStream;
use poem_openapi::Object;
use serde::Serialize;

use crate::pairing_link::visitors::Seat;
use crate::session::types::Update;

/// How long a pairing link is to live.
#[derive(Clone, Debug, Default, PartialEq, Eq, Object, InputObject)]
#[oai(example, rename = "PairingLinkBody")]
#[graphql(name = "NewPairingLinkInput")]
pub struct NewPairingLink {
    /// Seconds that it can be used: 1 to 86,400 (a day), one hour when absent; never longer than the key that makes it.
    pub expires_in: Option<u64>,
}

/// An address at which somebody can link one phone to one session, and nothing else.
#[derive(Clone, Object, SimpleObject, Serialize)]
#[oai(example)]
pub struct PairingLink {
    /// Give it to the person with the phone. Shown this once and never again.
    pub url: String,
    /// Until when it can be used.
    pub expires_at: Timestamp,
}

impl fmt::Debug for PairingLink {
    /// The address is the secret, and stays out of every log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PairingLink").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// A pairing link without its address: that was shown once.
#[derive(Clone, Debug, PartialEq, Eq, Object, SimpleObject, Serialize)]
#[oai(example)]
#[graphql(complex)]
pub struct OpenPairingLink {
    /// Generated id.
    #[graphql(skip)]
    pub id: PairingLinkId,
    /// When it was created.
    pub created_at: Timestamp,
    /// Until when it can be used.
    pub expires_at: Timestamp,
}

#[ComplexObject]
impl OpenPairingLink {
    /// Generated id.
    async fn id(&self) -> ID {
        ID(self.id.to_string())
    }
}

/// What a visitor sees: the session's states, and in the end why there are no more.
pub struct Visit {
    /// The states, without anything that a visitor may not see.
    pub updates: BoxStream<'static, Update>,
    /// Why they ended, once they have.
    pub ending: VisitEnd,
}

/// What tells why a visit ended.
pub struct VisitEnd {
    pub(super) expires_at: Timestamp,
    pub(super) clock: crate::clock::Clock,
    pub(super) lifecycle: crate::lifecycle::Lifecycle,
    /// Held as long as the visit lasts.
    pub(super) _seat: Seat,
}

/// Why a visit ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VisitEndReason {
    /// The phone is linked.
    Linked,
    /// The link's time is over.
    Expired,
    /// The link, its session, or the key that made it was deleted.
    Gone,
}

impl VisitEndReason {
    /// The word as the page reads it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Linked => "linked",
            Self::Expired => "expired",
            Self::Gone => "gone",
        }
    }
}

impl VisitEnd {
    /// Why the states ended. None when only the server stops: the link is as good as before.
    pub fn why(&self) -> Option<VisitEndReason> {
        if self.lifecycle.is_stopping() {
            return None;
        }
        Some(if self.clock.now() < self.expires_at { VisitEndReason::Gone } else { VisitEndReason::Expired })
    }
}
