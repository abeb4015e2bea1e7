//! Makes the message that is to be sent of what a client asks for: looks up where it goes, what it answers and whom it mentions, and
//! makes its protobuf.

use std::sync::Arc;
use std::time::Duration;

use entity::ids::SessionId;
use entity::words::message::MessageType;
use futures::FutureExt as _;
use futures::future::try_join_all;

use crate::caller::Caller;
use crate::error::{Error, ErrorKind, Result};
use crate::event::index::StoredMessage;
use crate::event::index_store;
use crate::message::Messages;
use crate::message::lookup::lookups::Found;
use crate::message::lookup::naming::without_device;
use crate::message::lookup::person::Person;
use crate::message::lookup::recipient::{Recipient, STATUS};
use crate::message::request::accepting::{Draft, own};
use crate::message::request::album::DraftItem;
use crate::message::request::checked::{Checked, CheckedContent, Forwarded};
use crate::message::request::group_mentions::{Mentioned, mentioned_in_group, spelled};
use crate::message::request::grouping::GroupKnown;
use crate::message::request::mentions::{Chat, mentioned};
use crate::message::store::upload_store::AwaitedUpload;
use crate::message::store::uploaded::UploadedFile;
use crate::session::client::Account;
use crate::whatsapp::compose::{self, Context, Quote, Text};
use crate::whatsapp::names;
use crate::whatsapp::operation::group::GroupFacts;

/// Longest wait for WhatsApp to say whether a number is on WhatsApp, before a message is taken in all the same.
const LOOKUP_LIMIT: Duration = Duration::from_secs(5);

/// Where a message goes, and what of it follows from that.
struct Destination {
    /// JID to which it goes.
    recipient: String,
    /// Whether it is known that there is such a recipient, and that the account may write there.
    is_checked: bool,
    /// The names of the chat.
    names: Vec<String>,
    /// JIDs of those who are to see it, if it is a status.
    audience: Vec<String>,
    mentioned: Mentioned,
    /// After how many seconds it disappears. None if it stays.
    expiration: Option<u32>,
    /// What is known of the group, if it is one.
    group: Option<Arc<GroupFacts>>,
}

/// What a message says, as WhatsApp gets it.
struct Composed {
    message_type: MessageType,
    content: Vec<u8>,
    /// Its file, if that is to be uploaded.
    upload: Option<AwaitedUpload>,
    /// Its file, if that is on WhatsApp's media servers already.
    file: Option<UploadedFile>,
    /// What belongs to it, if it is an album.
    items: Vec<DraftItem>,
}

impl Messages {
    /// A message, as it is to be sent.
    ///
    /// # Errors
    /// `InvalidRecipient`, `RecipientNotOnWhatsapp`, `GroupNotFound`, `NotInGroup`, `GroupAdminsOnly`, `MessageNotFound`, `Invalid`,
    /// `Unavailable`; those of its file.
    pub(in crate::message) async fn draft(
        &self,
        caller: &Caller,
        session: &SessionId,
        account: &Account,
        checked: Checked,
    ) -> Result<Draft> {
        let Checked {
            to, mut content, reply_to, mentions, mention_all, status_recipients, send_at, expires_at, ..
        } = checked;
        let destination = match &to {
            Recipient::Person(to) => self.with_person(session, account, to, mentions).await?,
            Recipient::Group(group) => self.in_group(session, account, group, &mentions).await?,
            Recipient::Status => self.as_status(session, account, status_recipients).await?,
        };
        let Destination { recipient, is_checked, names, audience, mentioned, expiration, group } = destination;
        let quote = match reply_to {
            Some(id) => Some(self.quoted(session, &id, &names, group.as_deref()).await?),
            None => None,
        };
        if !mentioned.spellings.is_empty() {
            for words in content.words_mut() {
                *words = spelled(words, &mentioned.spellings);
            }
        }
        let quoted_id = quote.as_ref().map(|quote| quote.message_id.clone());
        let (mentions, secret) = (mentioned.jids, rand::random());
        let context = Context { quote, mentions, mentions_all: mention_all, expiration, secret };
        let Composed { message_type, content, upload, file, items } = self.content(caller, content, &context).await?;
        let effect = None;
        Ok(Draft {
            recipient,
            is_checked,
            names,
            audience,
            message_type,
            quoted_id,
            content,
            upload,
            file,
            items,
            effect,
            send_at,
            expires_at,
        })
    }

    /// A message to a person.
    async fn with_person(
        &self,
        session: &SessionId,
        account: &Account,
        to: &Person,
        mentions: Vec<Person>,
    ) -> Result<Destination> {
        let own = own(account)?;
        if to.is(own) {
            return Err(Error::about(
                ErrorKind::InvalidRecipient,
                "to",
                "must be somebody else than the account itself",
            ));
        }
        let found = self.recipient(session, account, to).await?;
        let recipient = found.clone().unwrap_or_else(|| to.jid());
        let names = self.outboxes.shared.recipients.names(session, &recipient).await?;
        let jids = mentioned(mentions, &Chat { own, to, names: &names })?;
        let expiration = self.timer(session, &names).await?;
        let (is_checked, mentioned) = (found.is_some(), Mentioned { jids, ..Mentioned::default() });
        let (audience, group) = (Vec::new(), None);
        Ok(Destination { recipient, is_checked, names, audience, mentioned, expiration, group })
    }

