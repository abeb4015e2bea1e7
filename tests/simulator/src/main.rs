//! `whatsapp-simulator`: a simulator with its control API, on loopback, until Ctrl-C.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Result;
use clap::Parser;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;
use whatsapp_simulator::{Settings, Simulator, control};

/// A WhatsApp server and phones, for trying things out. Loopback only.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Where clients connect: ws://<listen>/ws/chat
    #[arg(long, default_value = "127.0.0.1:7070")]
    listen: SocketAddr,
    /// Where the JSON control API listens
    #[arg(long, default_value = "127.0.0.1:7071")]
    control: SocketAddr,
    /// Where a media host listens; the first one is the primary. Given once or more
    #[arg(long, default_values = ["127.0.0.1:0", "127.0.0.1:0"])]
    media: Vec<SocketAddr>,
    /// Megabytes of files that the media hosts keep in memory
    #[arg(long, default_value_t = 1024)]
    media_megabytes: u64,
    /// Seconds that the first QR reference of a connection may be scanned
    #[arg(long, default_value_t = 60)]
    first_ref_seconds: u64,
    /// Seconds that each following QR reference may be scanned
    #[arg(long, default_value_t = 20)]
    next_ref_seconds: u64,
    /// QR references per connection
    #[arg(long, default_value_t = 6)]
    refs: usize,
    /// Seconds that a pair code may be entered
    #[arg(long, default_value_t = 180)]
    link_code_seconds: u64,
}

#[tokio::main]
async fn main() -> Result<()> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let arguments = Arguments::parse();
    let control = control::bind(arguments.control).await?;
    let sim = Simulator::start(settings(&arguments)).await?;
    tracing::info!(url = sim.url(), control = %control.local_addr()?, "the simulator is ready");

    let stop = CancellationToken::new();
    let serving = control::serve(sim.clone(), control, stop.clone());
    tokio::pin!(serving);
    tokio::select! {
        ended = &mut serving => ended?,
        interrupted = tokio::signal::ctrl_c() => {
            interrupted?;
            stop.cancel();
            serving.await?;
        }
    }
    sim.stop().await;
    Ok(())
}

fn settings(arguments: &Arguments) -> Settings {
    Settings {
        listen: arguments.listen,
        media_listen: arguments.media.clone(),
        media_limit_bytes: arguments.media_megabytes * 1024 * 1024,
        first_ref_lifetime: Duration::from_secs(arguments.first_ref_seconds),
        next_ref_lifetime: Duration::from_secs(arguments.next_ref_seconds),
        ref_count: arguments.refs,
        link_code_lifetime: Duration::from_secs(arguments.link_code_seconds),
        ..Settings::default()
    }
}
