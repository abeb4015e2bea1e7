//! The words of the command line: the subcommands, their flags, and the variable that stands for each flag. What a flag's comment
//! says is what `--help` shows.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use secrecy::SecretString;

use crate::config::{origin, value};
use crate::db::sqlite::Synchronous;
use crate::egress::networks::Networks;
use crate::media;
use crate::webhook;
use crate::webhook::delivery::retry_schedule::RetrySchedule;

/// Many WhatsApp accounts over one HTTP API.
#[derive(Debug, Parser)]
#[command(name = "waypost", version, args_conflicts_with_subcommands = true)]
pub struct CommandLine {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: ServeArgs,
}

impl CommandLine {
    /// What to do; without a word, serve.
    pub fn command(self) -> Command {
        self.command.unwrap_or(Command::Serve(self.serve))
    }
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
    #[arg(long, env = "WAYPOST_PUBLIC_URL", value_parser = value::web_address)]
    pub public_url: Option<String>,
    /// A site whose pages may use the API from a browser, as in `https://app.example.com`. Can be given several times, or as
    /// a list with commas. None when absent.
    #[arg(long, env = "WAYPOST_CORS_ORIGIN", value_delimiter = ',', value_parser = origin::read)]
    pub cors_origin: Vec<String>,
    /// Networks that webhooks, link previews and fetches of files may reach although they are private, as in
    /// `127.0.0.0/8,10.1.0.0/16`. None when absent.
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
    /// Days that messages are kept: to be listed, answered, and sent again to phones that could not read them. Never shorter than their
    /// events.
    #[arg(long, env = "WAYPOST_MESSAGE_RETENTION_DAYS", default_value = "30", value_parser = clap::value_parser!(u32).range(7..=3650))]
    pub message_retention_days: u32,
    /// Folder in which files are kept: those that are to be sent, and those that came. `media` in the data directory when absent, with
    /// PostgreSQL as well. No two servers may have the same.
    #[arg(long, env = "WAYPOST_MEDIA_DIR")]
    pub media_dir: Option<PathBuf>,
    /// Bytes of the largest file that may be handed in: 100 MiB. At most 2 GiB, which is what WhatsApp takes.
    #[arg(long, env = "WAYPOST_MEDIA_MAX_BYTES", default_value_t = media::SIZE_MAX, value_parser = clap::value_parser!(u64).range(1..=2_147_483_648))]
    pub media_max_bytes: u64,
    /// Bytes that all files may take together: 10 GiB. Those go first that were needed longest ago; never what a message needs that is
    /// not sent yet, nor what was needed within the last hour. When there is no room, no file is taken.
    #[arg(long, env = "WAYPOST_MEDIA_QUOTA", default_value_t = media::QUOTA, value_parser = clap::value_parser!(u64).range(1_048_576..=1_125_899_906_842_624))]
    pub media_quota: u64,
    /// Days that a file is kept after it was needed last.
    #[arg(long, env = "WAYPOST_MEDIA_RETENTION_DAYS", default_value = "7", value_parser = clap::value_parser!(u32).range(1..=3650))]
    pub media_retention_days: u32,
    /// For tests: milliseconds in which some of an upload must come.
    #[cfg(feature = "sandbox")]
    #[arg(long, env = "WAYPOST_MEDIA_STALL_MILLIS", hide = true)]
    pub media_stall_millis: Option<u64>,
    /// Messages that each session sends per second, in the long run; 0 is as fast as it goes.
    #[arg(long, env = "WAYPOST_SEND_RATE", default_value = "1", value_parser = value::rate)]
    pub send_rate: f64,
    /// Messages that a session that has sent none for a while sends at once.
    #[arg(long, env = "WAYPOST_SEND_BURST", default_value = "5", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub send_burst: u32,
    /// Whether messages to people who have never written wait while WhatsApp restricts their account, until the end that it names.
    /// Otherwise they fail at once.
    #[arg(long, env = "WAYPOST_HOLD_WHEN_RESTRICTED", default_value_t = true, action = clap::ArgAction::Set)]
    pub hold_when_restricted: bool,
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
    #[arg(long, env = "WAYPOST_WHATSAPP_VERSION", value_parser = value::version)]
    pub whatsapp_version: Option<(u32, u32, u32)>,
    /// A simulator's address on loopback.
    #[cfg(feature = "sandbox")]
    #[arg(long, env = "WAYPOST_WHATSAPP_URL", value_parser = value::loopback_url)]
    pub whatsapp_url: Option<String>,

    /// No flag: the WhatsApp of the `sandbox` command is in its own process, whatever proxy leads to the real one.
    #[cfg(feature = "sandbox")]
    #[arg(skip)]
    pub passes_proxy: bool,
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
    #[arg(long, env = "WAYPOST_CONTROL", default_value = "127.0.0.1:7071", value_parser = value::loopback)]
    pub control: SocketAddr,
}
