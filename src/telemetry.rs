//! The log and the metrics recorder.

use std::io::IsTerminal;
use std::time::Duration;

use entity::timestamp::Timestamp;
use metrics::{Unit, describe_counter, describe_gauge, describe_histogram, gauge};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::filter::{FilterExt, filter_fn};
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::layer::{Filter, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use crate::config::BadConfig;
use crate::config::command_line::LogFormat;
use crate::lifecycle::last_run::LastRun;

/// What may speak, whatever level is asked for: our own code, and parts that never see what passes through.
///
/// The WhatsApp library logs pair codes, numbers and whole stanzas, under some forty targets of its own (`AppState`,
/// `Client/PairCode`, `usync`, ..); the HTTP and database layers log what they carry. A list of those to silence would
/// be wrong after each update of one of them.
const SPEAKERS: &[&str] = &["waypost", "whatsapp_simulator", "poem", "sea_orm_migration"];
/// How much may be said.
const LEVELS: &[&str] = &["off", "error", "warn", "info", "debug", "trace"];
/// How often what was measured is folded into its sums.
const UPKEEP: Duration = Duration::from_secs(5);
/// Bounds of the request time buckets, seconds.
const REQUEST_BUCKETS: &[f64] = &[0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10.0];

/// Starts the log. The other layer hears of what it asks for, whatever level the log has.
///
/// # Errors
/// The level is not one.
pub fn start_log(format: LogFormat, level: &str, other: impl Layer<Registry> + Send + Sync) -> Result<(), BadConfig> {
    check_level(level)?;
    let filter = filter(level)?;
    // A line that cannot be written is lost; to say so in the same place would be a panic.
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).log_internal_errors(false);
    // A span tells how long it took. All are of level `debug`, so the log has none unless somebody asks for them.
    let lines = lines.with_span_events(FmtSpan::CLOSE);
    let lines = match format {
        LogFormat::Pretty => lines.with_ansi(std::io::stderr().is_terminal()).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    // A second start in one process (a test) keeps the first one's log.
    let _ = tracing_subscriber::registry().with(other).with(lines.with_filter(filter)).try_init();
    Ok(())
}

/// What may be said of what is asked for.
fn filter<S: 'static>(level: &str) -> Result<impl Filter<S> + use<S>, BadConfig> {
    let levels = EnvFilter::try_new(level).map_err(|error| BadConfig::new(format!("--log-level {level}: {error}")))?;
    // The levels come first: what they rule out once and for all is not asked for again.
    Ok(levels.and(filter_fn(|metadata| may_speak(metadata.target()))))
}

/// Refuses what would be taken for a part of the program that nobody has: a level that is mistyped, and then nothing is logged.
fn check_level(directives: &str) -> Result<(), BadConfig> {
    for directive in directives.split(',').map(str::trim) {
        let (target, level) = match directive.rsplit_once('=') {
            Some((target, level)) => (Some(target), level),
            None => (None, directive),
        };
        if !LEVELS.iter().any(|known| known.eq_ignore_ascii_case(level)) {
            let known = LEVELS.join(", ");
            return Err(BadConfig::new(format!(
                "--log-level {directives}: `{level}` is no level; the levels are {known}"
            )));
        }
        if let Some(target) = target.filter(|target| !may_speak(target.split(['[', ':']).next().unwrap_or(target))) {
            let known = SPEAKERS.join(", ");
            let why = format!("`{target}` says nothing at any level; those that do begin with {known}");
            return Err(BadConfig::new(format!("--log-level {directives}: {why}")));
        }
    }
    Ok(())
}

fn may_speak(target: &str) -> bool {
    let root = target.split("::").next().unwrap_or(target);
    SPEAKERS.contains(&root)
}

