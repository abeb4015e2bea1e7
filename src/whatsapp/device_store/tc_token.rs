//! Tokens by which contacts trust us and we them. Two writers own a half of a row each; each statement leaves the
//! other's half alone and never goes back in time.

use entity::tc_token::{ActiveModel, Column, Entity, Model};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ColumnTrait, EntityTrait, ExprTrait, QueryFilter, QuerySelect};
use wacore::store::error::Result;
use wacore::store::traits::TcTokenEntry;

use super::DeviceStore;
use super::lid_mapping;
use super::rows::{self, new_value};

/// What is stored of somebody, whom the library calls by the digits of their LID as soon as it knows that. It stores the tokens of a
/// history before it learns from the same history which number has which LID, and never looks for them under the number again.
pub(super) async fn find(store: &DeviceStore, jid: &str) -> Result<Option<TcTokenEntry>> {
    let writes = match store.tc_tokens.get(jid) {
        Ok(kept) => return Ok(kept),
        Err(writes) => writes,
    };
    let found = read(store, jid).await?;
    store.tc_tokens.keep(jid, found.clone(), writes);
    Ok(found)
}

async fn read(store: &DeviceStore, jid: &str) -> Result<Option<TcTokenEntry>> {
    let found = row(store, jid).await?;
    let has_token = found.as_ref().is_some_and(|entry| !entry.token.is_empty());
    if has_token || !jid.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(found);
    }
    let Some(mapping) = lid_mapping::find(store, jid).await? else { return Ok(found) };
    let of_number = row(store, &mapping.phone_number).await?;
    Ok(match (found, of_number) {
        (Some(found), Some(of_number)) => Some(joined(found, of_number)),
        (found, of_number) => found.or(of_number),
    })
}

/// What is stored under the LID, without a token, and under the number.
fn joined(of_lid: TcTokenEntry, of_number: TcTokenEntry) -> TcTokenEntry {
    let sender_timestamp = std::cmp::max(of_lid.sender_timestamp, of_number.sender_timestamp);
    let with_token = if of_number.token.is_empty() { of_lid } else { of_number };
    TcTokenEntry { sender_timestamp, ..with_token }
}

async fn row(store: &DeviceStore, jid: &str) -> Result<Option<TcTokenEntry>> {
    let row = Entity::find_by_id(store.key(jid)).one(store.read()).await.map_err(store.failed())?;
    Ok(row.map(|Model { session_id: _, jid: _, token, token_timestamp, sender_timestamp }| TcTokenEntry {
        token,
        token_timestamp,
        sender_timestamp,
    }))
}

pub(super) async fn store(store: &DeviceStore, jid: &str, entry: TcTokenEntry) -> Result<()> {
    let values = [Column::Token, Column::TokenTimestamp, Column::SenderTimestamp];
    insert(store, jid, entry, rows::replace(KEY, values)).await
}

pub(super) async fn remove(store: &DeviceStore, jid: &str) -> Result<()> {
    let deleted = Entity::delete_by_id(store.key(jid)).exec(&*store.write().await?).await;
    store.tc_tokens.forget();
    deleted.map(drop).map_err(store.failed())
}

pub(super) async fn jids(store: &DeviceStore) -> Result<Vec<String>> {
    Entity::find()
        .select_only()
        .column(Column::Jid)
        .filter(Column::SessionId.eq(store.session.clone()))
        .into_tuple()
        .all(store.read())
        .await
        .map_err(store.failed())
}

/// Removes rows of which both halves are stale or were never there.
pub(super) async fn remove_expired(store: &DeviceStore, token_cutoff: i64, sender_cutoff: i64) -> Result<u32> {
    let has_no_token = Column::Token.eq(Vec::<u8>::new()).or(Column::TokenTimestamp.lt(token_cutoff));
    let has_no_sender = Column::SenderTimestamp.is_null().or(Column::SenderTimestamp.lt(sender_cutoff));
    let stale = Column::SessionId.eq(store.session.clone()).and(has_no_token).and(has_no_sender);
    let deleted = rows::delete_counted(store, Entity::delete_many().filter(stale)).await;
    store.tc_tokens.forget();
    deleted
}

/// Moves the moment of our last token forward, never back.
pub(super) async fn advance_sender(store: &DeviceStore, jid: &str, sender_timestamp: i64) -> Result<()> {
    let placeholder =
        TcTokenEntry { token: Vec::new(), token_timestamp: sender_timestamp, sender_timestamp: Some(sender_timestamp) };
    let stored = || Expr::col((Entity, Column::SenderTimestamp));
    let is_later = stored().is_null().or(stored().lt(new_value(Column::SenderTimestamp)));
    let rule = rows::replace(KEY, [Column::SenderTimestamp]).action_and_where(is_later).to_owned();
    insert(store, jid, placeholder, rule).await
}

/// Takes the contact's token unless the stored one is newer.
pub(super) async fn receive(store: &DeviceStore, jid: &str, token: &[u8], token_timestamp: i64) -> Result<()> {
    let received = TcTokenEntry { token: token.to_vec(), token_timestamp, sender_timestamp: None };
    let stored = |column: Column| Expr::col((Entity, column));
    let is_not_older = stored(Column::Token)
        .eq(Vec::<u8>::new())
        .or(stored(Column::TokenTimestamp).lte(new_value(Column::TokenTimestamp)));
    let rule = rows::replace(KEY, [Column::Token, Column::TokenTimestamp]).action_and_where(is_not_older).to_owned();
    insert(store, jid, received, rule).await
}

const KEY: [Column; 2] = [Column::SessionId, Column::Jid];

async fn insert(store: &DeviceStore, jid: &str, entry: TcTokenEntry, rule: OnConflict) -> Result<()> {
    let TcTokenEntry { token, token_timestamp, sender_timestamp } = entry;
    let (session_id, jid) = store.key(jid);
    let row = Model { session_id, jid, token, token_timestamp, sender_timestamp };
    let written = rows::upsert::<ActiveModel, _>(store, vec![row], rule).await;
    store.tc_tokens.forget();
    written
}
