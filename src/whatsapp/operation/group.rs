//! Groups: who is in them and what they allow, asked before something is sent there.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};
use std::time::Duration;

use tracing::debug;
use wacore::client::context::GroupInfo;
use wacore::types::message::AddressingMode;
use whatsapp_rust::wacore_binary::JidExt as _;
use whatsapp_rust::{GroupError, GroupMetadata, IqError, Jid};

use crate::error::{Error, ErrorKind, Result, chain};
use crate::whatsapp::client::{Client, OperationKind};
use crate::whatsapp::operation::query_error;

/// WhatsApp is given 20 s to say what it knows of a group.
const ASK: OperationKind = OperationKind { name: "query_group", limit: Duration::from_secs(20) };
/// As long as a message is given to be made: the keys of a thousand members may have to be fetched.
const PREPARE: OperationKind = OperationKind { name: "prepare_group", limit: Duration::from_secs(75) };
/// What is said when WhatsApp did not answer about a group.
const UNANSWERED: &str = "WhatsApp did not say who is in the group";

/// What is known of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupFacts {
    /// Whether its members know each other by LIDs. Old groups use phone numbers.
    pub is_lid_addressed: bool,
    /// Whether only admins may write in it. False also while that is not known.
    pub is_announcement: bool,
    /// After how many seconds its messages disappear; 0 is never. None if that is not known.
    pub expiration: Option<u32>,
    /// Who is in it, with the account itself.
    pub members: Vec<GroupMember>,
}

/// Somebody in a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupMember {
    /// Their JID, as the group knows them.
    pub jid: String,
    /// Their other JID, if it is known.
    pub other: Option<String>,
    /// Whether they are an admin. False also while that is not known.
    pub is_admin: bool,
}

/// A group to which a message can be given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreparedGroup {
    /// JIDs of its members, as the group knows them, with the account itself.
    pub members: Vec<String>,
    /// A hash of their devices, for all of which there are keys. None if they could not be fetched.
    pub devices: Option<u64>,
}

impl GroupFacts {
    /// The member with one of these names.
    pub fn member(&self, names: &[&str]) -> Option<&GroupMember> {
        let is_it = |name: &str| names.contains(&name);
        self.members.iter().find(|member| is_it(&member.jid) || member.other.as_deref().is_some_and(is_it))
    }
}

impl Client {
    /// Asks WhatsApp about a group.
    ///
    /// # Errors
    /// `GroupNotFound`, `NotInGroup`; `Upstream`, with a time to wait if WhatsApp was asked too often; `UpstreamTimeout`.
    pub async fn group(&self, group: &str) -> Result<GroupFacts> {
        let jid = jid(group)?;
        let asked = self.run(&ASK, |library| async move { library.groups().get_metadata(&jid).await });
        let metadata = asked.await?.map_err(|error| group_error(self, error))?;
        Ok(facts(metadata))
    }

    /// Sees to it that there are keys for all devices of a group, unless they are those with this hash, for which there were. The
    /// library would take a device for which it has none for one that can open what is sent there from then on (wrs#1328). Asks WhatsApp
    /// who is in the group if the library does not know.
    ///
    /// # Errors
    /// As [`group`](Self::group).
    pub async fn prepare_group(&self, group: &str, known: Option<u64>) -> Result<PreparedGroup> {
        let jid = jid(group)?;
        let prepared = self.run(&PREPARE, |library| async move {
            let info = library.groups().query_info(&jid).await?;
            let own = [library.pn(), library.lid()];
            let is_own = |jid: &Jid| own.iter().flatten().any(|own| own.is_same_user_as(jid));
            let others: Vec<_> = info.participants.iter().filter(|jid| !is_own(jid)).cloned().collect();
            let devices = match devices(&library, &info, &others).await {
                Ok((hash, _)) if known == Some(hash) => Some(hash),
                Ok((hash, devices)) => match library.signal().assert_sessions(&devices).await {
                    Ok(()) => Some(hash),
                    Err(error) => {
                        debug!(error = chain(&error), "keys of a group's members could not be fetched");
                        None
                    }
                },
                // Whom it concerns asks for the message once more.
                Err(error) => {
                    debug!(error = chain(&error), "the devices of a group's members could not be looked up");
                    None
                }
            };
            let members = info.participants.iter().map(Jid::to_non_ad_string).collect();
            Ok::<_, GroupError>(PreparedGroup { members, devices })
        });
        prepared.await?.map_err(|error| group_error(self, error))
    }
}

/// The devices of these members of a group, as the group calls them, and a hash of them.
async fn devices(
    library: &whatsapp_rust::Client,
    info: &GroupInfo,
    members: &[Jid],
) -> std::result::Result<(u64, Vec<Jid>), whatsapp_rust::SignalError> {
    // As the library does: it is not always told of the devices of a LID.
    let by_number = |jid: &Jid| info.phone_jid_for_lid_user(&jid.user).filter(|_| jid.is_lid()).cloned();
    let members: Vec<_> = members.iter().map(|jid| by_number(jid).unwrap_or_else(|| jid.clone())).collect();
    let devices = library.signal().get_user_devices(&members).await?;
    let mut devices: Vec<_> = devices.into_iter().map(|jid| info.phone_device_jid_into_lid(jid)).collect();
    devices.sort_by_cached_key(ToString::to_string);
    let mut hash = DefaultHasher::new();
    for device in &devices {
        device.to_string().hash(&mut hash);
    }
    Ok((hash.finish(), devices))
}

fn facts(metadata: GroupMetadata) -> GroupFacts {
    let GroupMetadata { participants, addressing_mode, is_announcement, ephemeral, .. } = metadata;
    let members = participants.into_iter().map(|participant| {
        let is_admin = participant.is_admin();
        let other = if participant.jid.is_lid() { participant.phone_number } else { participant.lid };
        let (jid, other) = (participant.jid.to_non_ad_string(), other.map(|jid| jid.to_non_ad_string()));
        GroupMember { jid, other, is_admin }
    });
    let expiration = ephemeral.and_then(|ephemeral| ephemeral.expiration).unwrap_or(0);
    GroupFacts {
        is_lid_addressed: addressing_mode == AddressingMode::Lid,
        is_announcement,
        expiration: Some(expiration),
        members: members.collect(),
    }
}

fn jid(group: &str) -> Result<Jid> {
    group.parse().map_err(|_| Error::new(ErrorKind::GroupNotFound, "WhatsApp knows no such group"))
}

/// Why WhatsApp did not say what was asked about a group. That it was asked too often says nothing about the group (green-api#795).
fn group_error(client: &Client, error: GroupError) -> Error {
    let (kind, detail) = match &error {
        GroupError::Iq(IqError::ServerError { code: 404, .. }) => {
            (ErrorKind::GroupNotFound, "WhatsApp knows no such group")
        }
        GroupError::Iq(IqError::ServerError { code: 403, .. }) => {
            (ErrorKind::NotInGroup, "the account is not in the group")
        }
        _ => (ErrorKind::Upstream, UNANSWERED),
    };
    match error {
        GroupError::Iq(error) if kind == ErrorKind::Upstream => query_error(client, error, UNANSWERED),
        error => Error::new(kind, detail).because(error),
    }
}
