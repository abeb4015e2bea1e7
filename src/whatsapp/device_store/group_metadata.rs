//! What the library wrote down of groups, for who has no store.

use entity::group_metadata::Entity;
use entity::ids::SessionId;
use sea_orm::{ConnectionTrait, EntityTrait};

use super::clean;
use crate::db::fault::failed;
use crate::error::Result;

/// The library's record of a group.
pub(in crate::whatsapp) async fn find(
    db: &impl ConnectionTrait,
    session: &SessionId,
    group: &str,
) -> Result<Option<Vec<u8>>> {
    let found = Entity::find_by_id((session.clone(), clean(group))).one(db).await.map_err(failed)?;
    Ok(found.map(|row| row.data))
}
