//! A webhook as the table keeps it, and the way from and to its row.

use std::collections::BTreeMap;

use entity::ids::{SessionId, WebhookId};
use entity::timestamp::Timestamp;
use entity::webhook;
use entity::words::event::EventType;
use entity::words::webhook::DisabledReason;
use secrecy::{ExposeSecret, SecretString};

use crate::error::{Error, Result};
use crate::event::demand::Demand;
use crate::event::types::is_code;
use crate::webhook::types::WebhookFilters;

/// A webhook as it is kept.
#[derive(Clone, Debug)]
pub struct WebhookRow {
    /// Its id.
    pub id: WebhookId,
    /// The session whose events it gets; None is all.
    pub session_id: Option<SessionId>,
    /// Where to post.
    pub url: SecretString,
    /// What it gets.
    pub events: Vec<EventType>,
    /// Whether `all` of it has `qr_code` and `pair_code`.
    pub gets_codes: bool,
    /// What signs.
    pub secret: Option<SecretString>,
    /// What signs as well, and until when.
    pub old_secret: Option<(SecretString, Timestamp)>,
    /// What is sent with each request.
    pub headers: BTreeMap<String, SecretString>,
    /// What is left out.
    pub filters: WebhookFilters,
    /// Whether a delivery that fails holds back the later ones of its session.
    pub is_ordered: bool,
    /// Why it gets nothing, if it does not.
    pub disabled: Option<DisabledReason>,
    /// Since when every delivery failed.
    pub failing_since: Option<Timestamp>,
    /// Why the last delivery failed that did.
    pub last_error: Option<String>,
    /// Only events behind this position are delivered.
    pub after_position: i64,
    /// Only events up to this position are, if there is one: where its session ended.
    pub until_position: Option<i64>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl WebhookRow {
    /// Says which events it gets now.
    pub fn announce(&self, demand: &Demand) {
        let is_for_more = self.disabled.is_none() && !self.is_ending();
        let types: &[EventType] = if is_for_more { &self.events } else { &[] };
        demand.set_webhook(self.session_id.as_ref(), &self.id, types);
    }

    /// Drops what only the present receiver may know.
    pub fn forget_secrets(&mut self) {
        self.secret = None;
        self.old_secret = None;
        self.headers.clear();
    }

    /// Whether its session was deleted: it gets what it is owed, and goes.
    pub fn is_ending(&self) -> bool {
        self.until_position.is_some()
    }

    /// Whether it asks for events of this type.
    pub fn wants(&self, event: EventType) -> bool {
        let has_by_all = || self.events.contains(&EventType::All) && (self.gets_codes || !is_code(event));
        self.events.contains(&event) || has_by_all()
    }
}

/// The same as a row of the table.
pub(super) fn model(webhook: &WebhookRow) -> Result<webhook::Model> {
    let words: Vec<_> = webhook.events.iter().map(|event| event.as_str()).collect();
    let headers: BTreeMap<_, _> =
        webhook.headers.iter().map(|(name, value)| (name.as_str(), value.expose_secret())).collect();
    let old = webhook.old_secret.as_ref();
    Ok(webhook::Model {
        id: webhook.id.clone(),
        session_id: webhook.session_id.clone(),
        url: webhook.url.expose_secret().to_owned(),
        events: serde_json::to_value(words).map_err(Error::internal)?,
        gets_codes: webhook.gets_codes,
        secret: webhook.secret.as_ref().map(|secret| secret.expose_secret().to_owned()),
        old_secret: old.map(|(secret, _)| secret.expose_secret().to_owned()),
        old_secret_until: old.map(|(_, until)| *until),
        headers: serde_json::to_value(headers).map_err(Error::internal)?,
        ignores_groups: webhook.filters.ignore_groups,
        ignores_status: webhook.filters.ignore_status,
        ignores_own: webhook.filters.ignore_own,
        ignores_channels: webhook.filters.ignore_channels,
        ignores_broadcasts: webhook.filters.ignore_broadcasts,
        is_ordered: webhook.is_ordered,
        disabled: webhook.disabled,
        failing_since: webhook.failing_since,
        last_error: webhook.last_error.clone(),
        after_position: webhook.after_position,
        until_position: webhook.until_position,
        created_at: webhook.created_at,
        updated_at: webhook.updated_at,
    })
}

impl From<webhook::Model> for WebhookRow {
    fn from(row: webhook::Model) -> Self {
        let webhook::Model {
            id,
            session_id,
            url,
            events,
            gets_codes,
            secret,
            old_secret,
            old_secret_until,
            headers,
            ignores_groups,
            ignores_status,
            ignores_own,
            ignores_channels,
            ignores_broadcasts,
            is_ordered,
            disabled,
            failing_since,
            last_error,
            after_position,
            until_position,
            created_at,
            updated_at,
        } = row;
        // We wrote them; a row edited by hand into something else has none.
        let words: Vec<String> = serde_json::from_value(events).unwrap_or_default();
        let headers: BTreeMap<String, String> = serde_json::from_value(headers).unwrap_or_default();
        Self {
            id,
            session_id,
            url: url.into(),
            events: words.iter().filter_map(|word| EventType::parse(word)).collect(),
            gets_codes,
            secret: secret.map(SecretString::from),
            old_secret: old_secret.map(SecretString::from).zip(old_secret_until),
            headers: headers.into_iter().map(|(name, value)| (name, value.into())).collect(),
            filters: WebhookFilters {
                ignore_groups: ignores_groups,
                ignore_status: ignores_status,
                ignore_own: ignores_own,
                ignore_channels: ignores_channels,
                ignore_broadcasts: ignores_broadcasts,
            },
            is_ordered,
            disabled,
            failing_since,
            last_error,
            after_position,
            until_position,
            created_at,
            updated_at,
        }
    }
}
