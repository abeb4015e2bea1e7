//! What can be done to webhooks. Each mutation takes one `input` and answers with what it changed.

use std::collections::HashMap;

use async_graphql::{Context, ID, InputObject, Object};
use entity::ids::{DeliveryId, WebhookId};
use entity::timestamp::Timestamp;

use crate::api::graphql::{api, caller, or_null};
use crate::session::session_id;
use crate::webhook::Which;
use crate::webhook::types::{
    Delivery, DeliveryAttempt, NewWebhook, ReplayRange, Replayed, RotatedSecret, Webhook, WebhookChanges,
    WebhookFilters,
};

/// What can be done to webhooks.
#[derive(Default)]
pub(super) struct WebhookMutation;

/// Where to deliver events.
#[derive(InputObject)]
pub(super) struct CreateWebhookInput {
    /// Id of the session whose events it gets; those of all sessions when absent.
    session_id: Option<ID>,
    /// `http` or `https` address. Private networks are refused unless the server allows them.
    url: String,
    /// Words of the events to deliver; all when absent or empty, without `qr_code` and `pair_code` for a key that may not
    /// pair. Needs a key that may read these events itself.
    events: Option<Vec<String>>,
    /// Key for the signature: `whsec_` and base64 of 24 to 64 bytes, or 1 to 256 characters, whose bytes are the key then: a
    /// Standard Webhooks library knows that key as `whsec_` and the base64 of the text. Never shown again.
    secret: Option<String>,
    /// Headers to send with each request, at most 20. Their values are never shown again.
    headers: Option<HashMap<String, String>>,
    /// What to leave out.
    filters: Option<WebhookFilters>,
    /// Whether a delivery that fails holds back the later ones of its session; true when absent.
    ordered: Option<bool>,
}

/// What to change about a webhook. What is absent stays.
#[derive(InputObject)]
pub(super) struct UpdateWebhookInput {
    /// The webhook's id.
    id: ID,
    /// `http` or `https` address. Another host, port or scheme gets neither the headers nor the secret of before: they are
    /// dropped unless this request has them.
    url: Option<String>,
    /// Words of the events to deliver; all when empty, without `qr_code` and `pair_code` for a key that may not pair.
    events: Option<Vec<String>>,
    /// Key for the signature, as at the creation, from now on; `rotateWebhookSecret` lets the one before sign on for a while.
    secret: Option<String>,
    /// Headers to send with each request, replacing all of the present ones.
    headers: Option<HashMap<String, String>>,
    /// What to leave out.
    filters: Option<WebhookFilters>,
    /// Whether a delivery that fails holds back the later ones of its session.
    ordered: Option<bool>,
    /// Whether to deliver. What happens while it is off is not queued, and can be had by a replay.
    enabled: Option<bool>,
}

/// Which webhook.
#[derive(InputObject)]
pub(super) struct WebhookInput {
    /// The webhook's id.
    id: ID,
}

/// How a webhook's secret is to be rotated.
#[derive(InputObject)]
pub(super) struct RotateWebhookSecretInput {
    /// The webhook's id.
    id: ID,
    /// The new secret; a generated one when absent.
    secret: Option<String>,
    /// Seconds that the secret before signs as well: 0 to 2,592,000 (30 days), a day when absent.
    overlap_seconds: Option<u64>,
}

/// Which delivery.
#[derive(InputObject)]
pub(super) struct RetryWebhookDeliveryInput {
    /// The webhook's id.
    webhook_id: ID,
    /// The delivery's id.
    id: ID,
}

/// Which delivery is to be given up.
#[derive(InputObject)]
pub(super) struct DiscardWebhookDeliveryInput {
    /// The webhook's id.
    webhook_id: ID,
    /// The delivery's id.
    id: ID,
}

/// What to deliver once more.
#[derive(InputObject)]
pub(super) struct ReplayWebhookInput {
    /// The webhook's id.
    id: ID,
    /// From this moment on.
    from: Option<Timestamp>,
    /// Up to this moment; up to now when absent.
    to: Option<Timestamp>,
    /// Instead of `from`: behind this cursor of an event or of a replay.
    after: Option<String>,
    /// Words of the events; those of the webhook when absent or empty.
    types: Option<Vec<String>>,
}

