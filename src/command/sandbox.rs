//! `waypost sandbox`: the server and a simulated WhatsApp in one process, a fresh world at each start.

use whatsapp_simulator::{Settings, Simulator, control};

use crate::app::Outcome;
use crate::command::serve;
use crate::config::BadConfig;
use crate::config::command_line::SandboxArgs;
use crate::error::Cause;
use crate::lifecycle::{Lifecycle, ShutdownPhase};
use crate::terminal;

/// Serves until the process is asked to stop. The phones forget everything with it, so the sessions do too.
pub(super) async fn run(args: SandboxArgs) -> Result<Outcome, Cause> {
    let SandboxArgs { mut serve, control: address } = args;
    if serve.database_url.is_some() || serve.whatsapp_url.is_some() || serve.data_dir.is_some() {
        let line = "the sandbox has a database and a WhatsApp of its own, new at each start: leave --database-url, \
                    --data-dir and --whatsapp-url out";
        return Err(BadConfig::new(line).into());
    }
    if !serve.listen.ip().to_canonical().is_loopback() {
        let line = format!("--listen {}: the sandbox is for this machine only: give a loopback address", serve.listen);
        return Err(BadConfig::new(line).into());
    }
    let listener =
        control::bind(address).await.map_err(|error| BadConfig::new(format!("--control {address}: {error}")))?;
    let data = tempfile::tempdir()?;
    let sim = Simulator::start(Settings::default()).await?;
    serve.data_dir = Some(data.path().to_owned());
    serve.whatsapp_url = Some(sim.url());
    serve.passes_proxy = true;

    let lifecycle = Lifecycle::new();
    let stop = lifecycle.doors().clone();
    terminal::say(format_args!("Phones of the simulated WhatsApp: http://{}/phones", listener.local_addr()?));
    let controlled = control::serve(sim.clone(), listener, stop.clone());
    let controlling = lifecycle.spawn(ShutdownPhase::Doors, "simulator control", async move {
        if let Err(error) = controlled.await {
            tracing::error!(error = %error, "the simulator's control API ended");
        }
    });
    let outcome = serve::run(serve).await;
    stop.cancel();
    let _ = controlling.await; // A panic is logged where it is watched.
    sim.stop().await;
    outcome
}
