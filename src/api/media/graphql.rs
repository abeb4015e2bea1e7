//! Files that were handed in to be sent, in the graph. Their bytes go over REST alone.

use async_graphql::{Context, ID, InputObject, Object};
use entity::ids::MediaId;

use crate::api::graphql::resolver::{api, caller, or_null};
use crate::media::types::MediaFile;

/// What can be asked about files.
#[derive(Default)]
pub struct MediaQuery;

/// What can be done with files.
#[derive(Default)]
pub struct MediaMutation;

/// Which file.
#[derive(InputObject)]
pub struct DeleteMediaInput {
    /// The file's id.
    id: ID,
}

/// What can be asked about files.
#[Object(name = "MediaQueries")]
impl MediaQuery {
    /// Shows what is known of a file that was uploaded with this key.
    async fn media(&self, ctx: &Context<'_>, #[graphql(desc = "The file's id.")] id: ID) -> Option<MediaFile> {
        let outcome = api(ctx).media.find(caller(ctx), &MediaId::named(&id)).await;
        or_null(ctx, outcome)
    }
}

/// What can be done with files. Each mutation takes one `input` and answers with what it deleted.
#[Object(name = "MediaMutations")]
impl MediaMutation {
    /// Deletes a file that was uploaded with this key.
    ///
    /// Messages that are to be sent with it are sent all the same. Its bytes are deleted within hours, once nothing else needs them.
    async fn delete_media(&self, ctx: &Context<'_>, input: DeleteMediaInput) -> Option<MediaFile> {
        let DeleteMediaInput { id } = input;
        let outcome = api(ctx).media.delete(caller(ctx), &MediaId::named(&id)).await;
        or_null(ctx, outcome)
    }
}
