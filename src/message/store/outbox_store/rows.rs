//! Rows of `outgoing`, for the batches of the journal.

use sea_orm::Value;

use crate::db::rows::{Mode, Row, Target};
use crate::message::store::effect::Effect;
use crate::message::store::outgoing::OutgoingRow;
use crate::message::store::transition::{Progress, is_open};

/// The columns of its key.
const KEY: &[&str] = &["session_id", "message_id"];
/// A message that is asked for.
static NEW: Target = Target {
    table: "outgoing",
    key: KEY,
    rest: &[
        "recipient",
        "is_checked",
        "status",
        "attempts",
        "sent_at",
        "code",
        "upstream_code",
        "updated_at",
        "sequence",
        "is_open",
        "awaits_upload",
        "due_at",
        "expires_at",
        "lane",
        "client_reference",
        "idempotency_key",
        "fingerprint",
        "effect",
        "created_at",
    ],
    mode: Mode::Insert,
};
/// What changes at each step is in no index, so that no index is written then.
static CHANGED: Target = Target {
    table: "outgoing",
    key: KEY,
    rest: &["recipient", "is_checked", "status", "attempts", "sent_at", "code", "upstream_code", "updated_at"],
    mode: Mode::Update,
};
/// The same when it is sent or given up, or gets another place.
static MOVED: Target = Target {
    table: "outgoing",
    key: KEY,
    rest: &[
        "recipient",
        "is_checked",
        "status",
        "attempts",
        "sent_at",
        "code",
        "upstream_code",
        "updated_at",
        "sequence",
        "is_open",
        "awaits_upload",
        "due_at",
        "expires_at",
    ],
    mode: Mode::Update,
};

/// [`insert`](super::insert) as a row of a batch. It fails if there is one with the same key or the same reference.
pub(in crate::message) fn new_row(row: &OutgoingRow) -> Row {
    let OutgoingRow { lane, client_reference, idempotency_key, fingerprint, effect, created_at, .. } = row;
    let rest = step_values(row).chain(place_values(row)).chain([
        lane.clone().into(),
        client_reference.clone().into(),
        idempotency_key.clone().into(),
        fingerprint.clone().into(),
        effect.as_ref().map(Effect::written).into(),
        (*created_at).into(),
    ]);
    Row { target: &NEW, key: key(row), rest: Some(rest.collect()) }
}

/// [`update`](super::update) as a row of a batch.
pub(in crate::message) fn changed_row(previous: &OutgoingRow, row: &OutgoingRow) -> Row {
    if place_values(previous).eq(place_values(row)) {
        return Row { target: &CHANGED, key: key(row), rest: Some(step_values(row).collect()) };
    }
    Row { target: &MOVED, key: key(row), rest: Some(step_values(row).chain(place_values(row)).collect()) }
}

fn key(row: &OutgoingRow) -> Vec<String> {
    vec![row.session_id.to_string(), row.message_id.clone()]
}

fn step_values(row: &OutgoingRow) -> impl Iterator<Item = Value> {
    let Progress { recipient, is_checked, status, attempts, sent_at, code, upstream_code, .. } = row.progress.clone();
    [
        recipient.into(),
        is_checked.into(),
        status.into(),
        attempts.into(),
        sent_at.into(),
        code.into(),
        upstream_code.into(),
        row.updated_at.into(),
    ]
    .into_iter()
}

fn place_values(row: &OutgoingRow) -> impl Iterator<Item = Value> {
    let Progress { sequence, status, awaits_upload, due_at, expires_at, .. } = &row.progress;
    [(*sequence).into(), is_open(*status).into(), (*awaits_upload).into(), (*due_at).into(), (*expires_at).into()]
        .into_iter()
}
