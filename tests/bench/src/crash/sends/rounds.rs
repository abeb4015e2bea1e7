//! How the servers end while clients post: by `kill -9` at any moment, and by themselves at the points on a message's way, in
//! turns; or all of them at one point.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::watch;

use crate::crash::rounds::{DEATH_MILLIS, Killed, abort};
use crate::crash::sends::POINTS;
use crate::crash::{Crash, Point};
use crate::rest::Rest;
use crate::seeded_random::SeededRandom;
use crate::sends::unpaced;
use crate::storage::Storage;
use crate::world::{Server, Simulator};

/// What the rounds choose by, where they tell of each new server, and what they count.
type Rounds<'a> = (&'a mut SeededRandom, &'a watch::Sender<Rest>, &'a mut BTreeMap<&'static str, usize>);

impl Crash {
    /// Starts servers and ends them, as often as there are rounds. Afterwards none lives.
    pub(super) async fn end_servers(
        &self,
        storage: &Storage,
        simulator: &Simulator,
        first: Server,
        (random, address, aborted_at): Rounds<'_>,
    ) -> anyhow::Result<Killed> {
        let mut killed = Killed::default();
        // The first server was there to link the sessions; it knows of no point, and sends slowly.
        first.process.kill()?;
        for round in 0..self.rounds {
            let passing = 1 + random.below(self.passings);
            let life = Duration::from_millis(random.below(self.life_milliseconds));
            match self.point_of(round) {
                Some(point) => {
                    eprintln!("crash: round {}: {} the {passing}. time", round + 1, point.name());
                    let flags = ["--crash-at", point.name(), "--crash-after", &passing.to_string()].map(str::to_owned);
                    let server = self.launch(storage, simulator, &[&unpaced()[..], &flags].concat())?;
                    address.send_replace(server.rest.clone());
                    abort(server, &mut killed).await?;
                    *aborted_at.entry(point.name()).or_default() += 1;
                }
                None => {
                    eprintln!("crash: round {}: killed after {life:?}", round + 1);
                    let mut server = self.launch(storage, simulator, &unpaced())?;
                    address.send_replace(server.rest.clone());
                    server.answers().await?;
                    tokio::time::sleep(life).await;
                    server.process.kill()?;
                    killed.killed += 1;
                }
            }
            tokio::time::sleep(Duration::from_millis(random.below(DEATH_MILLIS))).await;
        }
        Ok(killed)
    }

    /// Where the server of a round aborts; nowhere in every sixth round, unless all are to end at one point.
    fn point_of(&self, round: usize) -> Option<Point> {
        self.point.or_else(|| POINTS.get(round % (POINTS.len() + 1)).copied())
    }
}
