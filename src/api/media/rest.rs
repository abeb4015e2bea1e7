//! Files that are handed in to be sent, over REST: `/api/v1/media`.

use std::sync::Arc;

use entity::ids::MediaId;
use poem::Result;
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};

use crate::api::auth::Asks;
use crate::api::media::upload::{Opened, Upload};
use crate::api::reply::{Created201, Done, Ok200};
use crate::api::rest::tag::Tag;
use crate::api::services::Api;
use crate::media::types::{MediaFile, UploadOptions};

/// `/api/v1/media`.
#[derive(Debug)]
pub struct MediaApi;

#[OpenApi(tag = "Tag::Media")]
impl MediaApi {
    /// Uploads a file, which messages can then carry by its id.
    ///
    /// The body is the file itself, or a form with one part, the file. It is never whole in memory, and may come as slowly as it must:
    /// at least 4 KiB every 30 seconds. What it is is found out from its own bytes, not from what is said of it. It is kept for as long
    /// as the server is set to, since it was used last, and belongs to the key that uploads it.
    #[oai(path = "/media", method = "post", operation_id = "uploadMedia")]
    async fn upload(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        /// What the file is called, 1 to 255 characters; that which the form says when absent.
        file_name: Query<Option<String>>,
        /// SHA-256 that the file must have, in 64 hexadecimal digits. One that came with an error is refused.
        sha256: Query<Option<String>>,
        upload: Upload,
    ) -> Result<Created201<MediaFile>> {
        let Opened { file_name: in_form, length, pieces } = upload.open(api.media.settings().stall).await?;
        let options = UploadOptions { file_name: file_name.0.or(in_form), sha256: sha256.0, length };
        let body = api.media.upload(&caller, options, pieces).await?;
        let location = format!("/api/v1/media/{}", body.id);
        Ok(Created201 { body, location })
    }

    /// Shows what is known of a file that was uploaded with this key.
    #[oai(path = "/media/:media_id", method = "get", operation_id = "getMedia")]
    async fn find(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        /// The file's id.
        media_id: Path<String>,
    ) -> Result<Ok200<MediaFile>> {
        Ok(Ok200(api.media.find(&caller, &MediaId::named(&media_id)).await?))
    }

    /// Deletes a file that was uploaded with this key.
    ///
    /// Messages that are to be sent with it are sent all the same. Its bytes are deleted within hours, once nothing else needs them.
    #[oai(path = "/media/:media_id", method = "delete", operation_id = "deleteMedia")]
    async fn delete(
        &self,
        Data(api): Data<&Arc<Api>>,
        Asks(caller): Asks,
        /// The file's id.
        media_id: Path<String>,
    ) -> Result<Ok200<Done>> {
        api.media.delete(&caller, &MediaId::named(&media_id)).await?;
        Ok(Done::new("File deleted"))
    }
}
