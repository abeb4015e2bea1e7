//! Keys over REST: `/api/v1/keys`, and tickets for streams.

use std::sync::Arc;

use entity::ids::KeyId;
use poem::Result;
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};

use crate::api::auth::Asks;
use crate::api::body::{Nothing, Optional, Required};
use crate::api::reply::{Created201, Done, Ok200};
use crate::api::rest::param::Limit;
use crate::api::rest::tag::Tag;
use crate::api::services::Api;
use crate::key::types::{IssuedKey, KeyPage, KeyRotation, NewKey, StreamTicket};
use crate::page::Window;

/// `/api/v1/keys`.
#[derive(Debug)]
pub struct KeysApi;

#[OpenApi(tag = "Tag::Keys")]
impl KeysApi {
    /// Creates a key that may do no more than the one that makes it.
    ///
    /// The token is in this answer only: the server keeps a digest of it.
    #[oai(path = "/keys", method = "post", operation_id = "createKey")]
    async fn create(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        Required(new): Required<NewKey>,
    ) -> Result<Created201<IssuedKey>> {
        let body = api.keys.create(&caller, new).await?;
        let location = format!("/api/v1/keys/{}", body.key.id);
        Ok(Created201 { body, location })
    }

    /// Lists the keys that may do no more than this one, oldest first.
    #[oai(path = "/keys", method = "get", operation_id = "listKeys")]
    async fn list(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        /// At most this many, 1 to 100; 100 when absent.
        limit: Query<Option<Limit>>,
        /// Only those behind this cursor, a `next_cursor` of an earlier list.
        after: Query<Option<String>>,
    ) -> Result<Ok200<KeyPage>> {
        let window = Window { first: limit.0.map(|Limit(limit)| limit), after: after.0, ..Window::default() };
        Ok(Ok200(api.keys.list(&caller, &window)?))
    }

    /// Gives a ticket that opens one stream in place of the key, within a minute.
    ///
    /// For `EventSource`, which can send no header: it goes into the stream's address as `?ticket=`. The stream is then as the
    /// key's own, and ends with it. Who opens it again needs another ticket.
    #[oai(path = "/stream-tickets", method = "post", operation_id = "createStreamTicket")]
    async fn create_stream_ticket(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        _body: Nothing,
    ) -> Result<Ok200<StreamTicket>> {
        Ok(Ok200(api.keys.issue_ticket(&caller)?))
    }

    /// Revokes a key; the sockets and streams that live by it end within a second.
    #[oai(path = "/keys/:key_id", method = "delete", operation_id = "deleteKey")]
    async fn delete(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        /// The key's id.
        key_id: Path<String>,
    ) -> Result<Ok200<Done>> {
        api.keys.delete(&caller, &KeyId::named(&key_id)).await?;
        Ok(Done::new("Key deleted"))
    }

    /// Gives a key a new token; the one before works on for a while.
    ///
    /// A second rotation within that while ends the oldest token at once.
    #[oai(path = "/keys/:key_id/rotate", method = "post", operation_id = "rotateKey")]
    async fn rotate(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        /// The key's id.
        key_id: Path<String>,
        Optional(rotation): Optional<KeyRotation>,
    ) -> Result<Ok200<IssuedKey>> {
        Ok(Ok200(api.keys.rotate(&caller, &KeyId::named(&key_id), rotation.overlap_seconds).await?))
    }
}
