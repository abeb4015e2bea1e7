//! The command line and the environment, checked completely before anything starts. The only reader of the environment.

mod origin;

use std::env::VarError;
use std::fmt;
#[cfg(feature = "sandbox")]
use std::net::IpAddr;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use secrecy::{ExposeSecret, SecretString};

use crate::api::listener::limits::Timing;
use crate::db::sqlite::Synchronous;
use crate::egress::networks::Networks;
use crate::event::retention;
use crate::webhook;
use crate::webhook::delivery::retry_schedule::RetrySchedule;

/// The variable that holds the admin token. It is no flag: flags are visible in every list of processes.
const TOKEN_VARIABLE: &str = "WAYPOST_ADMIN_TOKEN";
/// Where the SQLite file is when nothing is said.
const DATA_DIR: &str = "./data";
/// Shortest admin token that is taken, characters.
const TOKEN_MIN: usize = 16;

/// Many WhatsApp accounts over one HTTP API.
#[derive(Debug, Parser)]
#[command(name = "waypost", version, args_conflicts_with_subcommands = true)]
pub struct CommandLine {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: ServeArgs,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the API (the default).
    Serve(ServeArgs),
    /// Link a phone to a session of a running server: draws the QR code in the terminal until it is scanned.
    Pair(PairArgs),
    /// Write the API's documents to openapi/ and schema/.
    Export(ExportArgs),
    /// Serve the API together with a simulator of WhatsApp: nothing leaves this machine.
    #[cfg(feature = "sandbox")]
    Sandbox(SandboxArgs),
}

