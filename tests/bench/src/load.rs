//! Load on one address: requests over connections that stay open, as fast as the answers come.
//!
//! It runs on one thread in a process of its own and says how busy that was.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::ensure;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use crate::http::{self, Connection};
use crate::process::cpu_of;

/// One round of load.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Load {
    pub(crate) address: SocketAddr,
    pub(crate) path: String,
    /// JSON to post; without it the path is fetched.
    #[arg(long)]
    pub(crate) body: Option<String>,
    /// Connections that ask at the same time.
    #[arg(long)]
    pub(crate) connections: usize,
    #[arg(long)]
    pub(crate) milliseconds: u64,
    #[arg(long, env = "WAYPOST_ADMIN_TOKEN", hide_env_values = true)]
    pub(crate) token: String,
}

/// What came of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Outcome {
    pub(crate) requests: usize,
    pub(crate) seconds: f64,
    /// Milliseconds until the answer was read.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) most: f64,
    /// Bytes of one answer's body.
    pub(crate) body_bytes: usize,
    /// How busy the generator itself was, as a share of one core.
    pub(crate) generator_cpu: f64,
}

/// The child's life: one round, one JSON line.
pub(crate) fn run(load: &Load) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let outcome = runtime.block_on(measure(load))?;
    println!("{}", serde_json::to_string(&outcome)?);
    Ok(())
}

async fn measure(load: &Load) -> anyhow::Result<Outcome> {
    let cpu = cpu_of("self")?;
    let started = Instant::now();
    let until = started + Duration::from_millis(load.milliseconds);
    let request = http::request(load.address, &load.token, &load.path, load.body.as_deref());
    let mut asking = JoinSet::new();
    for _ in 0..load.connections {
        asking.spawn(ask(load.address, request.clone(), until));
    }
    let (mut waits, mut body_bytes) = (Vec::new(), 0);
    while let Some(asked) = asking.join_next().await {
        let (more, bytes) = asked??;
        waits.extend(more);
        body_bytes = bytes;
    }
    let seconds = started.elapsed().as_secs_f64();
    ensure!(!waits.is_empty(), "no answer within {} ms", load.milliseconds);
    waits.sort_by(f64::total_cmp);
    Ok(Outcome {
        requests: waits.len(),
        seconds,
        p50: crate::report::percentile(&waits, 50.0),
        p99: crate::report::percentile(&waits, 99.0),
        most: waits[waits.len() - 1],
        body_bytes,
        generator_cpu: (cpu_of("self")? - cpu).as_secs_f64() / seconds,
    })
}

/// Asks over one connection until the time is over. Milliseconds of each answer, and the last body's size.
async fn ask(address: SocketAddr, request: Vec<u8>, until: Instant) -> anyhow::Result<(Vec<f64>, usize)> {
    let mut connection = Connection::open(address).await?;
    let (mut waits, mut body_bytes) = (Vec::new(), 0);
    while Instant::now() < until {
        let asked = Instant::now();
        body_bytes = connection.ask(&request).await?.len();
        waits.push(asked.elapsed().as_secs_f64() * 1e3);
    }
    Ok((waits, body_bytes))
}
