//! Is it alive, is it ready, and what is measured about it.

use std::sync::Arc;
use std::time::Duration;

use entity::words::access::Scope;
use poem::web::{Data, Json};
use poem::{IntoResponse, Response, handler};
use serde_json::json;

use crate::api::error;
use crate::api::services::Api;
use crate::caller::Caller;
use crate::db::health::Hindrance;
use crate::error::{Error, ErrorKind};

/// Longest wait for the number of deliveries.
const COUNT_LIMIT: Duration = Duration::from_secs(2);

/// What a process says that lives.
pub(super) const LIVE: &str = r#"{"status":"ok"}"#;

/// 200 as long as the process answers. A connection that asks for this first, and for nothing else, does not come here: the
/// listener answers it, whatever holds the workers up.
#[handler]
pub fn livez() -> Response {
    LIVE.with_content_type("application/json; charset=utf-8").into_response()
}

/// 200 when requests can be served: the database answers, and takes what is written. Whether sessions still wait to come back
/// is shown, and does not count.
#[handler]
pub async fn readyz(Data(api): Data<&Arc<Api>>) -> Response {
    let (has_database, hindrance) = tokio::join!(api.db.answers(), api.db.hindrance());
    let is_stopping = api.lifecycle.is_stopping();
    let boot = api.sessions.boot_progress();
    let mut parts = json!({
        "database": if has_database { "ok" } else { "unavailable" },
        "writing": hindrance.map_or("ok", word),
        "boot": { "waiting": boot.waiting, "started": boot.started },
    });
    let failure = match (is_stopping, has_database, hindrance) {
        (true, ..) => Error::new(ErrorKind::ShuttingDown, "the server is shutting down"),
        (false, false, _) => Error::new(ErrorKind::Unavailable, "the database does not answer"),
        (false, true, Some(hindrance)) => Error::new(ErrorKind::Unavailable, detail(hindrance)),
        (false, true, None) => {
            parts["status"] = "ok".into();
            return Json(parts).into_response();
        }
    };
    error::not_ready(&failure, parts)
}

fn word(hindrance: Hindrance) -> &'static str {
    match hindrance {
        Hindrance::Write => "unavailable",
        Hindrance::Disk => "disk_failed",
        Hindrance::File => "file_gone",
    }
}

fn detail(hindrance: Hindrance) -> &'static str {
    match hindrance {
        Hindrance::Write => "the database cannot be written",
        Hindrance::Disk => "the disk did not take what was written",
        Hindrance::File => "the data file is not where it was",
    }
}

/// What is measured, as Prometheus text.
#[handler]
pub async fn metrics(Data(api): Data<&Arc<Api>>, Data(caller): Data<&Caller>) -> poem::Result<Response> {
    caller.require(Scope::MetricsRead)?;
    for (status, count) in api.sessions.census() {
        ::metrics::gauge!("waypost_sessions", "status" => status.as_str()).set(count as f64);
    }
    let boot = api.sessions.boot_progress();
    ::metrics::gauge!("waypost_boot_queue_sessions", "state" => "waiting").set(boot.waiting as f64);
    ::metrics::gauge!("waypost_boot_queue_sessions", "state" => "started").set(boot.started as f64);
    // Not a number when the database does not say it: the last number would be a lie.
    let pending = tokio::time::timeout(COUNT_LIMIT, api.webhooks.pending()).await;
    let pending = pending.map_or(f64::NAN, |pending| pending.map_or(f64::NAN, |count| count as f64));
    ::metrics::gauge!("waypost_deliveries_pending").set(pending);
    ::metrics::gauge!("waypost_tasks").set(api.lifecycle.tasks_alive() as f64);
    for (which, moment) in api.lifecycle.last_runs() {
        let seconds = moment.seconds() as f64;
        ::metrics::gauge!("waypost_loop_last_run_timestamp_seconds", "loop" => which.as_str()).set(seconds);
    }
    let text = api.metrics.as_ref().map(|metrics| {
        metrics.run_upkeep();
        metrics.render()
    });
    Ok(text.unwrap_or_default().with_content_type("text/plain; version=0.0.4").into_response())
}
