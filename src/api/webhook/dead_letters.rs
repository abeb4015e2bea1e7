//! Dead letters over REST: `/api/v1/webhooks/dlq`, and the same below `/api/v1/sessions/{session_id}`.

use std::sync::Arc;

use entity::ids::DeliveryId;
use poem::Result;
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};

use crate::api::auth::Asks;
use crate::api::body::Nothing;
use crate::api::reply::{Done, Ok200};
use crate::api::rest::param::Limit;
use crate::api::rest::tag::Tag;
use crate::api::services::Api;
use crate::api::webhook::rest::Below;
use crate::webhook::types::DeadLetterPage;

/// `/api/v1/webhooks/dlq`.
#[derive(Debug)]
pub struct DeadLettersApi;

#[OpenApi(tag = "Tag::Aliases")]
impl DeadLettersApi {
    /// Lists the deliveries that failed to the end, of all webhooks together, newest first.
    ///
    /// Alias of `listWebhookDeliveries` for those that are `dead`, with what was to be delivered.
    #[oai(path = "/webhooks/dlq", method = "get", operation_id = "listDeadLetters")]
    async fn list(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        below: Below,
        /// At most this many, 1 to 100; 100 when absent. Fewer when they are large: 4 MiB end a page.
        limit: Query<Option<Limit>>,
        /// Only those behind this cursor, a `next_cursor` of an earlier list.
        after: Query<Option<String>>,
    ) -> Result<Ok200<DeadLetterPage>> {
        let limit = limit.0.map(|Limit(limit)| limit);
        Ok(Ok200(api.webhooks.dead_letters(&caller, below.session()?, limit, after.0).await?))
    }

    /// Tries a delivery now that failed to the end.
    ///
    /// Alias of `retryWebhookDelivery`.
    #[oai(path = "/webhooks/dlq/:delivery_id/replay", method = "post", operation_id = "replayDeadLetter")]
    async fn replay(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        below: Below,
        _body: Nothing,
        /// The delivery's id.
        delivery_id: Path<String>,
    ) -> Result<Ok200<Done>> {
        let id = DeliveryId::named(&delivery_id);
        api.webhooks.replay_dead_letter(&caller, below.session()?, &id).await?;
        Ok(Done::new("The delivery is tried again"))
    }
}
