//! What this program is when it starts itself again: the server, the simulator, what the server is measured against,
//! the webhooks' receiver, or the clients. One build makes them all.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use poem::listener::TcpListener;
use poem::{Route, handler};
use tokio_util::sync::CancellationToken;
use whatsapp_simulator::{Settings, Simulator, control};

use crate::load::Load;
use crate::subscriber::Subscriber;
use crate::{bare, broadcast, load, receiver, static_graph, subscriber};

/// Messages that the simulator keeps of each phone: more than a run sends, because at its end they are counted.
const KEPT_MESSAGES: usize = 200_000;

/// The hidden subcommands.
#[derive(Debug, Subcommand)]
pub(crate) enum Child {
    /// The server, by its own command line.
    #[command(hide = true, name = "child-server", disable_help_flag = true)]
    Server {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// The simulator.
    #[command(hide = true, name = "child-simulator")]
    Simulator { listen: SocketAddr, control: SocketAddr },
    /// The bare library.
    #[command(hide = true, name = "child-bare")]
    Bare { whatsapp_url: String },
    /// A poem server whose only handler does nothing.
    #[command(hide = true, name = "child-empty")]
    Empty { listen: SocketAddr },
    /// A poem server whose GraphQL field is always the same.
    #[command(hide = true, name = "child-static")]
    Static { listen: SocketAddr },
    /// A poem server whose sockets pass a broadcast on.
    #[command(hide = true, name = "child-broadcast")]
    Broadcast { listen: SocketAddr },
    /// What webhooks are posted to.
    #[command(hide = true, name = "child-receiver")]
    Receiver { listen: SocketAddr, control: SocketAddr },
    /// Many subscribers.
    #[command(hide = true, name = "child-subscribers")]
    Subscribers(Subscriber),
    /// One round of load.
    #[command(hide = true, name = "child-load")]
    Load(Load),
}

impl Child {
    /// Lives until its work is done or it is killed.
    pub(crate) fn live(self) -> ExitCode {
        let outcome = match self {
            Self::Server { arguments } => return server(arguments),
            Self::Simulator { listen, control } => simulator(listen, control),
            Self::Bare { whatsapp_url } => bare::run(&whatsapp_url),
            Self::Empty { listen } => empty(listen),
            Self::Static { listen } => static_graph::run(listen),
            Self::Broadcast { listen } => broadcast::run(listen),
            Self::Receiver { listen, control } => receiver::run(listen, control),
            Self::Subscribers(subscriber) => subscriber::run(&subscriber),
            Self::Load(load) => load::run(&load),
        };
        match outcome {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{error:#}");
                ExitCode::FAILURE
            }
        }
    }
}

fn server(arguments: Vec<OsString>) -> ExitCode {
    let line = std::iter::once(OsString::from("waypost")).chain(arguments);
    waypost::command::run(waypost::config::command_line::CommandLine::parse_from(line))
}

#[tokio::main]
async fn simulator(listen: SocketAddr, control_address: SocketAddr) -> anyhow::Result<()> {
    // First the control interface's address, last its answers: who gets one may connect.
    let control = control::bind(control_address).await?;
    let settings = Settings { listen, inbox_limit: KEPT_MESSAGES, ..Settings::default() };
    let simulator = Simulator::start(settings).await?;
    control::serve(simulator, control, CancellationToken::new()).await
}

#[tokio::main]
async fn empty(listen: SocketAddr) -> anyhow::Result<()> {
    Ok(poem::Server::new(TcpListener::bind(listen)).run(Route::new().at("/", nothing)).await?)
}

/// What every request costs before anything is done for it.
#[handler]
fn nothing() {}
