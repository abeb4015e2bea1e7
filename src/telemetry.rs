//! The log and the metrics recorder.

use std::io::IsTerminal;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::Directive;

use crate::config::{BadConfig, LogFormat};

/// Targets that stay silent whatever level is asked for. The WhatsApp library logs pair codes, numbers and whole
/// stanzas in its own words, and the HTTP and database layers log what passes through them.
const SILENT: &[&str] = &[
    "whatsapp_rust=off",
    "wacore=off",
    "wacore_noise=off",
    "wacore_binary=off",
    "wacore_libsignal=off",
    "wacore_appstate=off",
    "whatsapp_rust_tokio_transport=off",
    "Bot=off",
    "Client=off",
    "sqlx=off",
    "sea_orm=off",
    "hyper=off",
    "reqwest=off",
    "rustls=off",
];
/// Bounds of the request time buckets, seconds.
const REQUEST_BUCKETS: &[f64] = &[0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10.0];

/// Starts the log.
///
/// # Errors
/// The level is not one.
pub fn start_log(format: LogFormat, level: &str) -> Result<(), BadConfig> {
    let mut filter =
        EnvFilter::try_new(level).map_err(|error| BadConfig::new(format!("--log-level {level}: {error}")))?;
    for silent in SILENT {
        let directive: Directive = silent.parse().expect("the list above holds only directives");
        filter = filter.add_directive(directive);
    }
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second start in one process (a test) keeps the first one's log.
    let _ = match format {
        LogFormat::Pretty => builder.with_ansi(std::io::stderr().is_terminal()).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    Ok(())
}

/// Starts the metrics recorder. None if the process has one already.
pub fn start_metrics() -> Option<PrometheusHandle> {
    PrometheusBuilder::new().set_buckets(REQUEST_BUCKETS).ok()?.install_recorder().ok()
}
