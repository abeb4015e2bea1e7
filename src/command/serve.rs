//! `waypost serve`: checks what was asked for, takes the port, and serves until the process is asked to stop.

use std::io::IsTerminal;

use secrecy::{ExposeSecret, SecretString};
use tokio::net::TcpListener;
use tracing::{info, warn};

use crate::api::listener::limits::Limits;
use crate::app::{App, Outcome};
use crate::command::descriptors;
use crate::config::command_line::ServeArgs;
use crate::config::{BadConfig, Config};
use crate::control::Control;
use crate::error::Cause;
use crate::{telemetry, terminal, whatsapp};

/// Serves until the process is asked to stop.
pub(super) async fn run(args: ServeArgs) -> Result<Outcome, Cause> {
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
