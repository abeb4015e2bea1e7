//! What every kind of stanza has.

use entity::timestamp::Timestamp;
use whatsapp_rust::wacore_binary::NodeRef;

/// When a stanza says that it was sent.
pub(super) fn sent_at(node: &NodeRef<'_>) -> Timestamp {
    let seconds = node.attrs().optional_u64("t").and_then(|seconds| i64::try_from(seconds).ok());
    seconds.and_then(wacore::time::from_secs).unwrap_or_else(wacore::time::now_utc).into()
}