/// What can be done to webhooks.
#[Object(name = "WebhookMutations")]
impl WebhookMutation {
    /// Creates a webhook. It gets what happens from now on.
    async fn create_webhook(&self, ctx: &Context<'_>, input: CreateWebhookInput) -> Option<Webhook> {
        let outcome = async {
            let CreateWebhookInput { session_id, url, events, secret, headers, filters, ordered } = input;
            let session = session_id.map(|id| self::session_id(&id)).transpose()?;
            let new = NewWebhook { url, events, secret, headers, filters, ordered };
            api(ctx).webhooks.create(caller(ctx), session, new).await
        };
        or_null(ctx, outcome.await)
    }

    /// Changes a webhook. What is absent stays.
    async fn update_webhook(&self, ctx: &Context<'_>, input: UpdateWebhookInput) -> Option<Webhook> {
        let outcome = async {
            let UpdateWebhookInput { id, url, events, secret, headers, filters, ordered, enabled } = input;
            let changes = WebhookChanges { url, events, secret, headers, filters, ordered, enabled };
            api(ctx).webhooks.update(caller(ctx), &which(&id), changes).await
        };
        or_null(ctx, outcome.await)
    }

    /// Deletes a webhook. What waits for it is discarded.
    async fn delete_webhook(&self, ctx: &Context<'_>, input: WebhookInput) -> Option<Webhook> {
        or_null(ctx, api(ctx).webhooks.delete(caller(ctx), &which(&input.id)).await.map(|deleted| deleted.webhook))
    }

    /// Posts a `test` event now, once, and tells what came of it.
    async fn ping_webhook(&self, ctx: &Context<'_>, input: WebhookInput) -> Option<DeliveryAttempt> {
        or_null(ctx, api(ctx).webhooks.ping(caller(ctx), &which(&input.id)).await)
    }

    /// Gives a webhook a new secret; the one before signs as well for a while.
    async fn rotate_webhook_secret(&self, ctx: &Context<'_>, input: RotateWebhookSecretInput) -> Option<RotatedSecret> {
        let outcome = async {
            let RotateWebhookSecretInput { id, secret, overlap_seconds } = input;
            api(ctx).webhooks.rotate(caller(ctx), &which(&id), secret, overlap_seconds).await
        };
        or_null(ctx, outcome.await)
    }

    /// Delivers again to a webhook that was switched off.
    async fn enable_webhook(&self, ctx: &Context<'_>, input: WebhookInput) -> Option<Webhook> {
        or_null(ctx, api(ctx).webhooks.enable(caller(ctx), &which(&input.id)).await)
    }

    /// Tries a delivery now, whatever came of it before.
    async fn retry_webhook_delivery(&self, ctx: &Context<'_>, input: RetryWebhookDeliveryInput) -> Option<Delivery> {
        let outcome = async {
            let RetryWebhookDeliveryInput { webhook_id, id } = input;
            api(ctx).webhooks.retry(caller(ctx), &which(&webhook_id), &DeliveryId::named(&id)).await
        };
        or_null(ctx, outcome.await)
    }

    /// Gives a delivery up: it is not made, and what waited behind it has its turn.
    async fn discard_webhook_delivery(
        &self,
        ctx: &Context<'_>,
        input: DiscardWebhookDeliveryInput,
    ) -> Option<Delivery> {
        let outcome = async {
            let DiscardWebhookDeliveryInput { webhook_id, id } = input;
            api(ctx).webhooks.discard(caller(ctx), &which(&webhook_id), &DeliveryId::named(&id)).await
        };
        or_null(ctx, outcome.await)
    }

    /// Queues what happened in a range once more, from the journal, in order.
    async fn replay_webhook(&self, ctx: &Context<'_>, input: ReplayWebhookInput) -> Option<Replayed> {
        let outcome = async {
            let ReplayWebhookInput { id, from, to, after, types } = input;
            api(ctx).webhooks.replay(caller(ctx), &which(&id), ReplayRange { from, to, after, types }).await
        };
        or_null(ctx, outcome.await)
    }
}

/// The webhook with this id, whosever it is.
pub(super) fn which(id: &str) -> Which {
    Which { session_id: None, id: WebhookId::named(id) }
}
