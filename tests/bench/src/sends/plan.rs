//! Who sends how much, and when: one plan for those who call the server and for the bare library, carried out in the same way.
//!
//! In each chat one text follows the other: the next one goes when WhatsApp has acknowledged the one before.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use crate::receiver::ledger::Latency;
use crate::report::percentile;
use crate::sender::Chats;
use crate::wall_clock::unix_micros;

/// From the order until the first text: all tasks wait by then.
const HEAD_START: Duration = Duration::from_millis(10);

/// What is to be sent.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Plan {
    pub(crate) chats: Chats,
    /// Texts in each chat.
    pub(crate) each: usize,
    /// Texts per second of all chats together, spread evenly. Without it, as fast as they are acknowledged.
    pub(crate) rate: Option<f64>,
}

/// What came of it: everything was acknowledged.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Round {
    pub(crate) messages: u64,
    /// From the first text until the last acknowledgement.
    pub(crate) seconds: f64,
    /// From the moment before a text is sent until it is acknowledged, milliseconds.
    pub(crate) wait: Latency,
    /// Milliseconds that the slowest hundredth was sent behind its turn. Zero without a rate, where there are no turns.
    pub(crate) late_p99: f64,
}

/// Whoever sends the texts of one chat.
pub(crate) trait Chat: Send + 'static {
    /// Sends a text, and waits until it is acknowledged.
    fn send(&mut self, text: String) -> impl Future<Output = anyhow::Result<()>> + Send;
}

/// A text that was acknowledged.
struct Sent {
    late: Duration,
    wait: Duration,
}

impl Plan {
    /// How long it takes if the rate is kept.
    pub(crate) fn duration(&self) -> Duration {
        self.rate.map_or(Duration::ZERO, |rate| Duration::from_secs_f64((self.chats.all() * self.each) as f64 / rate))
    }

    /// Lets these chats send, in the order of their numbers.
    pub(crate) async fn carry_out<C: Chat>(self, chats: Vec<C>) -> anyhow::Result<Round> {
        let begun = Instant::now() + HEAD_START;
        let mut sending = JoinSet::new();
        for (number, chat) in chats.into_iter().enumerate() {
            sending.spawn(self.lane(number, chat, begun));
        }
        let mut all = Vec::new();
        while let Some(lane) = sending.join_next().await {
            all.extend(lane??);
        }
        let seconds = begun.elapsed().as_secs_f64();
        let waits: Vec<u32> = all.iter().map(|sent| micros(sent.wait)).collect();
        let mut late: Vec<f64> = all.iter().map(|sent| sent.late.as_secs_f64() * 1e3).collect();
        late.sort_by(f64::total_cmp);
        let wait = Latency::of(&waits).unwrap_or(Latency::UNKNOWN);
        Ok(Round { messages: all.len() as u64, seconds, wait, late_p99: percentile(&late, 99.0) })
    }

    /// The texts of one chat. Each ends with its number.
    async fn lane<C: Chat>(self, chat_number: usize, mut chat: C, begun: Instant) -> anyhow::Result<Vec<Sent>> {
        let mut sent = Vec::with_capacity(self.each);
        tokio::time::sleep_until(begun.into()).await;
        for number in 0..self.each {
            let late = match self.turn(chat_number, number) {
                Some(turn) => {
                    let due = begun + turn;
                    tokio::time::sleep_until(due.into()).await;
                    due.elapsed()
                }
                None => Duration::ZERO,
            };
            let begun = Instant::now();
            chat.send(format!("{} {number}", unix_micros())).await?;
            sent.push(Sent { late, wait: begun.elapsed() });
        }
        Ok(sent)
    }

    /// When a text is due, from the beginning.
    fn turn(&self, chat_number: usize, number: usize) -> Option<Duration> {
        let place = chat_number + number * self.chats.all();
        self.rate.map(|rate| Duration::from_secs_f64(place as f64 / rate))
    }
}

fn micros(duration: Duration) -> u32 {
    u32::try_from(duration.as_micros()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Silent;

    impl Chat for Silent {
        async fn send(&mut self, _text: String) -> anyhow::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn every_chat_sends_all_its_texts_at_the_rate_of_all() {
        let plan = Plan { chats: Chats { sessions: 2, per_session: 2 }, each: 3, rate: Some(100.0) };
        let round = plan.carry_out(vec![Silent, Silent, Silent, Silent]).await.unwrap();
        assert_eq!(round.messages, 12);
        assert!(round.seconds >= 0.11, "the last of twelve is due after 110 ms: {}", round.seconds);
        assert_eq!(plan.duration(), Duration::from_millis(120));
    }
}
