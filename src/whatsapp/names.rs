//! The two names that everybody has on WhatsApp, a phone number and a LID, as far as the session knows that they are the same person's.

use std::collections::HashMap;

use entity::ids::SessionId;
use sea_orm::ConnectionTrait;

use crate::error::Result;
use crate::whatsapp::device_store::lid_mapping;

/// People who are looked for at once.
const AT_ONCE: usize = 500;

/// The other one of the two JIDs of a person. None if it is not known.
///
/// # Errors
/// `Unavailable`.
pub async fn other_name(db: &impl ConnectionTrait, session: &SessionId, jid: &str) -> Result<Option<String>> {
    lid_mapping::other_name(db, session, jid).await
}

/// The other ones of the two JIDs of these people, as far as they are known.
///
/// # Errors
/// `Unavailable`.
pub async fn other_names(
    db: &impl ConnectionTrait,
    session: &SessionId,
    jids: &[&str],
) -> Result<HashMap<String, String>> {
    let users_at = |server: &str| -> Vec<String> {
        let split = jids.iter().filter_map(|jid| jid.split_once('@'));
        split.filter(|(_, of)| *of == server).map(|(user, _)| user.to_owned()).collect()
    };
    let mut names = HashMap::new();
    for lids in users_at("lid").chunks(AT_ONCE) {
        let pairs = lid_mapping::numbers_of(db, session, lids.to_vec()).await?;
        names.extend(pairs.into_iter().map(|(lid, number)| (format!("{lid}@lid"), format!("{number}@s.whatsapp.net"))));
    }
    for numbers in users_at("s.whatsapp.net").chunks(AT_ONCE) {
        let pairs = lid_mapping::lids_of(db, session, numbers.to_vec()).await?;
        names.extend(pairs.into_iter().map(|(lid, number)| (format!("{number}@s.whatsapp.net"), format!("{lid}@lid"))));
    }
    Ok(names)
}
