//! `/api/v1/webhooks`: every webhook, and those that are for all sessions.

use std::sync::Arc;

use entity::ids::{DeliveryId, WebhookId};
use entity::words::{DeliveryState, EventType};
use poem::Result;
use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::{Object, OpenApi};

use crate::api::Api;
use crate::api::auth::Asks;
use crate::api::body::{Nothing, Optional, Required};
use crate::api::reply::{Created201, Done, Ok200};
use crate::api::rest::Tag;
use crate::api::rest::param::{Limit, Word};
use crate::page::Window;
use crate::webhook::types::{
    Delivery, DeliveryAttempt, DeliveryFilter, DeliveryPage, NewWebhook, ReplayRange, Replayed, RotatedSecret, Webhook,
    WebhookChanges, WebhookPage,
};
use crate::webhook::{Deleted, Which};

/// How a webhook's secret is to be rotated.
#[derive(Default, Object)]
#[oai(example)]
pub struct RotateSecretBody {
    /// The new secret; a generated one when absent.
    pub secret: Option<String>,
    /// Seconds that the secret before signs as well: 0 to 2,592,000 (30 days), a day when absent.
    pub overlap_seconds: Option<u64>,
}

/// `/api/v1/webhooks`.
#[derive(Debug)]
pub struct WebhooksApi;

#[OpenApi(tag = "Tag::Webhooks")]
impl WebhooksApi {
    /// Creates a webhook. It gets what happens from now on.
    #[oai(path = "/webhooks", method = "post", operation_id = "createWebhook")]
    async fn create(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        Required(new): Required<NewWebhook>,
    ) -> Result<Created201<Webhook>> {
        let body = api.webhooks.create(&caller, None, new).await?;
        let location = format!("/api/v1/webhooks/{}", body.id);
        Ok(Created201 { body, location })
    }

    /// Lists webhooks, oldest first.
    #[oai(path = "/webhooks", method = "get", operation_id = "listWebhooks")]
    async fn list(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        /// At most this many, 1 to 100; 100 when absent.
        limit: Query<Option<Limit>>,
        /// Only those behind this cursor, a `next_cursor` of an earlier list.
        after: Query<Option<String>>,
    ) -> Result<Ok200<WebhookPage>> {
        let window = Window { first: limit.0.map(|Limit(limit)| limit), after: after.0, ..Window::default() };
        Ok(Ok200(api.webhooks.list(&caller, None, window).await?))
    }

    /// Shows one webhook.
    #[oai(path = "/webhooks/:webhook_id", method = "get", operation_id = "getWebhook")]
    async fn find(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        /// The webhook's id.
        webhook_id: Path<String>,
    ) -> Result<Ok200<Webhook>> {
        Ok(Ok200(api.webhooks.find(&caller, &which(&webhook_id)).await?))
    }

    /// Changes a webhook. What is absent stays.
    #[oai(path = "/webhooks/:webhook_id", method = "patch", operation_id = "updateWebhook")]
    async fn update(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        /// The webhook's id.
        webhook_id: Path<String>,
        Optional(changes): Optional<WebhookChanges>,
    ) -> Result<Ok200<Webhook>> {
        Ok(Ok200(api.webhooks.update(&caller, &which(&webhook_id), changes).await?))
    }

    /// Deletes a webhook. What waits for it is discarded.
    #[oai(path = "/webhooks/:webhook_id", method = "delete", operation_id = "deleteWebhook")]
    async fn delete(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        /// The webhook's id.
        webhook_id: Path<String>,
    ) -> Result<Ok200<Done>> {
        let deleted = api.webhooks.delete(&caller, &which(&webhook_id)).await?;
        Ok(Done::new(&webhook_deleted(&deleted)))
    }

    /// Posts a `test` event now, once, and tells what came of it.
    #[oai(path = "/webhooks/:webhook_id/ping", method = "post", operation_id = "pingWebhook")]
    async fn ping(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        _body: Nothing,
        /// The webhook's id.
        webhook_id: Path<String>,
    ) -> Result<Ok200<DeliveryAttempt>> {
        Ok(Ok200(api.webhooks.ping(&caller, &which(&webhook_id)).await?))
    }