/// How to serve.
#[derive(Clone, Debug, Args)]
pub struct ServeArgs {
    /// Address and port to listen on.
    #[arg(long, env = "WAYPOST_LISTEN", default_value = "127.0.0.1:3000")]
    pub listen: SocketAddr,
    /// Where the SQLite file `waypost.db` is kept. `./data` when absent.
    #[arg(long, env = "WAYPOST_DATA_DIR")]
    pub data_dir: Option<PathBuf>,
    /// PostgreSQL instead of SQLite: `postgres://user:password@host/database`.
    #[arg(long, env = "WAYPOST_DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<SecretString>,
    /// Most connections to PostgreSQL.
    #[arg(long, env = "WAYPOST_DATABASE_CONNECTIONS", default_value = "16", value_parser = clap::value_parser!(u32).range(2..=1000))]
    pub database_connections: u32,
    /// How strictly SQLite waits for the disk.
    #[arg(long, env = "WAYPOST_SQLITE_SYNCHRONOUS", value_enum, default_value_t = SqliteSynchronous::Full)]
    pub sqlite_synchronous: SqliteSynchronous,
    /// File that holds the admin token. The token itself can be given as WAYPOST_ADMIN_TOKEN.
    #[arg(long, env = "WAYPOST_ADMIN_TOKEN_FILE")]
    pub admin_token_file: Option<PathBuf>,
    /// Form of the log.
    #[arg(long, env = "WAYPOST_LOG_FORMAT", value_enum, default_value_t = LogFormat::Pretty)]
    pub log_format: LogFormat,
    /// What to log, as in `info` or `info,waypost::session=debug`. Libraries stay silent: they would log codes and keys.
    #[arg(long, env = "WAYPOST_LOG_LEVEL", default_value = "info")]
    pub log_level: String,
    /// Sessions brought back per second after a start; 0 is as fast as it goes.
    #[arg(long, env = "WAYPOST_BOOT_RATE", default_value_t = 20)]
    pub boot_rate: u32,
    /// Sessions that log in at the same time after a start.
    #[arg(long, env = "WAYPOST_BOOT_CONCURRENCY", default_value = "32", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub boot_concurrency: u32,
    /// Whether whoever has a key may ask for the GraphQL schema.
    #[arg(long, env = "WAYPOST_GRAPHQL_INTROSPECTION", default_value_t = true, action = clap::ArgAction::Set)]
    pub graphql_introspection: bool,
    /// Whether there is a page at /graphiql to try GraphQL out. Its scripts come from a CDN.
    #[arg(long, env = "WAYPOST_GRAPHIQL", default_value_t = true, action = clap::ArgAction::Set)]
    pub graphiql: bool,
    /// Where people reach this server, as in `https://wa.example.com`: the beginning of pairing links. The address that
    /// it listens on when absent.
    #[arg(long, env = "WAYPOST_PUBLIC_URL", value_parser = web_address)]
    pub public_url: Option<String>,
    /// A site whose pages may use the API from a browser, as in `https://app.example.com`. Can be given several times, or as
    /// a list with commas. None when absent.
    #[arg(long, env = "WAYPOST_CORS_ORIGIN", value_delimiter = ',', value_parser = origin::read)]
    pub cors_origin: Vec<String>,
    /// Networks that webhooks may reach although they are private, as in `127.0.0.0/8,10.1.0.0/16`. None when absent.
    #[arg(long, env = "WAYPOST_EGRESS_ALLOW", value_parser = Networks::parse)]
    pub egress_allow: Option<Networks>,
    /// The waits between the attempts of a delivery to a webhook. `5s,30s,5m,30m,2h,6h,12h,24h,24h` when absent.
    #[arg(long, env = "WAYPOST_WEBHOOK_RETRIES", value_parser = RetrySchedule::parse)]
    pub webhook_retries: Option<RetrySchedule>,
    /// Seconds that a webhook's receiver may take to answer.
    #[arg(long, env = "WAYPOST_WEBHOOK_TIMEOUT_SECONDS", default_value = "15", value_parser = clap::value_parser!(u64).range(1..=60))]
    pub webhook_timeout_seconds: u64,
    /// How often a delivery is made that the receiver refuses for good, by a status from 400 to 499 but 408, 410, 425 and 429. Then it
    /// is dead, and no longer in the way of what comes after it.
    #[arg(long, env = "WAYPOST_WEBHOOK_REFUSALS", default_value_t = webhook::REFUSALS, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub webhook_refusals: u32,
    /// Days that events are kept.
    #[arg(long, env = "WAYPOST_EVENT_RETENTION_DAYS", default_value = "30", value_parser = clap::value_parser!(u32).range(1..=3650))]
    pub event_retention_days: u32,
    /// Events that are kept, those of all sessions together; the oldest go first.
    #[arg(long, env = "WAYPOST_EVENT_RETENTION_ROWS", default_value = "10000000", value_parser = clap::value_parser!(u64).range(1000..=1_000_000_000_000))]
    pub event_retention_rows: u64,
    /// Connections that are served at the same time, and never more than a third of what the process may open. 8,192 when
    /// absent.
    #[arg(long, env = "WAYPOST_MAX_CONNECTIONS", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_connections: Option<u32>,
    /// For tests: milliseconds that a connection has for a head, between two requests, and to take what waits for it.
    #[cfg(feature = "sandbox")]
    #[arg(long, env = "WAYPOST_CONNECTION_MILLIS", hide = true, value_delimiter = ',')]
    pub connection_millis: Option<Vec<u64>>,
    /// Seconds that each phase of a shutdown may take.
    #[arg(long, env = "WAYPOST_SHUTDOWN_GRACE", default_value = "20", value_parser = clap::value_parser!(u64).range(1..=600))]
    pub shutdown_grace: u64,
    /// Protocol version to announce to WhatsApp, as `2.3000.N`, instead of the one that it publishes.
    #[arg(long, env = "WAYPOST_WHATSAPP_VERSION", value_parser = version)]
    pub whatsapp_version: Option<(u32, u32, u32)>,
    /// A simulator's address on loopback.
    #[cfg(feature = "sandbox")]
    #[arg(long, env = "WAYPOST_WHATSAPP_URL", value_parser = loopback_url)]
    pub whatsapp_url: Option<String>,
    /// For tests: a point in the code at which the process dies.
    #[cfg(feature = "sandbox")]
    #[arg(long, env = "WAYPOST_CRASH_AT", hide = true)]
    pub crash_at: Option<String>,
    /// For tests: at which passing of that point it dies.
    #[cfg(feature = "sandbox")]
    #[arg(long, env = "WAYPOST_CRASH_AFTER", hide = true, default_value_t = 1)]
    pub crash_after: u64,
    /// For tests: a point in the code at which every thread is held up for good.
    #[cfg(feature = "sandbox")]
    #[arg(long, env = "WAYPOST_STALL_AT", hide = true)]
    pub stall_at: Option<String>,
}

/// How strictly SQLite waits for the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SqliteSynchronous {
    /// A power cut loses nothing.
    Full,
    /// A power cut may lose the last commits.
    Normal,
}

impl From<SqliteSynchronous> for Synchronous {
    fn from(word: SqliteSynchronous) -> Self {
        match word {
            SqliteSynchronous::Full => Self::Full,
            SqliteSynchronous::Normal => Self::Normal,
        }
    }
}

/// Form of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Pretty,
    /// One JSON object a line.
    Json,
}

/// How to link a phone over the API of a running server.
#[derive(Debug, Args)]
pub struct PairArgs {
    /// The session. If there is none, it is created once you have agreed, or with --create.
    pub id: String,
    /// Create the session if there is none, without asking.
    #[arg(long)]
    pub create: bool,
    /// The server.
    #[arg(long, env = "WAYPOST_SERVER", default_value = "http://127.0.0.1:3000")]
    pub server: String,
    /// File that holds the admin token. The token itself can be given as WAYPOST_ADMIN_TOKEN.
    #[arg(long, env = "WAYPOST_ADMIN_TOKEN_FILE")]
    pub admin_token_file: Option<PathBuf>,
    /// Ask for a pair code for this phone number instead of showing a QR code.
    #[arg(long)]
    pub phone_number: Option<String>,
}

