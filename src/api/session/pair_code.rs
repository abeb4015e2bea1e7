//! A pair code as REST and its streams show it.

use entity::timestamp::Timestamp;
use poem_openapi::Object;
use serde::Serialize;

use crate::session::types::PairCode;

/// A pair code.
#[derive(Debug, Object, Serialize)]
#[oai(example)]
pub struct PairReply {
    /// Enter it on the phone: `ABCD-EFGH`.
    pub code: String,
    /// Whole seconds that it can still be entered.
    pub timeout_seconds: u64,
}

impl PairReply {
    /// The code that can be entered now.
    pub fn of(pair: &PairCode, now: Timestamp) -> Self {
        let timeout_seconds = pair.expires_at.remaining(now).as_secs();
        Self { code: pair.code.reveal().to_owned(), timeout_seconds }
    }
}
