//! Changes of webhooks: creating, changing and deleting one, and its secret. One change at a time, written before it counts.

use std::time::Duration;

use entity::ids::SessionId;
use entity::words::access::Scope;
use entity::words::webhook::DisabledReason;
use metrics::counter;
use secrecy::{ExposeSecret, SecretString};
use tracing::{field, instrument};

use crate::caller::Caller;
use crate::egress;
use crate::error::{Error, Result};
use crate::webhook::announcement::announce_as_written;
use crate::webhook::delivery::{lane_store, refusals, request, store as delivery_store};
use crate::webhook::row::WebhookRow;
use crate::webhook::store::Switch;
use crate::webhook::types::{NewWebhook, RotatedSecret, Webhook, WebhookChanges};
use crate::webhook::{Deleted, Webhooks, Which, authority, gone, rules, store};

/// Most webhooks of one session, and most that are for all sessions.
const WEBHOOKS_MAX: i64 = 50;
/// How long the secret before a rotation signs when nothing is said, seconds: a day.
const OVERLAP: u64 = 24 * 60 * 60;
/// The longest that it may, seconds: 30 days.
pub const OVERLAP_MAX: u64 = 30 * 24 * 60 * 60;

impl Webhooks {
    /// Creates a webhook of one session, or, without one, for all sessions. It gets what happens from now on.
    ///
    /// # Errors
    /// `Invalid`, `SessionNotFound`, `Forbidden` for a webhook for all sessions with a key for some, or for events that the key
    /// may not read itself.
    pub async fn create(&self, caller: &Caller, session: Option<SessionId>, new: NewWebhook) -> Result<Webhook> {
        caller.require(Scope::WebhooksWrite)?;
        self.reach(caller, session.as_ref()).await?;
        let webhook = rules::webhook(caller, "", session, new, self.clock.now())?;
        self.worker.egress.admit("url", &webhook.url).await?;
        let this = self.clone();
        self.lifecycle.complete(async move { this.add(webhook).await }).await
    }

    #[instrument(level = "debug", name = "create_webhook", skip_all, fields(webhook.id = %webhook.id))]
    async fn add(&self, mut webhook: WebhookRow) -> Result<Webhook> {
        let _alone = self.changes.lock().await;
        webhook.after_position = *self.journal.recent().head().borrow();
        if store::count(self.db.read(), webhook.session_id.as_ref()).await? >= WEBHOOKS_MAX {
            return Err(Error::invalid("url", format!("would be one webhook too many: there can be {WEBHOOKS_MAX}")));
        }
        let inserted = self.insert(&webhook).await;
        self.written(&webhook, inserted).await?;
        webhook.announce(self.journal.demand());
        Ok(webhook.into())
    }

    async fn insert(&self, webhook: &WebhookRow) -> Result<()> {
        let tx = self.db.write().begin().await?;
        store::insert(&tx, webhook).await?;
        tx.commit().await
    }

    /// Changes a webhook. Another receiver gets neither the headers nor the secret of the one before.
    ///
    /// # Errors
    /// `Invalid`, `SessionNotFound`, `WebhookNotFound`; `Forbidden` for an address, events or filters by a key that may not read
    /// what the webhook gets then.
    #[instrument(level = "debug", name = "update_webhook", skip_all, fields(webhook.id = field::Empty))]
    pub async fn update(&self, caller: &Caller, which: &Which, changes: WebhookChanges) -> Result<Webhook> {
        let (this, caller, which) = (self.clone(), caller.clone(), which.clone());
        self.lifecycle.complete(async move { this.change(&caller, &which, changes).await }).await
    }

    async fn change(&self, caller: &Caller, which: &Which, changes: WebhookChanges) -> Result<Webhook> {
        let _alone = self.changes.lock().await;
        let mut webhook = self.webhook(caller, Scope::WebhooksWrite, which).await?;
        let WebhookChanges { url, events, secret, headers, filters, ordered, enabled } = changes;
        if enabled.is_some() && webhook.is_ending() {
            let rule = "cannot be changed: the session of this webhook was deleted, and it only gets what it is owed";
            return Err(Error::invalid("enabled", rule));
        }
        let is_opened = url.is_some() || events.is_some() || filters.is_some();
        if let Some(url) = url {
            let url = rules::url("", url)?;
            self.worker.egress.admit("url", &url).await?;
            if !egress::is_same_receiver(&webhook.url, &url) {
                webhook.forget_secrets();
            }
            webhook.url = url;
        }
        if let Some(words) = events {
            webhook.events = rules::events("", words)?;
            webhook.gets_codes = caller.allows(Scope::SessionsPair);
        }
        if let Some(secret) = secret {
            webhook.secret = Some(request::secret("secret", secret)?);
            webhook.old_secret = None;
        }
        if let Some(headers) = headers {
            webhook.headers = rules::headers("", headers)?;
        }
        webhook.filters = filters.unwrap_or(webhook.filters);
        if is_opened {
            authority::require(caller, &webhook)?;
        }
        webhook.is_ordered = ordered.unwrap_or(webhook.is_ordered);
        webhook.disabled = match enabled {
            Some(true) => None,
            Some(false) => webhook.disabled.or(Some(DisabledReason::Requested)),
            None => webhook.disabled,
        };
        self.save(webhook, if enabled.is_some() { Switch::Set } else { Switch::Keep }).await
    }

