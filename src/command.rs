//! The subcommands: what `main` calls once the line is parsed.

use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::net::TcpListener;
use tracing::{info, warn};

use crate::api::listener::Limits;
use crate::app::{App, Outcome};
use crate::config::{BadConfig, Command, CommandLine, Config, ServeArgs};
use crate::control::Control;
use crate::db::Ending;
use crate::error::{Cause, chain};
use crate::{telemetry, terminal, whatsapp};

mod descriptors;
mod export;
mod pair;
#[cfg(feature = "sandbox")]
mod sandbox;

/// Longest wait for threads that are held up when everything else has ended.
const LAST_THREADS_LIMIT: Duration = Duration::from_secs(1);

/// Does what the command line says.
pub fn run(line: CommandLine) -> ExitCode {
    // The process has two users of TLS and one provider; it fails only if there is one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error),
    };
    let outcome = runtime.block_on(async {
        match line.command() {
            Command::Serve(args) => serve(args).await,
            Command::Pair(args) => pair::run(args).await.map(of),
            Command::Export(args) => export::run(args).map(of),
            #[cfg(feature = "sandbox")]
            Command::Sandbox(args) => sandbox::run(args).await,
        }
    });
    runtime.shutdown_timeout(LAST_THREADS_LIMIT);
    match outcome {
        Ok(outcome) => ExitCode::from(code(outcome)),
        Err(error) => fail(error.as_ref()),
    }
}

/// What the process ends with. README has the list.
fn code(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Orderly => 0,
        Outcome::Troubled => 1,
        // EX_OSFILE and EX_IOERR. src: sysexits.h
        Outcome::Unwritable(Ending::FilesGone) => 72,
        Outcome::Unwritable(Ending::DiskFailed) => 74,
    }
}

/// How a command that serves nobody ended.
fn of(is_done: bool) -> Outcome {
    if is_done { Outcome::Orderly } else { Outcome::Troubled }
}

fn fail(error: &(dyn std::error::Error + 'static)) -> ExitCode {
    terminal::complain(format_args!("waypost: {}", chain(error)));
    if error.is::<BadConfig>() { ExitCode::from(2) } else { ExitCode::FAILURE }
}

async fn serve(args: ServeArgs) -> Result<Outcome, Cause> {
    telemetry::start_log(args.log_format, &args.log_level, whatsapp::message_ends())?;
    let config = Config::check(args)?;
    let limits = limits(&config, descriptors::raise_limit());
    #[cfg(feature = "sandbox")]
    terminal::complain(format_args!(
        "*** SANDBOX BUILD: WhatsApp's certificates are not checked. It talks to {} only. ***",
        config.whatsapp.url.as_deref().unwrap_or_default()
    ));
    let (token, is_made) = match config.admin_token.clone() {
        Some(token) => (token, false),
        None => (make_token(), true),
    };
    // First, so that a port that is taken stops the start before any session dials.
    let listener = TcpListener::bind(config.listen)
        .await
        .map_err(|error| BadConfig::new(format!("--listen {}: {error}", config.listen)))?;
    // Before the first word that somebody could answer with a signal.
    let control = Control::start(config.shutdown_grace)?;
    let address = format!("http://{}", listener.local_addr()?);
    let app = tokio::select! {
        app = App::build(&config, &token, &address) => app?,
        // A database that does not answer must not keep the process.
        () = control.stop().cancelled() => return Ok(Outcome::Orderly),
    };
    if config.public_url.is_none() && !config.is_reachable_as_bound() {
        warn!(
            "nobody can open {address}, so pairing links are refused: set --public-url to where people reach the server"
        );
    }
    info!("listening on {address}");
    // A browser on this machine can open loopback; it cannot open every address.
    let shown = address.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:");
    welcome(&shown, is_made.then_some(&token));
    drop(token);
    app.serve(listener.into_std()?, limits, &control).await
}

/// The limits of connections in a process that may open so many files and sockets.
fn limits(config: &Config, descriptors: Option<u64>) -> Limits {
    let limits = Limits::new(config.max_connections, descriptors, config.connection_timing);
    if let Some(wanted) = config.max_connections.filter(|wanted| *wanted > limits.connections_max) {
        let taken = limits.connections_max;
        warn!("--max-connections {wanted}: {taken} are taken, since half of the process's descriptors are kept back");
    }
    limits
}

/// Thirty-two random bytes, so that nobody guesses them.
fn make_token() -> SecretString {
    let bytes: [u8; 32] = rand::random();
    format!("wp_{}", bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()).into()
}

/// The one place where a token that was made here is shown.
fn welcome(address: &str, made: Option<&SecretString>) {
    if let Some(token) = made {
        terminal::say(format_args!(
            "Admin token, made for this run (set WAYPOST_ADMIN_TOKEN to choose your own): {}",
            token.expose_secret()
        ));
    }
    if made.is_some() || std::io::stdout().is_terminal() {
        terminal::say(format_args!("Swagger UI: {address}/swagger-ui"));
        terminal::say(format_args!(
            "Create a session: curl -X POST {address}/api/v1/sessions -H \"Authorization: Bearer $TOKEN\""
        ));
    }
}
