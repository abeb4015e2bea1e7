//! The subcommands: what `main` calls once the line is parsed.

use std::io::IsTerminal;
use std::process::ExitCode;

use secrecy::{ExposeSecret, SecretString};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tracing::info;

use crate::app::App;
use crate::config::{BadConfig, Command, CommandLine, Config, ServeArgs};
use crate::error::{Cause, chain};
use crate::telemetry;

mod descriptors;
mod export;
mod pair;
#[cfg(feature = "sandbox")]
mod sandbox;

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
            Command::Pair(args) => pair::run(args).await,
            Command::Export(args) => export::run(args),
            #[cfg(feature = "sandbox")]
            Command::Sandbox(args) => sandbox::run(args).await,
        }
    });
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => fail(error.as_ref()),
    }
}

fn fail(error: &(dyn std::error::Error + 'static)) -> ExitCode {
    eprintln!("waypost: {}", chain(error));
    if error.is::<BadConfig>() { ExitCode::from(2) } else { ExitCode::FAILURE }
}

async fn serve(args: ServeArgs) -> Result<bool, Cause> {
    telemetry::start_log(args.log_format, &args.log_level)?;
    let config = Config::check(args)?;
    descriptors::raise_limit();
    #[cfg(feature = "sandbox")]
    eprintln!(
        "*** SANDBOX BUILD: WhatsApp's certificates are not checked. It talks to {} only. ***",
        config.whatsapp.url.as_deref().unwrap_or_default()
    );
    let (token, is_made) = match config.admin_token.clone() {
        Some(token) => (token, false),
        None => (make_token(), true),
    };
    // First, so that a port that is taken stops the start before any session dials.
    let listener = TcpListener::bind(config.listen)
        .await
        .map_err(|error| BadConfig::new(format!("--listen {}: {error}", config.listen)))?;
    // Before the first word that somebody could answer with a signal.
    let mut stop = std::pin::pin!(stop_requests()?);
    let address = format!("http://{}", listener.local_addr()?);
    let app = tokio::select! {
        app = App::build(&config, &token, &address) => app?,
        // A database that does not answer must not keep the process.
        () = &mut stop => return Ok(true),
    };
    info!("listening on {address}");
    welcome(&address, is_made.then_some(&token));
    drop(token);
    app.serve(listener, stop).await
}

/// Thirty-two random bytes, so that nobody guesses them.
fn make_token() -> SecretString {
    let bytes: [u8; 32] = rand::random();
    format!("wp_{}", bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()).into()
}

/// The one place where a token that was made here is shown.
fn welcome(address: &str, made: Option<&SecretString>) {
    if let Some(token) = made {
        println!(
            "Admin token, made for this run (set WAYPOST_ADMIN_TOKEN to choose your own): {}",
            token.expose_secret()
        );
    }
    if made.is_some() || std::io::stdout().is_terminal() {
        println!("Swagger UI: {address}/swagger-ui");
        println!("Create a session: curl -X POST {address}/api/v1/sessions -H \"Authorization: Bearer $TOKEN\"");
    }
}

/// Resolves at the first request to stop; the second one ends the process at once.
///
/// # Errors
/// The system takes no handlers.
fn stop_requests() -> std::io::Result<impl Future<Output = ()>> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let (first, stop) = tokio::sync::oneshot::channel();
    #[expect(clippy::disallowed_methods, reason = "it outlives every tracked task on purpose")]
    tokio::spawn(async move {
        let mut next = async || {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        };
        next().await;
        let _ = first.send(()); // The server may have ended by itself.
        next().await;
        eprintln!("waypost: stopped at once");
        std::process::exit(1);
    });
    Ok(async move {
        let _ = stop.await; // The task above never lets go of it unsent.
    })
}