    /// Delivers to a webhook again that was switched off.
    ///
    /// # Errors
    /// `SessionNotFound`, `WebhookNotFound`.
    pub async fn enable(&self, caller: &Caller, which: &Which) -> Result<Webhook> {
        let changes = WebhookChanges { enabled: Some(true), ..WebhookChanges::default() };
        self.update(caller, which, changes).await
    }

    /// Writes what was changed. Its lanes are looked at anew.
    async fn save(&self, mut webhook: WebhookRow, switch: Switch) -> Result<Webhook> {
        let now = self.clock.now();
        webhook.updated_at = now;
        let tx = self.db.write().begin().await?;
        let mut webhook = store::update(&tx, &webhook, switch).await?.ok_or_else(gone)?;
        if webhook.disabled.is_none() {
            // What failed before does not count against a receiver that was mended.
            webhook.failing_since = None;
            store::succeeded(&tx, vec![webhook.id.clone()]).await?;
            delivery_store::reschedule_deliveries(&tx, &webhook.id, now).await?;
        }
        lane_store::reschedule_lanes(&tx, &webhook.id, webhook.disabled.is_none().then_some(now)).await?;
        self.written(&webhook, tx.commit().await).await?;
        webhook.announce(self.journal.demand());
        self.wake_scheduler();
        Ok(webhook.into())
    }

    /// Deletes a webhook: nothing more is posted to it, and what waits for it is discarded. Gives what it was.
    ///
    /// # Errors
    /// `SessionNotFound`, `WebhookNotFound`.
    #[instrument(level = "debug", name = "delete_webhook", skip_all, fields(webhook.id = field::Empty))]
    pub async fn delete(&self, caller: &Caller, which: &Which) -> Result<Deleted> {
        let (this, caller, which) = (self.clone(), caller.clone(), which.clone());
        self.lifecycle.complete(async move { this.remove(&caller, &which).await }).await
    }

    async fn remove(&self, caller: &Caller, which: &Which) -> Result<Deleted> {
        let _alone = self.changes.lock().await;
        let webhook = self.webhook(caller, Scope::WebhooksWrite, which).await?;
        let erased = self.erase(&webhook).await;
        let discarded = *erased.as_ref().unwrap_or(&0);
        self.written(&webhook, erased.map(drop)).await?;
        self.journal.demand().set_webhook(webhook.session_id.as_ref(), &webhook.id, &[]);
        counter!("waypost_deliveries_total", "outcome" => "discarded").increment(discarded);
        Ok(Deleted { webhook: webhook.into(), discarded })
    }

    /// Takes a webhook and its deliveries out of the tables. Gives how many of these were still to be made.
    async fn erase(&self, webhook: &WebhookRow) -> Result<u64> {
        let tx = self.db.write().begin().await?;
        let discarded = refusals::count_pending(&tx, &webhook.id).await?;
        store::delete(&tx, &webhook.id).await?;
        tx.commit().await?;
        Ok(discarded)
    }

    /// Follows up a write. If it failed, it may have been written all the same: then what the workers go by is made to agree
    /// with the table, which is asked until it answers.
    async fn written(&self, webhook: &WebhookRow, outcome: Result<()>) -> Result<()> {
        if outcome.is_err() {
            announce_as_written(&self.db, &self.journal, &self.lifecycle, webhook).await;
        }
        outcome
    }

    /// Gives a webhook a new secret; the one before signs as well for a while.
    ///
    /// # Errors
    /// `Invalid`, `SessionNotFound`, `WebhookNotFound`.
    #[instrument(level = "debug", name = "rotate_webhook_secret", skip_all, fields(webhook.id = field::Empty))]
    pub async fn rotate(
        &self,
        caller: &Caller,
        which: &Which,
        secret: Option<String>,
        overlap_seconds: Option<u64>,
    ) -> Result<RotatedSecret> {
        let overlap = overlap_seconds.unwrap_or(OVERLAP);
        if overlap > OVERLAP_MAX {
            return Err(Error::invalid("overlap_seconds", format!("must be from 0 to {OVERLAP_MAX}")));
        }
        let secret = match secret {
            Some(secret) => request::secret("secret", secret)?,
            None => request::new_secret(),
        };
        let (this, caller, which) = (self.clone(), caller.clone(), which.clone());
        let overlap = Duration::from_secs(overlap);
        self.lifecycle.complete(async move { this.replace(&caller, &which, secret, overlap).await }).await
    }

    async fn replace(
        &self,
        caller: &Caller,
        which: &Which,
        secret: SecretString,
        overlap: Duration,
    ) -> Result<RotatedSecret> {
        let _alone = self.changes.lock().await;
        let mut webhook = self.webhook(caller, Scope::WebhooksWrite, which).await?;
        let until = self.clock.now().after(overlap);
        webhook.old_secret = webhook.secret.take().map(|old| (old, until));
        webhook.secret = Some(secret.clone());
        let old_secret_expires_at = webhook.old_secret.as_ref().map(|(_, until)| *until);
        let webhook = self.save(webhook, Switch::Keep).await?;
        Ok(RotatedSecret { webhook, secret: secret.expose_secret().to_owned(), old_secret_expires_at })
    }
}
