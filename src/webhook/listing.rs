//! Lists of webhooks, in pages.

use entity::ids::SessionId;
use entity::words::access::Scope;

use crate::caller::Caller;
use crate::error::Result;
use crate::page::{PAGE_MAX, Slice, SortKey, Window};
use crate::webhook::types::{Webhook, WebhookPage};
use crate::webhook::{Webhooks, store};

impl Webhooks {
    /// One page of the webhooks of one session, or of all that the caller may see, with their number on all pages; oldest first, 100
    /// when no size is asked for.
    ///
    /// # Errors
    /// As [`slice`](Self::slice).
    pub async fn list(&self, caller: &Caller, session: Option<SessionId>, window: Window) -> Result<WebhookPage> {
        let window = Window { first: window.first.or(Some(PAGE_MAX)), ..window };
        let Slice { items: webhooks, has_previous: _, has_next } = self.slice(caller, session.clone(), window).await?;
        let count = self.count(caller, session).await?;
        let next_cursor = if has_next { webhooks.last().map(cursor_of) } else { None };
        Ok(WebhookPage { webhooks, count, next_cursor })
    }

    /// The webhooks of one session, or of all that the caller may see, within a window; oldest first.
    ///
    /// # Errors
    /// `SessionNotFound`, `PageSizeLimit`; `Invalid` for a bad cursor.
    pub async fn slice(&self, caller: &Caller, session: Option<SessionId>, window: Window) -> Result<Slice<Webhook>> {
        caller.require(Scope::WebhooksRead)?;
        let bounds = window.bounds()?;
        let of = self.sessions_of(caller, session).await?;
        let found = store::page(self.db.read(), of, &bounds).await?;
        Ok(bounds.slice(found.into_iter().map(Webhook::from).collect()))
    }

    /// How many webhooks one session has, or how many there are that the caller may see.
    ///
    /// # Errors
    /// `SessionNotFound`.
    pub async fn count(&self, caller: &Caller, session: Option<SessionId>) -> Result<u64> {
        caller.require(Scope::WebhooksRead)?;
        let of = self.sessions_of(caller, session).await?;
        Ok(u64::try_from(store::total(self.db.read(), of).await?).unwrap_or(0))
    }

    /// The sessions whose webhooks are meant: one, or all that the caller may see. None is all, and the webhooks for all.
    ///
    /// # Errors
    /// `SessionNotFound`.
    pub(super) async fn sessions_of(
        &self,
        caller: &Caller,
        session: Option<SessionId>,
    ) -> Result<Option<Vec<SessionId>>> {
        match session {
            Some(id) => {
                self.reach(caller, Some(&id)).await?;
                Ok(Some(vec![id]))
            }
            None => Ok(caller.sessions().map(|ids| ids.iter().cloned().collect())),
        }
    }
}

/// The cursor of a webhook: the place right behind it in every list.
pub fn cursor_of(webhook: &Webhook) -> String {
    SortKey { created_at: webhook.created_at, id: webhook.id.to_string() }.cursor()
}
