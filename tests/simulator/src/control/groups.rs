//! The control API for groups, as one of the members acts on them.

use poem::http::StatusCode;
use poem::web::{Data, Path};
use poem::{Body, Response, handler};
use serde::Deserialize;
use serde_json::json;

use super::{Refusal, answer, find, read, respond};
use crate::group::{Addressing, GroupInfo};
use crate::phone::Phone;
use crate::simulator::Simulator;

#[handler]
pub(super) fn list_groups(sim: Data<&Simulator>, Path(n): Path<String>) -> Response {
    respond(find(&sim, &n).and_then(|phone| answer(StatusCode::OK, phone.groups())))
}

fn group(phone: &Phone, id: &str) -> Result<GroupInfo, Refusal> {
    let found = phone.groups().into_iter().find(|group| group.id == id);
    found.ok_or_else(|| Refusal(StatusCode::NOT_FOUND, format!("{} is in no group {id}", phone.phone_number())))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewGroup {
    subject: String,
    members: Vec<String>,
    #[serde(default)]
    addressing: Addressing,
}

#[handler]
pub(super) async fn create_group(sim: Data<&Simulator>, Path(n): Path<String>, body: Body) -> Response {
    let create = async {
        let phone = find(&sim, &n)?;
        let NewGroup { subject, members, addressing } = read(body).await?;
        let members: Vec<&str> = members.iter().map(String::as_str).collect();
        let id = phone.create_group_addressed(&subject, &members, addressing)?;
        answer(StatusCode::CREATED, group(&phone, &id)?)
    };
    respond(create.await)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GroupChange {
    subject: Option<String>,
    /// Whether only admins may write.
    announcement: Option<bool>,
    /// After how many seconds messages disappear; 0 lets them stay.
    ephemeral_seconds: Option<u32>,
}

#[handler]
pub(super) async fn change_group(sim: Data<&Simulator>, Path((n, id)): Path<(String, String)>, body: Body) -> Response {
    let change = async {
        let phone = find(&sim, &n)?;
        group(&phone, &id)?;
        let GroupChange { subject, announcement, ephemeral_seconds } = read(body).await?;
        if let Some(subject) = subject {
            phone.rename_group(&id, &subject)?;
        }
        if let Some(is_on) = announcement {
            phone.set_announcement(&id, is_on)?;
        }
        if let Some(seconds) = ephemeral_seconds {
            phone.set_group_timer(&id, seconds)?;
        }
        answer(StatusCode::OK, group(&phone, &id)?)
    };
    respond(change.await)
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Change {
    Add,
    Remove,
    Promote,
    Demote,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MemberChange {
    change: Change,
    members: Vec<String>,
}

#[handler]
pub(super) async fn change_members(
    sim: Data<&Simulator>,
    Path((n, id)): Path<(String, String)>,
    body: Body,
) -> Response {
    let change = async {
        let phone = find(&sim, &n)?;
        group(&phone, &id)?;
        let MemberChange { change, members } = read(body).await?;
        let members: Vec<&str> = members.iter().map(String::as_str).collect();
        match change {
            Change::Add => phone.add_to_group(&id, &members)?,
            Change::Remove => phone.remove_from_group(&id, &members).await?,
            Change::Promote => phone.promote(&id, &members)?,
            Change::Demote => phone.demote(&id, &members)?,
        }
        answer(StatusCode::OK, json!({}))
    };
    respond(change.await)
}
