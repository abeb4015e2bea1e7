//! Calls.

use async_graphql::SimpleObject;
use entity::timestamp::Timestamp;
use entity::words::call::CallState;
use poem_openapi::Object;
use serde::{Deserialize, Serialize};

use crate::event::body::party::Party;

/// A call came in, was answered, or ended.
#[derive(Clone, PartialEq, Eq, Object, SimpleObject, Serialize, Deserialize)]
pub struct CallEvent {
    /// The call's id, the same from its beginning to its end.
    pub call_id: String,
    /// Who calls.
    pub from: Party,
    /// How far it has come.
    pub state: CallState,
    /// Whether it is a video call, as far as is told.
    pub is_video: bool,
    /// Whether it is a group call, as far as is told.
    pub is_group: bool,
    /// When.
    pub timestamp: Timestamp,
    /// Whether it came while the session was away.
    pub offline: bool,
}
