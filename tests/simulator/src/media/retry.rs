//! Files that the hosts have lost: a companion asks its phone, which still has them, to store them once more, and learns
//! the new path.

use std::collections::VecDeque;
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, Node, Server};
use waproto::buffa::Message as _;
use waproto::whatsapp as wa;
use waproto::whatsapp::media_retry_notification::ResultType;

use crate::account::Account;
use crate::delivery::Class;
use crate::link::DeviceKey;
use crate::media::cipher;
use crate::media::file::FileReference;
use crate::phone::Phone;
use crate::stanza;
use crate::world::{State, World, now};

/// What a phone answers when it is asked to store a file once more.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReuploadAnswer {
    /// It stores it and says where, if it has it.
    #[default]
    Store,
    /// It does not have it any more.
    NotFound,
    /// Something went wrong.
    GeneralError,
    /// It could not read the request.
    DecryptionError,
    /// The server answers for it that the file is not to be had: an error that is not encrypted.
    ServerError,
    /// It says where the file is, but not under the key of the message.
    Garbage,
    /// It says nothing.
    Silent,
}

/// How often a phone was asked to store a file once more, and what it answers.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Reuploads {
    /// What it answers next.
    pub answer: ReuploadAnswer,
    /// How often it was asked.
    pub asked: usize,
    /// How often it stored a file.
    pub stored: usize,
}

/// The files that an account has sent, for as long as its inbox remembers messages.
#[derive(Default)]
pub(crate) struct SentFiles {
    files: VecDeque<(String, Arc<FileReference>)>,
}

impl SentFiles {
    pub(crate) fn note(&mut self, message_id: &str, message: &wa::Message, limit: usize) {
        let Some(file) = crate::media::references(message) else { return };
        self.files.push_back((message_id.to_owned(), Arc::new(file)));
        if self.files.len() > limit {
            self.files.pop_front();
        }
    }

    pub(crate) fn find(&self, message_id: &str) -> Option<Arc<FileReference>> {
        let found = self.files.iter().rev().find(|(id, _)| id == message_id);
        found.map(|(_, file)| Arc::clone(file))
    }
}

/// Whether a receipt asks for a file that has expired. One about a history is something else.
pub(crate) fn is_request(receipt: &Node) -> bool {
    Request::read(receipt).is_some()
}

/// A companion asks for a file that has expired.
pub(crate) fn answer(world: &World, from: &DeviceKey, receipt: &Node) {
    let Some(request) = Request::read(receipt) else { return };
    let mut state = world.state.lock();
    let Some(account) = state.accounts.get_mut(&from.phone_number) else { return };
    account.reuploads.asked += 1;
    if !account.is_off {
        return state.store_once_more(world, from, &request);
    }
    account.waiting_requests.push_back((from.clone(), receipt.clone()));
    if account.waiting_requests.len() > world.settings.inbox_limit {
        account.waiting_requests.pop_front();
    }
}

struct Request<'a> {
    id: String,
    /// The message that it is about.
    about: &'a Node,
    receipt: &'a Node,
}

impl<'a> Request<'a> {
    fn read(receipt: &'a Node) -> Option<Self> {
        let (id, about) = (stanza::attr(receipt, "id")?, receipt.get_optional_child("rmr")?);
        Some(Self { id, about, receipt })
    }
}

impl State {
    fn store_once_more(&mut self, world: &World, from: &DeviceKey, request: &Request<'_>) {
        let file = match self.file_asked_for(&from.phone_number, request) {
            Ok(file) => file,
            Err(error) => {
                self.stats.add_violation(format!("request for the file of {}: {error:#}", &request.id));
                return self.tell(world, from, request, refusal(3));
            }
        };
        let Some(account) = self.accounts.get_mut(&from.phone_number) else { return };
        let answer = account.reuploads.answer;
        let stored = match answer {
            ReuploadAnswer::Store | ReuploadAnswer::Garbage => file.as_ref().and_then(|file| store(world, file)),
            _ => None,
        };
        account.reuploads.stored += usize::from(stored.is_some());
        let result = match (answer, &stored) {
            (ReuploadAnswer::Silent, _) => return,
            (ReuploadAnswer::ServerError, _) => return self.tell(world, from, request, refusal(2)),
            (ReuploadAnswer::Store | ReuploadAnswer::Garbage, Some(_)) => ResultType::SUCCESS,
            (ReuploadAnswer::Store | ReuploadAnswer::Garbage | ReuploadAnswer::NotFound, _) => ResultType::NOT_FOUND,
            (ReuploadAnswer::GeneralError, _) => ResultType::GENERAL_ERROR,
            (ReuploadAnswer::DecryptionError, _) => ResultType::DECRYPTION_ERROR,
        };
        // Without the message there is no key to answer with.
        let Some(file) = file else { return self.tell(world, from, request, refusal(2)) };
        let said = wa::MediaRetryNotification {
            stanza_id: Some(request.id.clone()),
            direct_path: stored,
            result: Some(result),
            ..Default::default()
        };
        let key = if answer == ReuploadAnswer::Garbage { vec![0; 32] } else { file.media_key.clone() };
        match encrypted(&said, &key, &request.id) {
            Ok(node) => self.tell(world, from, request, node),
            Err(error) => self.stats.add_violation(format!("{error:#}")),
        }
    }

