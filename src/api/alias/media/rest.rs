//! Messages with files under the paths of the contract, over REST.

use std::sync::Arc;

use poem::Result;
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::{Header, Path, Query};

use crate::api::alias::media::body::{AudioBody, DocumentBody, ImageBody, StickerBody, VideoBody, name};
use crate::api::alias::reply::TextAccepted;
use crate::api::auth::Asks;
use crate::api::body::WithFile;
use crate::api::message::sent;
use crate::api::rest::param::{Wait, Word};
use crate::api::rest::tag::Tag;
use crate::api::services::Api;
use crate::message::types::IfOffline;
use crate::session::session_id;

/// Messages with files under the paths of the contract.
#[derive(Debug)]
pub struct MediaAliasesApi;

#[OpenApi(tag = "Tag::Aliases")]
impl MediaAliasesApi {
    /// Sends a picture.
    ///
    /// Alias of `sendMessage`.
    #[oai(path = "/sessions/:session_id/messages/image", method = "post", operation_id = "sendImage")]
    #[expect(clippy::too_many_arguments, reason = "each parameter of the operation is one")]
    async fn image(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        /// The session's id.
        session_id: Path<String>,
        /// How long to wait for WhatsApp's answer, seconds, 0 to 60; 20 when absent.
        wait: Query<Option<Wait>>,
        /// What to do while the session is not logged in; `queue` when absent.
        if_offline: Query<Option<Word<IfOffline>>>,
        /// Your key for this request, 1 to 255 characters.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
        /// `respond-async` does not wait for WhatsApp's answer.
        #[oai(name = "Prefer")]
        prefer: Header<Option<String>>,
        WithFile(body): WithFile<ImageBody>,
    ) -> Result<TextAccepted> {
        let (session, options) =
            (self::session_id(&session_id)?, sent::options(wait, if_offline, idempotency_key, prefer));
        let accepted = api.messages.send(&caller, &session, body.message()?, options).await;
        Ok(TextAccepted(accepted.map_err(|error| error.renamed(|field| name(field, "image")))?))
    }

    /// Sends a video.
    ///
    /// Alias of `sendMessage`.
    #[oai(path = "/sessions/:session_id/messages/video", method = "post", operation_id = "sendVideo")]
    #[expect(clippy::too_many_arguments, reason = "each parameter of the operation is one")]
    async fn video(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        /// The session's id.
        session_id: Path<String>,
        /// How long to wait for WhatsApp's answer, seconds, 0 to 60; 20 when absent.
        wait: Query<Option<Wait>>,
        /// What to do while the session is not logged in; `queue` when absent.
        if_offline: Query<Option<Word<IfOffline>>>,
        /// Your key for this request, 1 to 255 characters.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
        /// `respond-async` does not wait for WhatsApp's answer.
        #[oai(name = "Prefer")]
        prefer: Header<Option<String>>,
        WithFile(body): WithFile<VideoBody>,
    ) -> Result<TextAccepted> {
        let (session, options) =
            (self::session_id(&session_id)?, sent::options(wait, if_offline, idempotency_key, prefer));
        let accepted = api.messages.send(&caller, &session, body.message()?, options).await;
        Ok(TextAccepted(accepted.map_err(|error| error.renamed(|field| name(field, "video")))?))
    }

    /// Sends a recording, as a file or as a voice message.
    ///
    /// Alias of `sendMessage`.
    #[oai(path = "/sessions/:session_id/messages/audio", method = "post", operation_id = "sendAudio")]
    #[expect(clippy::too_many_arguments, reason = "each parameter of the operation is one")]
    async fn audio(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        /// The session's id.
        session_id: Path<String>,
        /// How long to wait for WhatsApp's answer, seconds, 0 to 60; 20 when absent.
        wait: Query<Option<Wait>>,
        /// What to do while the session is not logged in; `queue` when absent.
        if_offline: Query<Option<Word<IfOffline>>>,
        /// Your key for this request, 1 to 255 characters.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
        /// `respond-async` does not wait for WhatsApp's answer.
        #[oai(name = "Prefer")]
        prefer: Header<Option<String>>,
        WithFile(body): WithFile<AudioBody>,
    ) -> Result<TextAccepted> {
        let (session, options) =
            (self::session_id(&session_id)?, sent::options(wait, if_offline, idempotency_key, prefer));
        let accepted = api.messages.send(&caller, &session, body.message()?, options).await;
        Ok(TextAccepted(accepted.map_err(|error| error.renamed(|field| name(field, "audio")))?))
    }

    /// Sends a file.
    ///
    /// Alias of `sendMessage`.
    #[oai(path = "/sessions/:session_id/messages/document", method = "post", operation_id = "sendDocument")]
    #[expect(clippy::too_many_arguments, reason = "each parameter of the operation is one")]
    async fn document(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        /// The session's id.
        session_id: Path<String>,
        /// How long to wait for WhatsApp's answer, seconds, 0 to 60; 20 when absent.
        wait: Query<Option<Wait>>,
        /// What to do while the session is not logged in; `queue` when absent.
        if_offline: Query<Option<Word<IfOffline>>>,
        /// Your key for this request, 1 to 255 characters.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
        /// `respond-async` does not wait for WhatsApp's answer.
        #[oai(name = "Prefer")]
        prefer: Header<Option<String>>,
        WithFile(body): WithFile<DocumentBody>,
    ) -> Result<TextAccepted> {
        let (session, options) =
            (self::session_id(&session_id)?, sent::options(wait, if_offline, idempotency_key, prefer));
        let accepted = api.messages.send(&caller, &session, body.message()?, options).await;
        Ok(TextAccepted(accepted.map_err(|error| error.renamed(|field| name(field, "document")))?))
    }

    /// Sends a sticker.
    ///
    /// Alias of `sendMessage`.
    #[oai(path = "/sessions/:session_id/messages/sticker", method = "post", operation_id = "sendSticker")]
    #[expect(clippy::too_many_arguments, reason = "each parameter of the operation is one")]
    async fn sticker(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        /// The session's id.
        session_id: Path<String>,
        /// How long to wait for WhatsApp's answer, seconds, 0 to 60; 20 when absent.
        wait: Query<Option<Wait>>,
        /// What to do while the session is not logged in; `queue` when absent.
        if_offline: Query<Option<Word<IfOffline>>>,
        /// Your key for this request, 1 to 255 characters.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
        /// `respond-async` does not wait for WhatsApp's answer.
        #[oai(name = "Prefer")]
        prefer: Header<Option<String>>,
        WithFile(body): WithFile<StickerBody>,
    ) -> Result<TextAccepted> {
        let (session, options) =
            (self::session_id(&session_id)?, sent::options(wait, if_offline, idempotency_key, prefer));
        let accepted = api.messages.send(&caller, &session, body.message()?, options).await;
        Ok(TextAccepted(accepted.map_err(|error| error.renamed(|field| name(field, "sticker")))?))
    }
}