/// What to do with the documents.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// Only compare them with the files; exit with 1 if one differs.
    #[arg(long)]
    pub check: bool,
}

/// How to serve together with a simulator.
#[cfg(feature = "sandbox")]
#[derive(Debug, Args)]
pub struct SandboxArgs {
    /// How to serve.
    #[command(flatten)]
    pub serve: ServeArgs,
    /// Loopback address of the simulator's control API.
    #[arg(long, env = "WAYPOST_CONTROL", default_value = "127.0.0.1:7071", value_parser = loopback)]
    pub control: SocketAddr,
}

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

impl CommandLine {
    /// What to do; without a word, serve.
    pub fn command(self) -> Command {
        self.command.unwrap_or(Command::Serve(self.serve))
    }
}

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
    /// Where webhooks may post although it is not the internet.
    pub egress_allow: Networks,
    /// How deliveries are made.
    pub webhooks: webhook::DeliverySettings,
    /// How much of the journal is kept.
    pub retention: retention::RetentionSettings,
    /// How long each phase of a shutdown may take.
    pub shutdown_grace: Duration,
    /// Most connections, if that was said.
    pub max_connections: Option<usize>,
    /// How long connections may take.
    pub connection_timing: Timing,
    /// How to reach WhatsApp.
    pub whatsapp: crate::whatsapp::connector::ConnectorSettings,
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
        let admin_token = admin_token(args.admin_token_file.as_deref())?;
        #[cfg(feature = "sandbox")]
        if let Some(point) = args.crash_at {
            crate::crash::at(point, args.crash_after);
        }
        #[cfg(feature = "sandbox")]
        if let Some(point) = args.stall_at {
            crate::crash::stall_at(point);
        }
        #[cfg(feature = "sandbox")]
        let connection_timing = args.connection_millis.map_or_else(Timing::default, |millis| {
            let limit = |place: usize| Duration::from_millis(millis.get(place).copied().unwrap_or_default());
            Timing { head: limit(0), idle: limit(1), take: limit(2) }
        });
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
        let whatsapp = crate::whatsapp::connector::ConnectorSettings {
            // A build that does not check WhatsApp's certificates must never reach the real one.
            url: Some(args.whatsapp_url.ok_or_else(|| {
                BadConfig(
                    "a build with the `sandbox` feature needs --whatsapp-url, or the `sandbox` command".to_owned(),
                )
            })?),
            version: args.whatsapp_version.or(Some(SANDBOX_VERSION)),
        };
        #[cfg(not(feature = "sandbox"))]
        let whatsapp = crate::whatsapp::connector::ConnectorSettings { url: None, version: args.whatsapp_version };
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

/// An http or https address without a query.
fn web_address(text: &str) -> Result<String, String> {
    let is_web = text.parse::<http::Uri>().is_ok_and(|uri| {
        let scheme = matches!(uri.scheme_str(), Some("http" | "https"));
        scheme && uri.host().is_some_and(|host| !host.is_empty()) && uri.query().is_none()
    });
    if is_web && !text.contains('#') { Ok(text.to_owned()) } else { Err("must be an http or https address".to_owned()) }
}

/// The version that is announced to a simulator, which publishes none.
#[cfg(feature = "sandbox")]
const SANDBOX_VERSION: (u32, u32, u32) = (2, 3000, 1_023_000_000);

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

fn version(text: &str) -> Result<(u32, u32, u32), String> {
    let mut numbers = text.split('.').map(|number| number.parse::<u32>().ok());
    match (numbers.next().flatten(), numbers.next().flatten(), numbers.next().flatten(), numbers.next()) {
        (Some(first), Some(second), Some(third), None) => Ok((first, second, third)),
        _ => Err("must be three numbers with dots, such as 2.3000.1023000000".to_owned()),
    }
}

#[cfg(feature = "sandbox")]
fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr = text.parse().map_err(|_| "must be an address and a port".to_owned())?;
    if address.ip().is_loopback() { Ok(address) } else { Err("must be a loopback address".to_owned()) }
}

#[cfg(feature = "sandbox")]
fn loopback_url(text: &str) -> Result<String, String> {
    let uri: http::Uri = text.parse().map_err(|_| "must be a ws:// address".to_owned())?;
    let is_websocket = matches!(uri.scheme_str(), Some("ws" | "wss"));
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    // A name could point anywhere; only a literal address is sure to stay here.
    let is_loopback = host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    if is_websocket && is_loopback {
        Ok(text.to_owned())
    } else {
        Err("must be ws:// and a literal loopback address: this build does not check WhatsApp's certificates"
            .to_owned())
    }
}
