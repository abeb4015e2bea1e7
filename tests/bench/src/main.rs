//! Measures the server beside a limit in the same run: `waypost-bench density --out DIR`, or another of the subcommands.
//!
//! Programs, not tests: no number makes them fail, but for `crash`, which counts what must not happen. They fail when nothing
//! could be measured.

mod api;
mod bare;
mod broadcast;
mod child;
mod cold_start;
mod crash;
mod density;
mod events;
mod first_qr;
mod graphql;
mod http;
mod load;
mod machine;
mod media;
mod options;
mod process;
mod receiver;
mod report;
mod rest;
mod rounds;
mod seeded_random;
mod sender;
mod sends;
mod static_graph;
mod storage;
mod subscriber;
mod subscriptions;
mod wall_clock;
mod watch;
mod world;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tikv_jemallocator::Jemalloc;
use tokio::signal::unix::{SignalKind, signal};

use crate::api::Api;
use crate::child::Child;
use crate::cold_start::ColdStart;
use crate::crash::Crash;
use crate::density::Density;
use crate::events::Events;
use crate::first_qr::FirstQr;
use crate::graphql::Graphql;
use crate::machine::Machine;
use crate::media::MediaBench;
use crate::options::{Measure, Options};
use crate::sends::Sends;
use crate::subscriptions::Subscriptions;

/// The server's, since the server is this program; so the bare library has it, too.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// Measures Waypost beside a limit in the same run.
#[derive(Debug, Parser)]
#[command(name = "waypost-bench", version)]
struct Line {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// What a logged-in idle session costs.
    Density(Bench<Density>),
    /// How long a server that was killed takes until all sessions are logged in again.
    ColdStart(Bench<ColdStart>),
    /// How long a new session takes to its first QR code, and to its login.
    FirstQr(Bench<FirstQr>),
    /// How many calls the REST interface answers.
    Api(Bench<Api>),
    /// How many queries the GraphQL interface answers.
    Graphql(Bench<Graphql>),
    /// How soon a subscriber sees what happens to a session, and what a subscriber costs.
    Subscriptions(Bench<Subscriptions>),
    /// How many messages a second reach the journal and the webhooks, and how soon.
    Events(Bench<Events>),
    /// How many messages a second go out, how soon they are acknowledged, and what those cost that wait.
    Sends(Bench<Sends>),
    /// How soon files come and go, what memory that takes, and whether texts wait for them.
    Media(Bench<MediaBench>),
    /// Whether anything is lost while the server is killed again and again.
    Crash(Bench<Crash>),
    #[command(flatten)]
    Child(Child),
}

#[derive(Debug, clap::Args)]
struct Bench<T: clap::Args> {
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    bench: T,
}

fn main() -> ExitCode {
    match Line::parse().command {
        Command::Child(child) => child.live(),
        command => match measure(command) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("waypost-bench: {error:#}");
                ExitCode::FAILURE
            }
        },
    }
}

#[tokio::main]
async fn measure(command: Command) -> anyhow::Result<()> {
    // The HTTP client wants a TLS provider even where nothing is encrypted. It fails only if there is one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match command {
        Command::Density(bench) => run(bench).await,
        Command::ColdStart(bench) => run(bench).await,
        Command::FirstQr(bench) => run(bench).await,
        Command::Api(bench) => run(bench).await,
        Command::Graphql(bench) => run(bench).await,
        Command::Subscriptions(bench) => run(bench).await,
        Command::Events(bench) => run(bench).await,
        Command::Sends(bench) => run(bench).await,
        Command::Media(bench) => run(bench).await,
        Command::Crash(bench) => run(bench).await,
        Command::Child(_) => unreachable!("main has taken the children out"),
    }
}

async fn run<T: clap::Args + Measure>(mut bench: Bench<T>) -> anyhow::Result<()> {
    bench.options.check()?;
    if bench.options.quick {
        bench.bench.shrink();
    }
    let machine = Machine::look();
    let report = tokio::select! {
        report = bench.bench.measure(&bench.options) => report?,
        () = stopped() => anyhow::bail!("stopped before everything was measured"),
    };
    report.write(&bench.options.out, &machine)?;
    anyhow::ensure!(
        !T::COUNTS_FAILURES || report.targets.iter().all(|target| target.is_reached),
        "what must not happen did"
    );
    Ok(())
}

/// Resolves when this program is told to stop: what it started is to end with it.
async fn stopped() {
    let signals = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
    let (Ok(mut terminate), Ok(mut interrupt)) = signals else { return std::future::pending().await };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
