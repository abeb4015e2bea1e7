//! What is told of a webhook after a write of which nobody knows what came: whatever the table says then.

use crate::db::Db;
use crate::error::Error;
use crate::event::journal::Journal;
use crate::lifecycle::Lifecycle;
use crate::webhook::row::WebhookRow;
use crate::webhook::store;

/// After a write that failed, and may have been written all the same: what is remembered of webhooks is asked for again, and what
/// this one wants is as the table says. The table is asked until it answers.
pub(super) async fn announce_as_written(db: &Db, journal: &Journal, lifecycle: &Lifecycle, webhook: &WebhookRow) {
    let (db, journal, webhook) = (db.clone(), journal.clone(), webhook.clone());
    let attempt = move || {
        let (db, journal, webhook) = (db.clone(), journal.clone(), webhook.clone());
        async move {
            let tx = db.write().begin_decided(store::TABLE).await?;
            match store::find(&tx, &webhook.id).await? {
                Some(written) => written.announce(journal.demand()),
                None => journal.demand().set_webhook(webhook.session_id.as_ref(), &webhook.id, &[]),
            }
            Ok::<_, Error>(())
        }
    };
    lifecycle.insist("webhook", attempt).await;
}
