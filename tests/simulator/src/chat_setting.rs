//! What a phone's owner decides about chats and contacts. The companions learn it by app-state sync.

use anyhow::{Context, Result};
use waproto::buffa::MessageField;
use waproto::whatsapp::SyncActionValue;
use waproto::whatsapp::sync_action_value::{
    ArchiveChatAction, ContactAction, MarkChatAsReadAction, MuteAction, PinAction,
};

use crate::group_chat::is_group;
use crate::phone::Phone;
use crate::stanza;

/// A decision about one chat or contact.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Pin,
    Mute,
    Archive,
    MarkAsRead,
    Contact,
}

impl Kind {
    /// The collection that it is kept in, its name there, and the version of its format.
    fn place(self) -> (&'static str, &'static str, i32) {
        match self {
            Self::Pin => ("regular_low", "pin_v1", 5),
            Self::Mute => ("regular_high", "mute", 2),
            Self::Archive => ("regular_low", "archive", 3),
            Self::MarkAsRead => ("regular_low", "markChatAsRead", 3),
            Self::Contact => ("critical_unblock_low", "contact", 2),
        }
    }
}

impl Phone {
    /// Pins a chat to the top, or unpins it.
    ///
    /// # Errors
    /// There is no such phone or group.
    pub fn pin_chat(&self, chat: &str, is_pinned: bool) -> Result<()> {
        let action = PinAction { pinned: Some(is_pinned) };
        self.decide(chat, Kind::Pin, SyncActionValue { pin_action: MessageField::some(action), ..Default::default() })
    }

    /// Mutes a chat until a moment (Unix seconds) or for good, or unmutes it.
    ///
    /// # Errors
    /// There is no such phone or group.
    pub fn mute_chat(&self, chat: &str, is_muted: bool, until: Option<u64>) -> Result<()> {
        // -1 is for good, 0 not at all.
        let end = match (is_muted, until) {
            (true, Some(until)) => until as i64 * 1000,
            (true, None) => -1,
            (false, _) => 0,
        };
        let action = MuteAction { muted: Some(is_muted), mute_end_timestamp: Some(end), ..Default::default() };
        self.decide(chat, Kind::Mute, SyncActionValue { mute_action: MessageField::some(action), ..Default::default() })
    }

    /// Archives a chat, or brings it back.
    ///
    /// # Errors
    /// There is no such phone or group.
    pub fn archive_chat(&self, chat: &str, is_archived: bool) -> Result<()> {
        let action = ArchiveChatAction { archived: Some(is_archived), ..Default::default() };
        let value = SyncActionValue { archive_chat_action: MessageField::some(action), ..Default::default() };
        self.decide(chat, Kind::Archive, value)
    }

    /// Marks a chat as read or unread in the list of chats.
    ///
    /// # Errors
    /// There is no such phone or group.
    pub fn mark_chat(&self, chat: &str, is_read: bool) -> Result<()> {
        let action = MarkChatAsReadAction { read: Some(is_read), ..Default::default() };
        let value = SyncActionValue { mark_chat_as_read_action: MessageField::some(action), ..Default::default() };
        self.decide(chat, Kind::MarkAsRead, value)
    }

    /// Writes a name into the address book.
    ///
    /// # Errors
    /// There is no such phone.
    pub fn save_contact(&self, phone_number: &str, full_name: &str) -> Result<()> {
        let action = ContactAction {
            full_name: Some(full_name.to_owned()),
            first_name: full_name.split(' ').next().map(str::to_owned),
            save_on_primary_addressbook: Some(true),
            ..Default::default()
        };
        let value = SyncActionValue { contact_action: MessageField::some(action), ..Default::default() };
        self.decide(phone_number, Kind::Contact, value)?;
        self.meet(phone_number)
    }

    fn decide(&self, chat: &str, kind: Kind, value: SyncActionValue) -> Result<()> {
        let mut state = self.world.state.lock();
        let jid = if is_group(chat) { chat.parse()? } else { stanza::phone_jid(chat) };
        let is_known = state.account_of(&jid).is_some() || state.group_of(&jid).is_some();
        anyhow::ensure!(is_known, "there is no chat {chat}");
        let jid = state.chat_jid(&self.phone_number, jid);
        let (collection, name, format) = kind.place();
        let account = state.accounts.get_mut(&self.phone_number).context("there is no such phone")?;
        account.app_state.set(collection, &[name, &jid.to_string()], format, value);
        state.tell_changes(&self.phone_number, &[collection.to_owned()], None, &self.world);
        Ok(())
    }
}
