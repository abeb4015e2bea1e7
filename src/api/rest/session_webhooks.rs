//! `/api/v1/sessions/{session_id}/webhooks`: the webhooks of one session.

use std::sync::Arc;

use entity::ids::{DeliveryId, WebhookId};
use entity::words::{DeliveryState, EventType};
use poem::Result;
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};

use crate::api::Api;
use crate::api::auth::Asks;
use crate::api::body::{Nothing, Optional, Required};
use crate::api::reply::{Created201, Done, Ok200};
use crate::api::rest::Tag;
use crate::api::rest::param::{Limit, Word};
use crate::api::rest::webhooks::{RotateSecretBody, webhook_deleted};
use crate::page::Window;
use crate::session::session_id;
use crate::webhook::Which;
use crate::webhook::types::{
    Delivery, DeliveryAttempt, DeliveryFilter, DeliveryPage, NewWebhook, ReplayRange, Replayed, RotatedSecret, Webhook,
    WebhookChanges, WebhookPage,
};

/// `/api/v1/sessions/{session_id}/webhooks`.
#[derive(Debug)]
pub struct SessionWebhooksApi;

#[OpenApi(tag = "Tag::Webhooks")]
impl SessionWebhooksApi {
    /// Creates a webhook. It gets what happens from now on.
    #[oai(path = "/sessions/:session_id/webhooks", method = "post", operation_id = "createSessionWebhook")]
    async fn create(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        /// The session's id.
        session_id: Path<String>,
        Required(new): Required<NewWebhook>,
    ) -> Result<Created201<Webhook>> {
        let body = api.webhooks.create(&caller, Some(self::session_id(&session_id)?), new).await?;
        let location = format!("/api/v1/sessions/{}/webhooks/{}", *session_id, body.id);
        Ok(Created201 { body, location })
    }

    /// Lists webhooks, oldest first.
    #[oai(path = "/sessions/:session_id/webhooks", method = "get", operation_id = "listSessionWebhooks")]
    async fn list(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        /// The session's id.
        session_id: Path<String>,
        /// At most this many, 1 to 100; 100 when absent.
        limit: Query<Option<Limit>>,
        /// Only those behind this cursor, a `next_cursor` of an earlier list.
        after: Query<Option<String>>,
    ) -> Result<Ok200<WebhookPage>> {
        let window = Window { first: limit.0.map(|Limit(limit)| limit), after: after.0, ..Window::default() };
        Ok(Ok200(api.webhooks.list(&caller, Some(self::session_id(&session_id)?), window).await?))
    }

    /// Shows one webhook.
    #[oai(path = "/sessions/:session_id/webhooks/:webhook_id", method = "get", operation_id = "getSessionWebhook")]
    async fn find(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        /// The session's id.
        session_id: Path<String>,
        /// The webhook's id.
        webhook_id: Path<String>,
    ) -> Result<Ok200<Webhook>> {
        Ok(Ok200(api.webhooks.find(&caller, &which(&session_id, &webhook_id)?).await?))
    }

    /// Changes a webhook. What is absent stays.
    #[oai(path = "/sessions/:session_id/webhooks/:webhook_id", method = "patch", operation_id = "updateSessionWebhook")]
    async fn update(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        /// The session's id.
        session_id: Path<String>,
        /// The webhook's id.
        webhook_id: Path<String>,
        Optional(changes): Optional<WebhookChanges>,
    ) -> Result<Ok200<Webhook>> {
        Ok(Ok200(api.webhooks.update(&caller, &which(&session_id, &webhook_id)?, changes).await?))
    }

