//! Stars messages: a mark that all devices of the account show, and nobody else sees. It is no message, and does not wait.

use entity::ids::SessionId;
use entity::words::access::Scope;

use crate::caller::Caller;
use crate::error::Result;
use crate::message::Messages;
use crate::message::action::action_types::StarredMessage;
use crate::message::action::target::Which;
use crate::message::request::accepting::own;
use crate::message::types::MessagePlace;

impl Messages {
    /// Stars a message, or takes the star away.
    ///
    /// # Errors
    /// `SessionNotFound`, `SessionNotConnected`, `MessageNotFound`, `Invalid`, `InvalidRecipient`, `Upstream`, `UpstreamTimeout`,
    /// `Unavailable`.
    #[tracing::instrument(level = "debug", name = "star_message", skip_all, fields(session.id = %session))]
    pub async fn star(
        &self,
        caller: &Caller,
        session: &SessionId,
        message_id: &str,
        MessagePlace { chat, sender }: MessagePlace,
        is_starred: bool,
    ) -> Result<StarredMessage> {
        let account = self.sessions.account(caller, Scope::ChatsWrite, session)?;
        let which = Which { message_id, chat: chat.as_deref(), sender: sender.as_deref() };
        let found = self.target(session, own(&account)?, which).await?;
        account.online()?.star(&found.target, is_starred).await?;
        Ok(StarredMessage { message_id: found.target.message_id, chat: found.target.chat, is_starred })
    }
}
