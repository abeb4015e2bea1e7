//! Who is in a group, as the library last wrote it down. Nobody need be asked, so this also tells while the session is offline; what a
//! group allows is not among it.

use entity::ids::SessionId;
use sea_orm::ConnectionTrait;
use wacore::client::context::GroupInfo;
use wacore::types::message::AddressingMode;
use whatsapp_rust::Jid;

use crate::error::Result;
use crate::whatsapp::device_store::group_metadata;
use crate::whatsapp::operation::group::{GroupFacts, GroupMember};

/// What is written down of a group. None if nothing is.
///
/// # Errors
/// `Unavailable`.
pub async fn written(db: &impl ConnectionTrait, session: &SessionId, group: &str) -> Result<Option<GroupFacts>> {
    let record = group_metadata::find(db, session, group).await?;
    // A record of another version of the library is as good as none.
    Ok(record.and_then(|record| serde_json::from_slice::<GroupInfo>(&record).ok()).map(|info| facts(&info)))
}

fn facts(info: &GroupInfo) -> GroupFacts {
    let member = |jid: &Jid| {
        let other = info.phone_jid_for_lid_user(&jid.user).filter(|_| jid.is_lid());
        let (jid, other) = (jid.to_non_ad_string(), other.map(Jid::to_non_ad_string));
        GroupMember { jid, other, is_admin: false }
    };
    GroupFacts {
        is_lid_addressed: info.addressing_mode == AddressingMode::Lid,
        is_announcement: false,
        expiration: None,
        members: info.participants.iter().map(member).collect(),
    }
}
