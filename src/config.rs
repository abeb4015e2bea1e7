//! The command line and the environment, checked completely before anything starts. The only reader of the environment.

pub mod command_line;

mod origin;
mod value;

use std::env::VarError;
use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use crate::api::listener::limits::Timing;
use crate::config::command_line::ServeArgs;
use crate::db::sqlite::Synchronous;
use crate::egress::networks::Networks;
use crate::event::retention;
use crate::media::{self, MediaSettings};
use crate::message::MessageSettings;
use crate::message::limit::pacing::Pace;
use crate::webhook;
use crate::whatsapp::connector::ConnectorSettings;
use crate::whatsapp::proxy::ProxySettings;

/// The variable that holds the admin token. It is no flag: flags are visible in every list of processes.
const TOKEN_VARIABLE: &str = "WAYPOST_ADMIN_TOKEN";
/// Where the SQLite file is when nothing is said.
const DATA_DIR: &str = "./data";
/// The folder for files, in the data directory.
pub const MEDIA_DIR: &str = "media";
/// Shortest admin token that is taken, characters.
const TOKEN_MIN: usize = 16;

/// A value that does not fit, in one line.
#[derive(Debug)]
pub struct BadConfig(String);

impl BadConfig {
    /// One line that names the flag and the rule.
    pub fn new(line: impl Into<String>) -> Self {
        Self(line.into())
    }
}

impl fmt::Display for BadConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadConfig {}

/// Everything that the server needs to know before it starts.
#[derive(Debug)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Where the data is.
    pub database: Database,
    /// The admin token; none means that one is to be made.
    pub admin_token: Option<SecretString>,
    /// How fast sessions come back; none is as fast as it goes.
    pub boot_rate: Option<NonZeroU32>,
    /// How many sessions come back at the same time.
    pub boot_concurrency: usize,
    /// Whether the GraphQL schema can be asked for.
    pub graphql_introspection: bool,
    /// Whether there is a page to try the graph out.
    pub graphiql: bool,
    /// Where people reach this server, if that is not where it listens.
    pub public_url: Option<String>,
    /// Sites whose pages may use the API.
    pub cors_origins: Vec<String>,
    /// Where webhooks, link previews and fetches of files may go although it is not the internet.
    pub egress_allow: Networks,
    /// How deliveries are made.
    pub webhooks: webhook::DeliverySettings,
    /// How much of the journal is kept.
    pub retention: retention::RetentionSettings,
    /// How files are kept.
    pub media: MediaSettings,
    /// How messages are sent and kept.
    pub messages: MessageSettings,
    /// How long each phase of a shutdown may take.
    pub shutdown_grace: Duration,
    /// Most connections, if that was said.
    pub max_connections: Option<usize>,
    /// How long connections may take.
    pub connection_timing: Timing,
    /// How to reach WhatsApp.
    pub whatsapp: ConnectorSettings,
}

/// Where the data is.
#[derive(Debug)]
pub enum Database {
    /// A SQLite file in this directory.
    Sqlite {
        /// The directory.
        data_dir: PathBuf,
        /// How strictly to wait for the disk.
        synchronous: Synchronous,
    },
    /// A PostgreSQL server.
    Postgres {
        /// Its address, with the password.
        url: SecretString,
        /// Most connections.
        connections: u32,
    },
}

