//! Webhooks over REST: `/api/v1/webhooks`, and the same below `/api/v1/sessions/{session_id}`.

use std::sync::Arc;

use entity::ids::{DeliveryId, SessionId, WebhookId};
use entity::words::event::EventType;
use entity::words::webhook::DeliveryState;
use poem::web::Data;
use poem::{FromRequest, Request, RequestBody, Result};
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};

use crate::api::auth::Asks;
use crate::api::body::{Nothing, Optional, Required};
use crate::api::reply::{Created201, Done, Ok200};
use crate::api::rest::param::{Limit, Word};
use crate::api::rest::tag::Tag;
use crate::api::services::Api;
use crate::page::Window;
use crate::session::session_id;
use crate::webhook::types::{
    Delivery, DeliveryAttempt, DeliveryFilter, DeliveryPage, NewWebhook, ReplayRange, Replayed, RotatedSecret,
    SecretRotation, Webhook, WebhookChanges, WebhookPage,
};
use crate::webhook::{Deleted, Which};

/// The session below which a webhook is asked for, as the path has it. None where the path names none.
pub struct Below(Option<String>);

impl<'a> FromRequest<'a> for Below {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> Result<Self> {
        Ok(Self(request.raw_path_param("session_id").map(str::to_owned)))
    }
}

impl Below {
    /// The session that the path names.
    ///
    /// # Errors
    /// `SessionNotFound` if it can be none.
    pub fn session(&self) -> Result<Option<SessionId>> {
        Ok(self.0.as_deref().map(session_id).transpose()?)
    }