    /// A message to a group.
    async fn in_group(
        &self,
        session: &SessionId,
        account: &Account,
        group: &str,
        mentions: &[Person],
    ) -> Result<Destination> {
        let GroupKnown { facts, is_asked } = self.group(session, account, group, false).await?;
        let jids: Vec<_> = mentions.iter().map(Person::jid).collect();
        let jids: Vec<_> = jids.iter().map(String::as_str).collect();
        let others = names::other_names(self.db.read(), session, &jids).await?;
        let mentioned = mentioned_in_group(mentions, facts.as_deref(), &others)?;
        let names = vec![group.to_owned()];
        let expiration = match facts.as_ref().and_then(|facts| facts.expiration) {
            Some(seconds) => Some(seconds).filter(|seconds| *seconds > 0),
            None => self.timer(session, &names).await?,
        };
        let (recipient, audience) = (group.to_owned(), Vec::new());
        Ok(Destination { recipient, is_checked: is_asked, names, audience, mentioned, expiration, group: facts })
    }

    /// A status, which those see whom the client lists.
    async fn as_status(&self, session: &SessionId, account: &Account, people: Vec<Person>) -> Result<Destination> {
        const FIELD: &str = "status_recipients";
        let own = own(account)?;
        if people.iter().any(|person| person.is(own)) {
            let rule = "must only have others: the account sees its own status anyway";
            return Err(Error::about(ErrorKind::InvalidRecipient, FIELD, rule));
        }
        // What is not known is asked in few questions.
        let found = people.iter().map(async |person| {
            let found = self.recipient(session, account, person).await;
            found
                .map(|found| found.unwrap_or_else(|| person.jid()))
                .map_err(|error| error.renamed(|_| FIELD.to_owned()))
        });
        let audience = try_join_all(found).await?;
        let (recipient, names) = (STATUS.to_owned(), vec![STATUS.to_owned()]);
        let (mentioned, expiration, group) = (Mentioned::default(), None, None);
        Ok(Destination { recipient, is_checked: true, names, audience, mentioned, expiration, group })
    }

    /// What a message is, its protobuf, and its file, if it has one.
    async fn content(&self, caller: &Caller, content: CheckedContent, context: &Context) -> Result<Composed> {
        let (message_type, content) = match content {
            CheckedContent::Text { text, preview } => {
                let preview = self.previews.make(preview).await;
                (MessageType::Text, compose::text(&Text { text, preview }, context))
            }
            CheckedContent::Media(media) => {
                let (message_type, content, upload) = self.attached(caller, *media, context).boxed().await?;
                return Ok(Composed { message_type, content, upload: Some(upload), file: None, items: Vec::new() });
            }
            CheckedContent::Album(items) => {
                let content = compose::album(items.iter().map(|item| item.shown_as), context);
                let items = self.album_items(caller, items, context).boxed().await?;
                return Ok(Composed { message_type: MessageType::Album, content, upload: None, file: None, items });
            }
            CheckedContent::Location(place) => (MessageType::Location, compose::location(&place, context)),
            CheckedContent::Contacts(contacts) => (MessageType::Contacts, compose::contacts(&contacts, context)),
            CheckedContent::Poll(poll) => (MessageType::Poll, compose::poll(&poll, context)),
            CheckedContent::Event(event) => (MessageType::Appointment, compose::event(&event, context)),
            CheckedContent::Forward(forwarded) => {
                let Forwarded { message_type, content, upload, file } = *forwarded;
                let content = compose::forward(&content, context);
                return Ok(Composed { message_type, content, upload, file, items: Vec::new() });
            }
        };
        Ok(Composed { message_type, content, upload: None, file: None, items: Vec::new() })
    }

    /// Where somebody is reached. None if that is to be looked up later.
    pub(in crate::message) async fn recipient(
        &self,
        session: &SessionId,
        account: &Account,
        to: &Person,
    ) -> Result<Option<String>> {
        let jid = to.jid();
        let found = match self.outboxes.shared.recipients.known(session, &jid).await? {
            Some(found) => Some(found),
            None => {
                let client = account.client.borrow().clone();
                let Some(client) = client else { return Ok(None) };
                let asked =
                    tokio::time::timeout(LOOKUP_LIMIT, self.outboxes.shared.recipients.find(session, &client, &jid));
                // A question without an answer is asked again before the message is sent.
                asked.await.ok().and_then(Result::ok)
            }
        };
        match found {
            Some(Found::At(jid)) => Ok(Some(jid)),
            Some(Found::Nobody) => {
                Err(Error::about(ErrorKind::RecipientNotOnWhatsapp, "to", "must be a number that is on WhatsApp"))
            }
            None => Ok(None),
        }
    }

    /// A message that is answered, which must be in the chat with one of these names. In a group, who sent it is named as the group
    /// knows them: phones show nothing of it otherwise.
    async fn quoted(
        &self,
        session: &SessionId,
        message_id: &str,
        names: &[String],
        group: Option<&GroupFacts>,
    ) -> Result<Quote> {
        let found = index_store::with_id(self.db.read(), session, message_id).await?;
        let in_chat = |stored: &StoredMessage| names.contains(&stored.message.key.chat);
        let stored = found.into_iter().find(in_chat).ok_or_else(|| {
            Error::about(ErrorKind::MessageNotFound, "reply_to", "must be the id of a message in the same chat")
        })?;
        let changes = self.changes(session, &[message_id.to_owned()]).await?;
        if changes.is_removed(&stored) {
            return Err(Error::invalid("reply_to", "must not be a message that was removed for everybody"));
        }
        let content = changes.current(&stored);
        let key = stored.message.key;
        let sender = self.member_jid(session, &without_device(&key.sender), group).await?;
        Ok(Quote { message_id: key.message_id, sender, content })
    }
}
