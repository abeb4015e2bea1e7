//! The subcommands: what `main` calls once the line is parsed.

use std::process::ExitCode;
use std::time::Duration;

use crate::app::Outcome;
use crate::config::BadConfig;
use crate::config::command_line::{Command, CommandLine};
use crate::db::health::StorageFailure;
use crate::error::chain;
use crate::terminal;

mod descriptors;
mod export;
mod pair;
#[cfg(feature = "sandbox")]
mod sandbox;
mod serve;

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
            Command::Serve(args) => serve::run(args).await,
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
        Outcome::Unwritable(StorageFailure::FilesGone) => 72,
        Outcome::Unwritable(StorageFailure::DiskFailed) => 74,
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