/// Starts the metrics recorder. None if the process has one already.
pub fn start_metrics(now: Timestamp) -> Option<PrometheusHandle> {
    let handle = PrometheusBuilder::new().set_buckets(REQUEST_BUCKETS).ok()?.install_recorder().ok()?;
    describe_counter!("waypost_requests_total", "Requests answered, by method, route and status.");
    describe_histogram!("waypost_request_duration_seconds", Unit::Seconds, "Time until a request was answered.");
    describe_gauge!("waypost_sessions", "Sessions by what they are doing.");
    describe_gauge!("waypost_boot_queue_sessions", "Sessions of the last start, by whether they had their turn.");
    describe_counter!("waypost_events_total", "Events written to the journal, by type.");
    describe_counter!(
        "waypost_set_aside_total",
        "Events and states that were left out because the database has no place for them."
    );
    describe_counter!("waypost_deliveries_total", "Attempts to deliver events to webhooks, by what came of them.");
    describe_gauge!(
        "waypost_deliveries_pending",
        "Deliveries that wait for their next attempt, or for one before them."
    );
    describe_gauge!("waypost_tasks", "Tasks that run, those of the WhatsApp library too.");
    describe_gauge!(
        "waypost_loop_last_run_timestamp_seconds",
        Unit::Seconds,
        "When each loop of the background took its last turn, Unix time."
    );
    describe_gauge!("waypost_start_time_seconds", Unit::Seconds, "When the process started, Unix time.");
    describe_gauge!("waypost_build_info", "Always 1; the label says which version runs.");
    gauge!("waypost_start_time_seconds").set(now.seconds() as f64);
    gauge!("waypost_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    Some(handle)
}

/// Folds what was measured into its sums, again and again. What nobody scrapes would pile up otherwise.
pub async fn keep_up(metrics: PrometheusHandle, last_run: LastRun) {
    loop {
        metrics.run_upkeep();
        last_run.note();
        tokio::time::sleep(UPKEEP).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    /// Says so if somebody writes it down.
    struct Written<'a>(&'a AtomicBool);

    impl std::fmt::Display for Written<'_> {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            self.0.store(true, Ordering::Relaxed);
            f.write_str("shop")
        }
    }

    /// Whether there is a span of ours at a log level, and whether its fields are written down.
    fn spans_at(level: &str) -> (bool, bool) {
        let lines = tracing_subscriber::fmt::layer().with_writer(std::io::sink);
        let log = tracing_subscriber::registry().with(lines.with_filter(filter(level).expect("a level")));
        let written = AtomicBool::new(false);
        let is_there = tracing::subscriber::with_default(log, || {
            let span = tracing::debug_span!("session_turn", session.id = %Written(&written));
            !span.is_disabled()
        });
        (is_there, written.into_inner())
    }

    #[test]
    fn spans_are_there_for_who_asks_for_them_and_cost_nothing_otherwise() {
        for off in ["info", "warn", "off", "info,waypost::session=debug"] {
            assert_eq!(spans_at(off), (false, false), "{off}");
        }
        for on in ["debug", "trace", "info,waypost::telemetry=debug"] {
            assert_eq!(spans_at(on), (true, true), "{on}");
        }
    }

    #[test]
    fn only_what_never_sees_a_secret_may_speak() {
        for speaker in ["waypost", "waypost::session::actor", "poem", "whatsapp_simulator::control"] {
            assert!(may_speak(speaker), "{speaker}");
        }
        for silent in ["whatsapp_rust", "wacore::pair", "Client/PairCode", "usync", "sqlx::query", "waypostal", "hyper"]
        {
            assert!(!may_speak(silent), "{silent}");
        }
    }

    #[test]
    fn a_log_level_is_a_level_or_one_for_a_part_that_speaks() {
        for good in [
            "info",
            "WARN",
            "off",
            "info,waypost::session=debug",
            "waypost=trace, poem=off",
            "warn,waypost[request]=debug",
        ] {
            assert!(check_level(good).is_ok(), "{good}");
        }
        for (bad, named) in [
            ("lound", "`lound`"),
            ("", "``"),
            ("info,", "``"),
            ("info,waypost", "`waypost`"),
            ("waypost=lound", "`lound`"),
            ("a=b=c", "`c`"),
            ("info,waypots=debug", "`waypots`"),
            ("sqlx=debug", "`sqlx`"),
        ] {
            let refusal = check_level(bad).expect_err(bad).to_string();
            assert!(refusal.starts_with("--log-level ") && refusal.contains(named), "{refusal}");
        }
    }
}
