//! After how long messages disappear, where WhatsApp keeps that: of a group, and of chats that begin.

use std::time::Duration;

use whatsapp_rust::{GroupError, IqError, Jid};

use crate::error::{Error, ErrorKind, Result};
use crate::whatsapp::client::{Client, OperationKind};
use crate::whatsapp::operation::query_error;

/// WhatsApp answers within 20 s.
const SET_GROUP_TIMER: OperationKind = OperationKind { name: "set_group_timer", limit: Duration::from_secs(20) };
/// The same.
const SET_DEFAULT_TIMER: OperationKind = OperationKind { name: "set_default_timer", limit: Duration::from_secs(20) };

impl Client {
    /// Sets the timer of a group; 0 s if its messages stay.
    ///
    /// # Errors
    /// `GroupNotFound`, `NotInGroup` or `GroupAdminsOnly`: WhatsApp refused it; `Upstream`, `UpstreamTimeout`: it may have been set.
    pub async fn set_group_timer(&self, group: &str, seconds: u32) -> Result<()> {
        let jid: Jid = group.parse().map_err(Error::internal)?;
        let asked =
            self.run(&SET_GROUP_TIMER, |library| async move { library.groups().set_ephemeral(jid, seconds).await });
        match asked.await? {
            Ok(()) => Ok(()),
            Err(GroupError::Iq(error)) => Err(refused(self, error)),
            Err(error) => Err(Error::new(ErrorKind::Upstream, "the group's timer could not be set").because(error)),
        }
    }

    /// Sets the timer with which chats begin; 0 s if their messages stay.
    ///
    /// # Errors
    /// `Upstream`, `UpstreamTimeout`: it may have been set.
    pub async fn set_default_timer(&self, seconds: u32) -> Result<()> {
        let asked =
            self.run(&SET_DEFAULT_TIMER, |library| async move { library.set_default_disappearing_mode(seconds).await });
        asked.await?.map_err(|error| query_error(self, error, "WhatsApp did not set the timer"))
    }
}

/// What it means that WhatsApp did not change a group.
fn refused(client: &Client, error: IqError) -> Error {
    let known = match &error {
        IqError::ServerError { code: 401, .. } => {
            Some((ErrorKind::GroupAdminsOnly, "only admins may set this group's timer"))
        }
        IqError::ServerError { code: 403, .. } => {
            Some((ErrorKind::NotInGroup, "the account is not in the group, or may not set its timer"))
        }
        IqError::ServerError { code: 404 | 410, .. } => {
            Some((ErrorKind::GroupNotFound, "WhatsApp knows no such group"))
        }
        _ => None,
    };
    match known {
        Some((kind, detail)) => Error::new(kind, detail).because(error),
        None => query_error(client, error, "WhatsApp did not set the group's timer"),
    }
}
