//! The two names that everybody has on WhatsApp, a phone number and a LID, as far as the session knows that they are the same person's.

use entity::ids::SessionId;
use sea_orm::ConnectionTrait;

use crate::error::Result;
use crate::whatsapp::device_store::lid_mapping;

/// The other one of the two JIDs of a person. None if it is not known.
///
/// # Errors
/// `Unavailable`.
pub async fn other_name(db: &impl ConnectionTrait, session: &SessionId, jid: &str) -> Result<Option<String>> {
    Ok(match jid.split_once('@') {
        Some((user, "lid")) => {
            lid_mapping::number_of(db, session, user).await?.map(|number| format!("{number}@s.whatsapp.net"))
        }
        Some((user, "s.whatsapp.net")) => lid_mapping::lid_of(db, session, user).await?.map(|lid| format!("{lid}@lid")),
        _ => None,
    })
}