    /// Deletes a webhook. What waits for it is discarded.
    #[oai(
        path = "/sessions/:session_id/webhooks/:webhook_id",
        method = "delete",
        operation_id = "deleteSessionWebhook"
    )]
    async fn delete(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        /// The session's id.
        session_id: Path<String>,
        /// The webhook's id.
        webhook_id: Path<String>,
    ) -> Result<Ok200<Done>> {
        let deleted = api.webhooks.delete(&caller, &which(&session_id, &webhook_id)?).await?;
        Ok(Done::new(&webhook_deleted(&deleted)))
    }

    /// Posts a `test` event now, once, and tells what came of it.
    #[oai(
        path = "/sessions/:session_id/webhooks/:webhook_id/ping",
        method = "post",
        operation_id = "pingSessionWebhook"
    )]
    async fn ping(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        _body: Nothing,
        /// The session's id.
        session_id: Path<String>,
        /// The webhook's id.
        webhook_id: Path<String>,
    ) -> Result<Ok200<DeliveryAttempt>> {
        Ok(Ok200(api.webhooks.ping(&caller, &which(&session_id, &webhook_id)?).await?))
    }

    /// Gives a webhook a new secret; the one before signs as well for a while.
    #[oai(
        path = "/sessions/:session_id/webhooks/:webhook_id/secret/rotate",
        method = "post",
        operation_id = "rotateSessionWebhookSecret"
    )]
    async fn rotate(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        /// The session's id.
        session_id: Path<String>,
        /// The webhook's id.
        webhook_id: Path<String>,
        Optional(body): Optional<RotateSecretBody>,
    ) -> Result<Ok200<RotatedSecret>> {
        let RotateSecretBody { secret, overlap_seconds } = body;
        Ok(Ok200(api.webhooks.rotate(&caller, &which(&session_id, &webhook_id)?, secret, overlap_seconds).await?))
    }

    /// Delivers again to a webhook that was switched off.
    #[oai(
        path = "/sessions/:session_id/webhooks/:webhook_id/enable",
        method = "post",
        operation_id = "enableSessionWebhook"
    )]
    async fn enable(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        _body: Nothing,
        /// The session's id.
        session_id: Path<String>,
        /// The webhook's id.
        webhook_id: Path<String>,
    ) -> Result<Ok200<Webhook>> {
        Ok(Ok200(api.webhooks.enable(&caller, &which(&session_id, &webhook_id)?).await?))
    }

    /// Lists the deliveries of a webhook, newest first, each with its attempts.
    #[oai(
        path = "/sessions/:session_id/webhooks/:webhook_id/deliveries",
        method = "get",
        operation_id = "listSessionWebhookDeliveries"
    )]
    #[expect(clippy::too_many_arguments, reason = "each parameter of the operation is one")]
    async fn deliveries(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        /// The session's id.
        session_id: Path<String>,
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
        Ok(Ok200(api.webhooks.deliveries(&caller, &which(&session_id, &webhook_id)?, filter, limit, after.0).await?))
    }

    /// Tries a delivery now, whatever came of it before.
    #[oai(
        path = "/sessions/:session_id/webhooks/:webhook_id/deliveries/:delivery_id/retry",
        method = "post",
        operation_id = "retrySessionWebhookDelivery"
    )]
    async fn retry(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        _body: Nothing,
        /// The session's id.
        session_id: Path<String>,
        /// The webhook's id.
        webhook_id: Path<String>,
        /// The delivery's id.
        delivery_id: Path<String>,
    ) -> Result<Ok200<Delivery>> {
        Ok(Ok200(
            api.webhooks.retry(&caller, &which(&session_id, &webhook_id)?, &DeliveryId::named(&delivery_id)).await?,
        ))
    }

    /// Gives a delivery up: it is not made, and what waited behind it has its turn.
    #[oai(
        path = "/sessions/:session_id/webhooks/:webhook_id/deliveries/:delivery_id/discard",
        method = "post",
        operation_id = "discardSessionWebhookDelivery"
    )]
    async fn discard(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        _body: Nothing,
        /// The session's id.
        session_id: Path<String>,
        /// The webhook's id.
        webhook_id: Path<String>,
        /// The delivery's id.
        delivery_id: Path<String>,
    ) -> Result<Ok200<Delivery>> {
        Ok(Ok200(
            api.webhooks.discard(&caller, &which(&session_id, &webhook_id)?, &DeliveryId::named(&delivery_id)).await?,
        ))
    }

    /// Queues what happened in a range once more, from the journal, in order.
    #[oai(
        path = "/sessions/:session_id/webhooks/:webhook_id/replay",
        method = "post",
        operation_id = "replaySessionWebhook"
    )]
    async fn replay(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        /// The session's id.
        session_id: Path<String>,
        /// The webhook's id.
        webhook_id: Path<String>,
        Optional(range): Optional<ReplayRange>,
    ) -> Result<Ok200<Replayed>> {
        Ok(Ok200(api.webhooks.replay(&caller, &which(&session_id, &webhook_id)?, range).await?))
    }
}

fn which(session: &str, webhook: &str) -> Result<Which> {
    Ok(Which { session_id: Some(session_id(session)?), id: WebhookId::named(webhook) })
}
