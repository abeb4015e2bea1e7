//! Webhooks and their deliveries in the graph.

use async_graphql::connection::{Connection, Edge, EmptyFields};
use async_graphql::{Context, ID, InputObject, Object};
use entity::ids::{DeliveryId, SessionId, WebhookId};
use entity::words::event::EventType;
use entity::words::webhook::DeliveryState;

use crate::api::graphql::resolver::{PAGE_DEFAULT, api, caller, or_null, window};
use crate::session::session_id;
use crate::webhook::Which;
use crate::webhook::listing::cursor_of;
use crate::webhook::types::{
    Delivery, DeliveryAttempt, DeliveryFilter, NewWebhook, ReplayRange, Replayed, RotatedSecret, SecretRotation,
    Webhook, WebhookChanges,
};

/// What can be asked about webhooks.
#[derive(Default)]
pub struct WebhookQuery;

/// What can be done to webhooks.
#[derive(Default)]
pub struct WebhookMutation;

/// What a list of webhooks has beside its edges.
pub struct WebhookTotal {
    session_id: Option<SessionId>,
}

#[Object]
impl WebhookTotal {
    /// How many webhooks there are in this list, on all pages. Counted only when it is asked for.
    async fn total_count(&self, ctx: &Context<'_>) -> Option<u64> {
        or_null(ctx, api(ctx).webhooks.count(caller(ctx), self.session_id.clone()).await)
    }
}

type WebhookConnection = Connection<String, Webhook, WebhookTotal, EmptyFields>;

type DeliveryConnection = Connection<String, Delivery, EmptyFields, EmptyFields>;

/// Where to deliver events.
#[derive(InputObject)]
pub struct CreateWebhookInput {
    /// Id of the session whose events it gets; those of all sessions when absent.
    session_id: Option<ID>,
    #[graphql(flatten)]
    webhook: NewWebhook,
}

/// What to change about a webhook. What is absent stays.
#[derive(InputObject)]
pub struct UpdateWebhookInput {
    /// The webhook's id.
    id: ID,
    #[graphql(flatten)]
    changes: WebhookChanges,
}

/// Which webhook.
#[derive(InputObject)]
pub struct WebhookInput {
    /// The webhook's id.
    id: ID,
}

/// How a webhook's secret is to be rotated.
#[derive(InputObject)]
pub struct RotateWebhookSecretInput {
    /// The webhook's id.
    id: ID,
    #[graphql(flatten)]
    rotation: SecretRotation,
}

/// Which delivery.
#[derive(InputObject)]
pub struct RetryWebhookDeliveryInput {
    /// The webhook's id.
    webhook_id: ID,
    /// The delivery's id.
    id: ID,
}

/// Which delivery is to be given up.
#[derive(InputObject)]
pub struct DiscardWebhookDeliveryInput {
    /// The webhook's id.
    webhook_id: ID,
    /// The delivery's id.
    id: ID,
}

/// What to deliver once more.
#[derive(InputObject)]
pub struct ReplayWebhookInput {
    /// The webhook's id.
    id: ID,
    #[graphql(flatten)]
    range: ReplayRange,
}

/// What can be asked about webhooks.
#[Object(name = "WebhookQueries")]
impl WebhookQuery {
    /// Lists webhooks, oldest first.
    #[graphql(complexity = "first.or(last).unwrap_or(PAGE_DEFAULT).min(100) as usize * child_complexity")]
    async fn webhooks(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only those of this session; all when absent.")] session_id: Option<ID>,
        #[graphql(desc = "The first so many, 1 to 100; 50 when neither this nor `last` is given.")] first: Option<u32>,
        #[graphql(desc = "Only those behind this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<u32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Option<WebhookConnection> {
        let outcome = async {
            let session_id = session_id.map(|id| self::session_id(&id)).transpose()?;
            let window = window(first, after, last, before);
            let slice = api(ctx).webhooks.slice(caller(ctx), session_id.clone(), window).await?;
            let total = WebhookTotal { session_id };
            let mut connection = Connection::with_additional_fields(slice.has_previous, slice.has_next, total);
            let edges = slice.items.into_iter().map(|webhook| Edge::new(cursor_of(&webhook), webhook));
            connection.edges.extend(edges);
            Ok(connection)
        };
        or_null(ctx, outcome.await)
    }

    /// Shows one webhook.
    async fn webhook(&self, ctx: &Context<'_>, #[graphql(desc = "The webhook's id.")] id: ID) -> Option<Webhook> {
        or_null(ctx, api(ctx).webhooks.find(caller(ctx), &which(&id)).await)
    }

    /// Lists the deliveries of a webhook, newest first, each with its attempts.
    #[graphql(complexity = "first.unwrap_or(PAGE_DEFAULT).min(100) as usize * child_complexity")]
    async fn webhook_deliveries(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The webhook's id.")] webhook_id: ID,
        #[graphql(desc = "The first so many, 1 to 100; 50 when absent. Fewer if large.")] first: Option<u32>,
        #[graphql(desc = "Only those behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Only those in this state.")] state: Option<DeliveryState>,
        #[graphql(desc = "Only those of this type.")] event: Option<EventType>,
    ) -> Option<DeliveryConnection> {
        let outcome = async {
            let filter = DeliveryFilter { state, event };
            let first = first.or(Some(PAGE_DEFAULT));
            let page = api(ctx).webhooks.deliveries(caller(ctx), &which(&webhook_id), filter, first, after).await?;
            let mut connection = Connection::new(false, page.next_cursor.is_some());
            let edges = page.deliveries.into_iter().map(|delivery| Edge::new(delivery.id.to_string(), delivery));
            connection.edges.extend(edges);
            Ok(connection)
        };
        or_null(ctx, outcome.await)
    }
}

/// What can be done to webhooks. Each mutation takes one `input` and answers with what it changed.
#[Object(name = "WebhookMutations")]
impl WebhookMutation {
    /// Creates a webhook. It gets what happens from now on.
    async fn create_webhook(&self, ctx: &Context<'_>, input: CreateWebhookInput) -> Option<Webhook> {
        let outcome = async {
            let CreateWebhookInput { session_id, webhook } = input;
            let session = session_id.map(|id| self::session_id(&id)).transpose()?;
            api(ctx).webhooks.create(caller(ctx), session, webhook).await
        };
        or_null(ctx, outcome.await)
    }

    /// Changes a webhook. What is absent stays.
    async fn update_webhook(&self, ctx: &Context<'_>, input: UpdateWebhookInput) -> Option<Webhook> {
        let outcome = async {
            let UpdateWebhookInput { id, changes } = input;
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
            let RotateWebhookSecretInput { id, rotation } = input;
            let SecretRotation { secret, overlap_seconds } = rotation;
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
            let ReplayWebhookInput { id, range } = input;
            api(ctx).webhooks.replay(caller(ctx), &which(&id), range).await
        };
        or_null(ctx, outcome.await)
    }
}

/// The webhook with this id, whosever it is.
pub fn which(id: &str) -> Which {
    Which { session_id: None, id: WebhookId::named(id) }
}
