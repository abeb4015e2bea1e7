//! What happens to the server, or to the receiver, while messages flow.

use std::time::{Duration, Instant};

use anyhow::ensure;
use serde::Serialize;

use crate::crash::Crash;
use crate::receiver::Mode;
use crate::receiver::process::Receiver;
use crate::seeded_random::SeededRandom;
use crate::storage::Storage;
use crate::world::{Server, Simulator};

/// Most milliseconds between a server's end and the next one's start.
pub(super) const DEATH_MILLIS: u64 = 300;
/// Longest wait for a server to pass the point where it aborts. Messages flow all the time.
const POINT_LIMIT: Duration = Duration::from_secs(120);
/// Pause between two looks at whether it has.
const LOOK_PAUSE: Duration = Duration::from_millis(20);
/// Flow before the receiver goes and after it has come back.
const AROUND: Duration = Duration::from_secs(5);

/// How the servers of a run ended.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Killed {
    /// By `kill -9`.
    pub(super) killed: usize,
    /// By themselves, at the point where they were told to.
    pub(super) aborted: usize,
    /// Of these, before they answered at all.
    pub(super) before_answering: usize,
    /// Seconds that nobody listened to the webhooks.
    pub(super) receiver_down_seconds: u64,
}

impl Crash {
    /// Ends the server and starts it again, as often as there are rounds. The last one lives.
    pub(super) async fn kill(
        &self,
        storage: &Storage,
        simulator: &Simulator,
        mut server: Server,
        random: &mut SeededRandom,
    ) -> anyhow::Result<(Server, Killed)> {
        let mut killed = Killed::default();
        if let Some(point) = self.point {
            // The first server knows of no point: it was there to link the sessions.
            server.process.kill()?;
            for round in 1..=self.rounds {
                let passing = 1 + random.below(self.passings);
                eprintln!("crash: round {round}: {} the {passing}. time", point.name());
                let flags = ["--crash-at", point.name(), "--crash-after", &passing.to_string()].map(str::to_owned);
                let server = self.launch(storage, simulator, &flags)?;
                abort(server, &mut killed).await?;
                tokio::time::sleep(Duration::from_millis(random.below(DEATH_MILLIS))).await;
            }
            return Ok((self.start(storage, simulator).await?, killed));
        }
        for round in 1..=self.rounds {
            let life = Duration::from_millis(random.below(self.life_milliseconds));
            eprintln!("crash: round {round}: killed after {life:?}");
            tokio::time::sleep(life).await;
            server.process.kill()?;
            killed.killed += 1;
            tokio::time::sleep(Duration::from_millis(random.below(DEATH_MILLIS))).await;
            server = self.start(storage, simulator).await?;
        }
        Ok((server, killed))
    }

    /// Takes the receiver away for a while and brings it back.
    pub(super) async fn take_receiver_away(
        &self,
        receiver: &Receiver,
        server: Server,
    ) -> anyhow::Result<(Server, Killed)> {
        tokio::time::sleep(AROUND).await;
        eprintln!("crash: the receiver is down for {} s", self.down_seconds);
        receiver.switch(Mode::Down).await?;
        tokio::time::sleep(Duration::from_secs(self.down_seconds)).await;
        receiver.switch(Mode::Up).await?;
        tokio::time::sleep(AROUND).await;
        Ok((server, Killed { receiver_down_seconds: self.down_seconds, ..Killed::default() }))
    }
}

/// Waits until a server has aborted.
///
/// # Errors
/// It does not: it knows of no such point.
pub(super) async fn abort(mut server: Server, killed: &mut Killed) -> anyhow::Result<()> {
    let deadline = Instant::now() + POINT_LIMIT;
    let mut has_answered = false;
    while !server.process.has_ended()? {
        ensure!(Instant::now() < deadline, "the server does not abort where it was told to");
        has_answered = has_answered || server.rest.is_alive().await;
        tokio::time::sleep(LOOK_PAUSE).await;
    }
    killed.aborted += 1;
    killed.before_answering += usize::from(!has_answered);
    Ok(())
}