    /// Gives a webhook a new secret; the one before signs as well for a while.
    #[oai(path = "/webhooks/:webhook_id/secret/rotate", method = "post", operation_id = "rotateWebhookSecret")]
    async fn rotate(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        /// The webhook's id.
        webhook_id: Path<String>,
        Optional(body): Optional<RotateSecretBody>,
    ) -> Result<Ok200<RotatedSecret>> {
        let RotateSecretBody { secret, overlap_seconds } = body;
        Ok(Ok200(api.webhooks.rotate(&caller, &which(&webhook_id), secret, overlap_seconds).await?))
    }

    /// Delivers again to a webhook that was switched off.
    #[oai(path = "/webhooks/:webhook_id/enable", method = "post", operation_id = "enableWebhook")]
    async fn enable(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        _body: Nothing,
        /// The webhook's id.
        webhook_id: Path<String>,
    ) -> Result<Ok200<Webhook>> {
        Ok(Ok200(api.webhooks.enable(&caller, &which(&webhook_id)).await?))
    }

    /// Lists the deliveries of a webhook, newest first, each with its attempts.
    #[oai(path = "/webhooks/:webhook_id/deliveries", method = "get", operation_id = "listWebhookDeliveries")]
    #[expect(clippy::too_many_arguments, reason = "each parameter of the operation is one")]
    async fn deliveries(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        /// The webhook's id.
        webhook_id: Path<String>,
        /// Only those in this state.
        state: Query<Option<Word<DeliveryState>>>,
        /// Only those of this type.
        event: Query<Option<Word<EventType>>>,
        /// At most this many, 1 to 100; 100 when absent. Fewer when they are large: 4 MiB end a page.
        limit: Query<Option<Limit>>,
        /// Only those behind this cursor, a `next_cursor` of an earlier list.
        after: Query<Option<String>>,
    ) -> Result<Ok200<DeliveryPage>> {
        let filter =
            DeliveryFilter { state: state.0.map(|Word(state)| state), event: event.0.map(|Word(event)| event) };
        let limit = limit.0.map(|Limit(limit)| limit);
        Ok(Ok200(api.webhooks.deliveries(&caller, &which(&webhook_id), filter, limit, after.0).await?))
    }

    /// Tries a delivery now, whatever came of it before.
    #[oai(
        path = "/webhooks/:webhook_id/deliveries/:delivery_id/retry",
        method = "post",
        operation_id = "retryWebhookDelivery"
    )]
    async fn retry(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        _body: Nothing,
        /// The webhook's id.
        webhook_id: Path<String>,
        /// The delivery's id.
        delivery_id: Path<String>,
    ) -> Result<Ok200<Delivery>> {
        Ok(Ok200(api.webhooks.retry(&caller, &which(&webhook_id), &DeliveryId::named(&delivery_id)).await?))
    }

    /// Gives a delivery up: it is not made, and what waited behind it has its turn.
    #[oai(
        path = "/webhooks/:webhook_id/deliveries/:delivery_id/discard",
        method = "post",
        operation_id = "discardWebhookDelivery"
    )]
    async fn discard(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        _body: Nothing,
        /// The webhook's id.
        webhook_id: Path<String>,
        /// The delivery's id.
        delivery_id: Path<String>,
    ) -> Result<Ok200<Delivery>> {
        Ok(Ok200(api.webhooks.discard(&caller, &which(&webhook_id), &DeliveryId::named(&delivery_id)).await?))
    }

    /// Queues what happened in a range once more, from the journal, in order.
    #[oai(path = "/webhooks/:webhook_id/replay", method = "post", operation_id = "replayWebhook")]
    async fn replay(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        /// The webhook's id.
        webhook_id: Path<String>,
        Optional(range): Optional<ReplayRange>,
    ) -> Result<Ok200<Replayed>> {
        Ok(Ok200(api.webhooks.replay(&caller, &which(&webhook_id), range).await?))
    }
}

/// What is said of a deleted webhook: what nobody gets any more, too.
pub(super) fn webhook_deleted(deleted: &Deleted) -> String {
    match deleted.discarded {
        0 => "Webhook deleted".to_owned(),
        count => format!("Webhook deleted; deliveries that waited for it and are discarded: {count}"),
    }
}

fn which(webhook: &str) -> Which {
    Which { session_id: None, id: WebhookId::named(webhook) }
}