    fn which(&self, webhook: &str) -> Result<Which> {
        Ok(Which { session_id: self.session()?, id: WebhookId::named(webhook) })
    }
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
        below: Below,
        Required(new): Required<NewWebhook>,
    ) -> Result<Created201<Webhook>> {
        let session = below.session()?;
        let prefix = session.as_ref().map(|id| format!("/sessions/{id}")).unwrap_or_default();
        let body = api.webhooks.create(&caller, session, new).await?;
        let location = format!("/api/v1{prefix}/webhooks/{}", body.id);
        Ok(Created201 { body, location })
    }

    /// Lists webhooks, oldest first.
    #[oai(path = "/webhooks", method = "get", operation_id = "listWebhooks")]
    async fn list(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        below: Below,
        /// At most this many, 1 to 100; 100 when absent.
        limit: Query<Option<Limit>>,
        /// Only those behind this cursor, a `next_cursor` of an earlier list.
        after: Query<Option<String>>,
    ) -> Result<Ok200<WebhookPage>> {
        let window = Window { first: limit.0.map(|Limit(limit)| limit), after: after.0, ..Window::default() };
        Ok(Ok200(api.webhooks.list(&caller, below.session()?, window).await?))
    }

    /// Shows one webhook.
    #[oai(path = "/webhooks/:webhook_id", method = "get", operation_id = "getWebhook")]
    async fn find(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        below: Below,
        /// The webhook's id.
        webhook_id: Path<String>,
    ) -> Result<Ok200<Webhook>> {
        Ok(Ok200(api.webhooks.find(&caller, &below.which(&webhook_id)?).await?))
    }

    /// Changes a webhook. What is absent stays.
    #[oai(path = "/webhooks/:webhook_id", method = "patch", operation_id = "updateWebhook")]
    async fn update(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        below: Below,
        /// The webhook's id.
        webhook_id: Path<String>,
        Optional(changes): Optional<WebhookChanges>,
    ) -> Result<Ok200<Webhook>> {
        Ok(Ok200(api.webhooks.update(&caller, &below.which(&webhook_id)?, changes).await?))
    }

    /// Deletes a webhook. What waits for it is discarded.
    #[oai(path = "/webhooks/:webhook_id", method = "delete", operation_id = "deleteWebhook")]
    async fn delete(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        below: Below,
        /// The webhook's id.
        webhook_id: Path<String>,
    ) -> Result<Ok200<Done>> {
        let deleted = api.webhooks.delete(&caller, &below.which(&webhook_id)?).await?;
        Ok(Done::new(&webhook_deleted(&deleted)))
    }

    /// Posts a `test` event now, once, and tells what came of it.
    #[oai(path = "/webhooks/:webhook_id/ping", method = "post", operation_id = "pingWebhook")]
    async fn ping(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        below: Below,
        _body: Nothing,
        /// The webhook's id.
        webhook_id: Path<String>,
    ) -> Result<Ok200<DeliveryAttempt>> {
        Ok(Ok200(api.webhooks.ping(&caller, &below.which(&webhook_id)?).await?))
    }

    /// Gives a webhook a new secret; the one before signs as well for a while.
    #[oai(path = "/webhooks/:webhook_id/secret/rotate", method = "post", operation_id = "rotateWebhookSecret")]
    async fn rotate(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        below: Below,
        /// The webhook's id.
        webhook_id: Path<String>,
        Optional(rotation): Optional<SecretRotation>,
    ) -> Result<Ok200<RotatedSecret>> {
        let SecretRotation { secret, overlap_seconds } = rotation;
        Ok(Ok200(api.webhooks.rotate(&caller, &below.which(&webhook_id)?, secret, overlap_seconds).await?))
    }

    /// Delivers again to a webhook that was switched off.
    #[oai(path = "/webhooks/:webhook_id/enable", method = "post", operation_id = "enableWebhook")]
    async fn enable(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        below: Below,
        _body: Nothing,
        /// The webhook's id.
        webhook_id: Path<String>,
    ) -> Result<Ok200<Webhook>> {
        Ok(Ok200(api.webhooks.enable(&caller, &below.which(&webhook_id)?).await?))
    }

    /// Lists the deliveries of a webhook, newest first, each with its attempts.
    #[oai(path = "/webhooks/:webhook_id/deliveries", method = "get", operation_id = "listWebhookDeliveries")]
    #[expect(clippy::too_many_arguments, reason = "each parameter of the operation is one")]
    async fn deliveries(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        below: Below,
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
        Ok(Ok200(api.webhooks.deliveries(&caller, &below.which(&webhook_id)?, filter, limit, after.0).await?))
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
        below: Below,
        _body: Nothing,
        /// The webhook's id.
        webhook_id: Path<String>,
        /// The delivery's id.
        delivery_id: Path<String>,
    ) -> Result<Ok200<Delivery>> {
        Ok(Ok200(api.webhooks.retry(&caller, &below.which(&webhook_id)?, &DeliveryId::named(&delivery_id)).await?))
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
        below: Below,
        _body: Nothing,
        /// The webhook's id.
        webhook_id: Path<String>,
        /// The delivery's id.
        delivery_id: Path<String>,
    ) -> Result<Ok200<Delivery>> {
        Ok(Ok200(api.webhooks.discard(&caller, &below.which(&webhook_id)?, &DeliveryId::named(&delivery_id)).await?))
    }

    /// Queues what happened in a range once more, from the journal, in order.
    #[oai(path = "/webhooks/:webhook_id/replay", method = "post", operation_id = "replayWebhook")]
    async fn replay(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        below: Below,
        /// The webhook's id.
        webhook_id: Path<String>,
        Optional(range): Optional<ReplayRange>,
    ) -> Result<Ok200<Replayed>> {
        Ok(Ok200(api.webhooks.replay(&caller, &below.which(&webhook_id)?, range).await?))
    }
}

/// What is said of a deleted webhook: what nobody gets any more, too.
fn webhook_deleted(deleted: &Deleted) -> String {
    match deleted.discarded {
        0 => "Webhook deleted".to_owned(),
        count => format!("Webhook deleted; deliveries that waited for it and are discarded: {count}"),
    }
}
