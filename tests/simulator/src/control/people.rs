//! The control API for what a phone's owner does besides writing: reading, typing, calling, deciding, changing.

use poem::http::StatusCode;
use poem::web::{Data, Path};
use poem::{Body, Response, handler};
use serde::Deserialize;
use serde_json::json;

use super::{answer, find, read, respond};
use crate::history::History;
use crate::simulator::Simulator;

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum ReceiptKind {
    Read,
    ReadUnseen,
    Played,
    Delivered,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewReceipts {
    kind: ReceiptKind,
    message_ids: Vec<String>,
}

#[handler]
pub(super) async fn send_receipts(sim: Data<&Simulator>, Path(n): Path<String>, body: Body) -> Response {
    let send = async {
        let phone = find(&sim, &n)?;
        let NewReceipts { kind, message_ids } = read(body).await?;
        match kind {
            ReceiptKind::Read => phone.read(&message_ids)?,
            ReceiptKind::ReadUnseen => phone.read_unseen(&message_ids)?,
            ReceiptKind::Played => phone.play(&message_ids)?,
            ReceiptKind::Delivered => phone.deliver(&message_ids)?,
        }
        answer(StatusCode::OK, json!({}))
    };
    respond(send.await)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PresenceChange {
    online: bool,
}

#[handler]
pub(super) async fn change_presence(sim: Data<&Simulator>, Path(n): Path<String>, body: Body) -> Response {
    let change = async {
        let phone = find(&sim, &n)?;
        let PresenceChange { online } = read(body).await?;
        if online {
            phone.online()
        } else {
            phone.offline()
        }
        answer(StatusCode::OK, json!({}))
    };
    respond(change.await)
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum TypingState {
    Typing,
    Recording,
    Paused,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Typing {
    to: String,
    state: TypingState,
}

#[handler]
pub(super) async fn type_to(sim: Data<&Simulator>, Path(n): Path<String>, body: Body) -> Response {
    let change = async {
        let phone = find(&sim, &n)?;
        let Typing { to, state } = read(body).await?;
        match state {
            TypingState::Typing => phone.typing(&to)?,
            TypingState::Recording => phone.recording(&to)?,
            TypingState::Paused => phone.paused(&to)?,
        }
        answer(StatusCode::OK, json!({}))
    };
    respond(change.await)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewContact {
    phone_number: String,
    full_name: Option<String>,
}

#[handler]
pub(super) async fn add_contact(sim: Data<&Simulator>, Path(n): Path<String>, body: Body) -> Response {
    let add = async {
        let phone = find(&sim, &n)?;
        let NewContact { phone_number, full_name } = read(body).await?;
        match full_name {
            Some(full_name) => phone.save_contact(&phone_number, &full_name)?,
            None => phone.meet(&phone_number)?,
        }
        answer(StatusCode::CREATED, json!({}))
    };
    respond(add.await)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProfileChange {
    picture: Option<bool>,
    about: Option<String>,
}

#[handler]
pub(super) async fn change_profile(sim: Data<&Simulator>, Path(n): Path<String>, body: Body) -> Response {
    let change = async {
        let phone = find(&sim, &n)?;
        let ProfileChange { picture, about } = read(body).await?;
        match picture {
            Some(true) => phone.set_picture(),
            Some(false) => phone.delete_picture(),
            None => {}
        }
        if let Some(about) = about {
            phone.set_about(&about);
        }
        answer(StatusCode::OK, json!({}))
    };
    respond(change.await)
}

#[handler]
pub(super) async fn change_history(sim: Data<&Simulator>, Path(n): Path<String>, body: Body) -> Response {
    let change = async {
        let phone = find(&sim, &n)?;
        let history: History = read(body).await?;
        phone.set_history(history.clone())?;
        answer(StatusCode::OK, history)
    };
    respond(change.await)
}

#[handler]
pub(super) fn announce(sim: Data<&Simulator>, Path(n): Path<String>) -> Response {
    respond(find(&sim, &n).and_then(|phone| {
        phone.announce();
        answer(StatusCode::OK, json!({}))
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChatChange {
    pinned: Option<bool>,
    muted: Option<bool>,
    /// When a mute ends, Unix seconds; never when it is missing.
    muted_until: Option<u64>,
    archived: Option<bool>,
    read: Option<bool>,
}

#[handler]
pub(super) async fn change_chat(
    sim: Data<&Simulator>,
    Path((n, chat)): Path<(String, String)>,
    body: Body,
) -> Response {
    let change = async {
        let phone = find(&sim, &n)?;
        let ChatChange { pinned, muted, muted_until, archived, read: is_read } = read(body).await?;
        if let Some(is_pinned) = pinned {
            phone.pin_chat(&chat, is_pinned)?;
        }
        if let Some(is_muted) = muted {
            phone.mute_chat(&chat, is_muted, muted_until)?;
        }
        if let Some(is_archived) = archived {
            phone.archive_chat(&chat, is_archived)?;
        }
        if let Some(is_read) = is_read {
            phone.mark_chat(&chat, is_read)?;
        }
        answer(StatusCode::OK, json!({}))
    };
    respond(change.await)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewCall {
    to: String,
    #[serde(default)]
    video: bool,
}

#[handler]
pub(super) async fn call(sim: Data<&Simulator>, Path(n): Path<String>, body: Body) -> Response {
    let call = async {
        let phone = find(&sim, &n)?;
        let NewCall { to, video } = read(body).await?;
        answer(StatusCode::CREATED, json!({ "call_id": phone.call(&to, video)? }))
    };
    respond(call.await)
}

#[derive(Deserialize)]
#[serde(tag = "action", rename_all = "snake_case", deny_unknown_fields)]
enum CallChange {
    Accept { to: String },
    Reject { to: String },
    HangUp { to: String, reason: Option<String> },
}

#[handler]
pub(super) async fn change_call(
    sim: Data<&Simulator>,
    Path((n, call_id)): Path<(String, String)>,
    body: Body,
) -> Response {
    let change = async {
        let phone = find(&sim, &n)?;
        match read(body).await? {
            CallChange::Accept { to } => phone.accept_call(&to, &call_id)?,
            CallChange::Reject { to } => phone.reject_call(&to, &call_id)?,
            CallChange::HangUp { to, reason } => phone.hang_up(&to, &call_id, reason.as_deref())?,
        }
        answer(StatusCode::OK, json!({}))
    };
    respond(change.await)
}

#[handler]
pub(super) fn show_timers(sim: Data<&Simulator>, Path(n): Path<String>) -> Response {
    respond(find(&sim, &n).and_then(|phone| {
        let timers = json!({ "default_seconds": phone.default_timer(), "chats": phone.chat_timers() });
        answer(StatusCode::OK, timers)
    }))
}

#[handler]
pub(super) fn show_starred(sim: Data<&Simulator>, Path(n): Path<String>) -> Response {
    respond(find(&sim, &n).and_then(|phone| answer(StatusCode::OK, phone.starred())))
}

#[handler]
pub(super) fn migrate(sim: Data<&Simulator>, Path(n): Path<String>) -> Response {
    respond(find(&sim, &n).and_then(|phone| {
        phone.migrate();
        answer(StatusCode::OK, json!({}))
    }))
}