    /// The file of the message that the request is about. `None` when the phone has no such message.
    fn file_asked_for(&self, phone_number: &str, request: &Request<'_>) -> Result<Option<Arc<FileReference>>> {
        let account = self.accounts.get(phone_number).context("there is no such phone")?;
        let to = stanza::jid(request.receipt, "to").context("it is for nobody")?;
        let is_own = self.device_key(&to).is_some_and(|key| key.phone_number == account.phone_number);
        ensure!(is_own, "it is for somebody else than the own phone");
        let chat = stanza::jid(request.about, "jid").context("it names no chat")?;
        let is_from_me = match stanza::attr(request.about, "from_me").as_deref() {
            Some("true") => true,
            Some("false") | None => false,
            Some(other) => bail!("from_me is {other:?}"),
        };
        let participant = stanza::jid(request.about, "participant");
        ensure!(chat.server != Server::Group || is_from_me || participant.is_some(), "it names no participant");
        let file = match is_from_me {
            true => account.sent_files.find(&request.id),
            false => self.received_file(account, &request.id, &chat, participant.as_ref())?,
        };
        let Some(file) = file else { return Ok(None) };
        let encrypt = request.receipt.get_optional_child("encrypt").context("nothing is encrypted")?;
        let sealed = stanza::child_bytes(encrypt, "enc_p").context("there is no enc_p")?;
        let iv = stanza::child_bytes(encrypt, "enc_iv").context("there is no enc_iv")?;
        let opened = cipher::open_retry(&sealed, &file.media_key, &request.id, &iv)?;
        let named = wa::ServerErrorReceipt::decode_from_slice(&opened).context("what is encrypted is no receipt")?;
        ensure!(named.stanza_id.as_deref() == Some(&request.id), "what is encrypted names another message");
        Ok(Some(file))
    }

    fn received_file(
        &self,
        account: &Account,
        id: &str,
        chat: &Jid,
        participant: Option<&Jid>,
    ) -> Result<Option<Arc<FileReference>>> {
        let Some(message) = account.inbox.iter().find(|message| message.id == id) else { return Ok(None) };
        let author = |jid: &Jid| self.device_key(jid).is_some_and(|key| *key.phone_number == *message.from);
        let is_right = match &message.group {
            Some(group) => *group == chat.to_string() && participant.is_some_and(author),
            None => author(chat),
        };
        ensure!(is_right, "the message is in another chat, or of somebody else");
        Ok(message.file.clone())
    }

    /// Remembers the file of a message that an account has sent.
    pub(crate) fn note_file(&mut self, phone_number: &str, message_id: &str, message: &wa::Message, world: &World) {
        if let Some(account) = self.accounts.get_mut(phone_number) {
            account.sent_files.note(message_id, message, world.settings.inbox_limit);
        }
    }

    fn tell(&mut self, world: &World, from: &DeviceKey, request: &Request<'_>, content: Node) {
        let notification = NodeBuilder::new("notification")
            .attr("from", stanza::phone_jid(&from.phone_number))
            .attr("type", "mediaretry")
            .attr("id", &request.id)
            .attr("t", now())
            .children([content, request.about.clone()])
            .build();
        self.notify(std::slice::from_ref(from), Class::Notification, &notification, world);
    }
}

/// The phone stores what it has under a new path. `None` when it does not have it.
fn store(world: &World, file: &FileReference) -> Option<String> {
    let mut media = world.media.state.lock();
    let stored = media.store.find(file.declared.direct_path.as_deref()?).cloned()?;
    Some(media.store.put_anew(stored.key, stored.bytes))
}

fn refusal(code: u16) -> Node {
    NodeBuilder::new("error").attr("code", code).build()
}

fn encrypted(said: &wa::MediaRetryNotification, media_key: &[u8], id: &str) -> Result<Node> {
    let iv = rand::random::<[u8; 12]>();
    let sealed = cipher::seal_retry(&said.encode_to_vec(), media_key, id, &iv)?;
    let parts = [stanza::leaf("enc_p", sealed), stanza::leaf("enc_iv", iv)];
    Ok(NodeBuilder::new("encrypt").children(parts).build())
}

impl Phone {
    /// What this phone answers from now on when a companion asks it to store a file once more.
    pub fn answer_reuploads(&self, answer: ReuploadAnswer) {
        if let Some(account) = self.world.state.lock().accounts.get_mut(&self.phone_number) {
            account.reuploads.answer = answer;
        }
    }

    /// How often it was asked, and what it answers.
    pub fn reuploads(&self) -> Reuploads {
        let state = self.world.state.lock();
        state.accounts.get(&self.phone_number).map(|account| account.reuploads).unwrap_or_default()
    }

    /// What companions asked for while the phone was off.
    pub(crate) fn answer_waiting_requests(&self) {
        let mut state = self.world.state.lock();
        let Some(account) = state.accounts.get_mut(&self.phone_number) else { return };
        for (from, receipt) in std::mem::take(&mut account.waiting_requests) {
            if let Some(request) = Request::read(&receipt) {
                state.store_once_more(&self.world, &from, &request);
            }
        }
    }
}
