//! Stars on messages: a part of the state that the account's devices share.

use std::time::Duration;

use futures::FutureExt as _;
use whatsapp_rust::{AppStateError, Jid};

use crate::error::{Error, ErrorKind, Result};
use crate::whatsapp::client::{Client, OperationKind};
use crate::whatsapp::compose::Target;

/// WhatsApp takes the change within 25 s: when another device was first, the library makes it once more.
const STAR: OperationKind = OperationKind { name: "star_message", limit: Duration::from_secs(25) };

impl Client {
    /// Stars a message, or takes the star away.
    ///
    /// # Errors
    /// `Upstream`, `UpstreamTimeout`: it may be changed.
    pub async fn star(&self, target: &Target, is_starred: bool) -> Result<()> {
        let chat: Jid = target.chat.parse().map_err(Error::internal)?;
        let participant = target.participant.as_deref().map(str::parse::<Jid>).transpose().map_err(Error::internal)?;
        let (id, is_from_me) = (target.message_id.as_str(), target.is_from_me);
        let asked = self.run(&STAR, |library| async move {
            let actions = library.chat_actions();
            // Boxed: the compiler does not follow what is in it through all that is around it.
            match is_starred {
                true => actions.star_message(&chat, participant.as_ref(), id, is_from_me).boxed().await,
                false => actions.unstar_message(&chat, participant.as_ref(), id, is_from_me).boxed().await,
            }
        });
        asked.await?.map_err(not_changed)
    }
}

fn not_changed(error: AppStateError) -> Error {
    let detail =
        "WhatsApp did not take the change; right after linking, the phone has not handed over the keys to it yet";
    Error::new(ErrorKind::Upstream, detail).because(error)
}