impl Config {
    /// Checks what the command line says.
    ///
    /// # Errors
    /// The first value that does not fit.
    pub fn check(args: ServeArgs) -> Result<Self, BadConfig> {
        let (admin_token, media) = (admin_token(args.admin_token_file.as_deref())?, media_settings(&args));
        #[cfg(feature = "sandbox")]
        if let Some(point) = args.crash_at {
            crate::crash::at(point, args.crash_after);
        }
        #[cfg(feature = "sandbox")]
        if let Some(point) = args.stall_at {
            crate::crash::stall_at(point);
        }
        #[cfg(feature = "sandbox")]
        let connection_timing = args.connection_millis.as_deref().map_or_else(Timing::default, timing);
        #[cfg(not(feature = "sandbox"))]
        let connection_timing = Timing::default();
        if admin_token.is_none() && !args.listen.ip().is_loopback() {
            return Err(BadConfig(format!(
                "--listen {} can be reached from other machines, so an admin token is needed: set {TOKEN_VARIABLE} or \
                 --admin-token-file",
                args.listen
            )));
        }
        let database = match args.database_url {
            None => Database::Sqlite {
                data_dir: args.data_dir.unwrap_or_else(|| DATA_DIR.into()),
                synchronous: args.sqlite_synchronous.into(),
            },
            Some(url) => {
                let is_postgres = ["postgres://", "postgresql://"].iter().any(|s| url.expose_secret().starts_with(s));
                if !is_postgres {
                    return Err(BadConfig("--database-url must start with postgres://".to_owned()));
                }
                Database::Postgres { url, connections: args.database_connections }
            }
        };
        #[cfg(feature = "sandbox")]
        let whatsapp = ConnectorSettings {
            // A build that does not check WhatsApp's certificates must never reach the real one.
            url: Some(args.whatsapp_url.ok_or_else(|| {
                BadConfig(
                    "a build with the `sandbox` feature needs --whatsapp-url, or the `sandbox` command".to_owned(),
                )
            })?),
            version: args.whatsapp_version.or(Some(SANDBOX_VERSION)),
            proxy: if args.passes_proxy { ProxySettings::default() } else { proxy()? },
        };
        #[cfg(not(feature = "sandbox"))]
        let whatsapp = ConnectorSettings { url: None, version: args.whatsapp_version, proxy: proxy()? };
        Ok(Self {
            listen: args.listen,
            database,
            admin_token,
            boot_rate: NonZeroU32::new(args.boot_rate),
            boot_concurrency: args.boot_concurrency as usize,
            graphql_introspection: args.graphql_introspection,
            graphiql: args.graphiql,
            public_url: args.public_url,
            cors_origins: args.cors_origin,
            egress_allow: args.egress_allow.unwrap_or_default(),
            webhooks: webhook::DeliverySettings {
                schedule: args.webhook_retries.unwrap_or_default(),
                limit: Duration::from_secs(args.webhook_timeout_seconds),
                refusals: args.webhook_refusals,
            },
            retention: retention::RetentionSettings {
                age: Duration::from_secs(u64::from(args.event_retention_days) * 24 * 60 * 60),
                rows: args.event_retention_rows,
            },
            media,
            messages: MessageSettings {
                pace: Pace { per_second: args.send_rate, burst: args.send_burst },
                kept: Duration::from_secs(u64::from(args.message_retention_days) * 24 * 60 * 60),
                holds_when_restricted: args.hold_when_restricted,
            },
            shutdown_grace: Duration::from_secs(args.shutdown_grace),
            max_connections: args.max_connections.map(|number| number as usize),
            connection_timing,
            whatsapp,
        })
    }

    /// Whether the address that the server listens on is one that somebody can open: not `0.0.0.0` or `[::]`.
    pub fn is_reachable_as_bound(&self) -> bool {
        !self.listen.ip().to_canonical().is_unspecified()
    }
}

/// How files are kept.
fn media_settings(args: &ServeArgs) -> MediaSettings {
    #[cfg(feature = "sandbox")]
    let stall = args.media_stall_millis.map_or(media::STALL, Duration::from_millis);
    #[cfg(not(feature = "sandbox"))]
    let stall = media::STALL;
    let beside_data = || args.data_dir.clone().unwrap_or_else(|| DATA_DIR.into()).join(MEDIA_DIR);
    MediaSettings {
        folder: args.media_dir.clone().unwrap_or_else(beside_data),
        size_max: args.media_max_bytes,
        quota: args.media_quota,
        retention: Duration::from_secs(u64::from(args.media_retention_days) * 24 * 60 * 60),
        stall,
    }
}

/// How long connections may take, for tests: milliseconds for the head of a request, between two requests, and for a
/// client that takes nothing.
#[cfg(feature = "sandbox")]
fn timing(millis: &[u64]) -> Timing {
    let limit = |place: usize| Duration::from_millis(millis.get(place).copied().unwrap_or_default());
    Timing { head: limit(0), idle: limit(1), take: limit(2) }
}

/// The version that is announced to a simulator, which publishes none.
#[cfg(feature = "sandbox")]
const SANDBOX_VERSION: (u32, u32, u32) = (2, 3000, 1_023_000_000);

/// The operator's proxy. Each variable is known in capital and in small letters, as curl knows them.
fn proxy() -> Result<ProxySettings, BadConfig> {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
    let read = |names: [&str; 2]| names.into_iter().find_map(|name| std::env::var(name).ok()).unwrap_or_default();
    let [https, all, no] =
        [["HTTPS_PROXY", "https_proxy"], ["ALL_PROXY", "all_proxy"], ["NO_PROXY", "no_proxy"]].map(read);
    ProxySettings::new(https.trim(), all.trim(), &no).map_err(BadConfig)
}

/// The admin token from the environment or from its file.
///
/// # Errors
/// The file cannot be read, or the token is too short or not printable.
pub fn admin_token(file: Option<&Path>) -> Result<Option<SecretString>, BadConfig> {
    let text = match file {
        Some(file) => Some(
            std::fs::read_to_string(file)
                .map_err(|error| BadConfig(format!("--admin-token-file {}: {error}", file.display())))?,
        ),
        #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
        None => match std::env::var(TOKEN_VARIABLE) {
            Ok(text) => Some(text),
            Err(VarError::NotPresent) => None,
            Err(VarError::NotUnicode(_)) => return Err(BadConfig(format!("{TOKEN_VARIABLE} must be text"))),
        },
    };
    let Some(text) = text else { return Ok(None) };
    let token = text.trim();
    if token.len() < TOKEN_MIN || !token.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(BadConfig(format!("the admin token must have at least {TOKEN_MIN} printable ASCII characters")));
    }
    Ok(Some(token.into()))
}
