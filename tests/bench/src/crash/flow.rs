//! What the phones write while the server comes and goes: every phone to every session, one message after the other, with
//! pauses of any length. The simulator keeps what no device has acknowledged.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::crash::Crash;
use crate::rest::Control;
use crate::seeded_random::SeededRandom;
use crate::wall_clock::unix_micros;
use crate::world::{phone_number, sender_number, session_id};

/// What one phone wrote to one session.
#[derive(Clone, Debug)]
pub(super) struct Lane {
    pub(super) session: String,
    /// The messages, in the order in which they were sent.
    pub(super) message_ids: Vec<String>,
}

/// Messages that are being sent.
pub(super) struct Flow {
    writing: JoinSet<anyhow::Result<Lane>>,
    stop: CancellationToken,
}

impl Flow {
    /// Makes the phones and lets them write.
    pub(super) async fn begin(control: &Control, crash: &Crash, seed: u64) -> anyhow::Result<Self> {
        for phone in 0..crash.phones {
            control.add_phone(&sender_number(phone)).await?;
        }
        let lanes = (crash.phones * crash.sessions) as u64;
        // Pauses from nothing to twice the usual one.
        let most_micros = 2 * 1_000_000 * lanes / crash.rate;
        let stop = CancellationToken::new();
        let mut writing = JoinSet::new();
        for phone in 0..crash.phones {
            for session in 0..crash.sessions {
                let stream = 1 + (phone * crash.sessions + session) as u64;
                let writer = Writer {
                    control: control.clone(),
                    phone,
                    session,
                    random: SeededRandom::new(seed, stream),
                    most_micros,
                };
                writing.spawn(writer.write(stop.clone()));
            }
        }
        Ok(Self { writing, stop })
    }

    /// Stops the phones. Everything that was sent is in the answer.
    pub(super) async fn end(mut self) -> anyhow::Result<Vec<Lane>> {
        self.stop.cancel();
        let mut lanes = Vec::new();
        while let Some(lane) = self.writing.join_next().await {
            lanes.push(lane??);
        }
        Ok(lanes)
    }
}

/// One phone, writing to one session.
struct Writer {
    control: Control,
    phone: usize,
    session: usize,
    random: SeededRandom,
    most_micros: u64,
}

impl Writer {
    async fn write(mut self, stop: CancellationToken) -> anyhow::Result<Lane> {
        let (sender, to) = (sender_number(self.phone), phone_number(self.session));
        let mut message_ids = Vec::new();
        loop {
            let pause = Duration::from_micros(self.random.below(self.most_micros));
            // Between two messages only: one that is on its way is sent, and must be known.
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(pause) => {}
            }
            let text = format!("{} {}", unix_micros(), message_ids.len());
            message_ids.extend(self.control.send(&sender, &to, &text, None).await?);
        }
        Ok(Lane { session: session_id(self.session), message_ids })
    }
}
