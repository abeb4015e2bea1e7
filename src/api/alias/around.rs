//! What all of these have that send something new.

use entity::timestamp::Timestamp;

use crate::error::{Error, Result};
use crate::message::content::MessageContent;
use crate::message::types::NewMessage;

/// Where a message goes, what it answers, and when it goes.
pub(super) struct Around {
    /// To whom.
    pub(super) to: String,
    /// The message that it answers.
    pub(super) reply_to: Option<String>,
    /// When it is to be sent, as RFC 3339 has it.
    pub(super) send_at: Option<String>,
}

impl Around {
    /// The message that says this.
    ///
    /// # Errors
    /// `Invalid`: `send_at` is no moment.
    pub(super) fn message(self, content: MessageContent) -> Result<NewMessage> {
        let Self { to, reply_to, send_at } = self;
        let moment = |text: String| Timestamp::parse_rfc3339(&text).map_err(|rule| Error::invalid("send_at", rule));
        Ok(NewMessage {
            to,
            content,
            reply_to,
            mentions: None,
            mention_all: false,
            status_recipients: None,
            send_at: send_at.map(moment).transpose()?,
            expires_at: None,
            client_reference: None,
        })
    }
}
