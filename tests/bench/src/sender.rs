//! What the simulator's phones send, ordered over its control API from this process: as a burst, or at a steady rate.
//!
//! Each session has phones of its own that write to it: one at a steady rate, some in a burst. A text begins with the moment at which the request for it was
//! sent, so every wait that a receiver counts from there has the request and the simulator's own work in it.

use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use crate::report::percentile;
use crate::rest::Control;
use crate::wall_clock::{seconds_between, unix_micros};
use crate::world::{in_parallel, phone_number, sender_number};

/// What the text of a message begins with that is in no measurement.
const WARM_UP: &str = "warm-up";
/// Senders that are prepared at the same time.
const AT_ONCE: usize = 16;
/// Pause between two looks at the simulator's counters.
const LOOK_PAUSE: Duration = Duration::from_millis(5);
/// Longest wait for messages to be acknowledged.
const ACKNOWLEDGED_LIMIT: Duration = Duration::from_secs(300);

/// What a burst was.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Burst {
    pub(crate) messages: u64,
    /// When the first request was sent, Unix microseconds.
    pub(crate) begun_micros: u64,
    /// Seconds until the simulator had encrypted everything and put it into the sessions' queues.
    pub(crate) sender_seconds: f64,
}

/// What was sent at a steady rate, and how well the rate was kept.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Kept {
    pub(crate) messages: u64,
    pub(crate) per_second: f64,
    /// Milliseconds that the slowest hundredth of the requests was sent too late.
    pub(crate) late_p99: f64,
    /// Milliseconds until the simulator had answered a request.
    pub(crate) answer_p50: f64,
    pub(crate) answer_p99: f64,
}

/// A steady rate, spread evenly over the sessions and over the time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Steady {
    pub(crate) sessions: usize,
    /// Messages per second to all sessions together.
    pub(crate) rate: f64,
    pub(crate) duration: Duration,
}

/// Who writes to whom: so many phones to each session.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Chats {
    pub(crate) sessions: usize,
    pub(crate) per_session: usize,
}

impl Chats {
    pub(crate) fn all(self) -> usize {
        self.sessions * self.per_session
    }

    /// The session of one of them.
    pub(crate) fn session(self, chat: usize) -> usize {
        chat % self.sessions
    }

    /// The phone numbers of one of them: of who writes to a session, and of the session.
    pub(crate) fn numbers(self, chat: usize) -> (String, String) {
        (sender_number(chat), phone_number(self.session(chat)))
    }
}

/// Makes the senders and lets each write once: the first message between two costs more than the others.
pub(crate) async fn warm_up(control: &Control, chats: Chats) -> anyhow::Result<()> {
    let before = control.acknowledged().await?;
    in_parallel(0..chats.all(), AT_ONCE, |chat| {
        let control = control.clone();
        async move {
            let (sender, to) = chats.numbers(chat);
            control.add_phone(&sender).await?;
            control.send(&sender, &to, WARM_UP, None).await.map(drop)
        }
    })
    .await?;
    acknowledged(control, before + chats.all() as u64, chats.sessions).await.map(drop)
}

/// Lets all senders write so many texts each as fast as the simulator can.
pub(crate) async fn burst(control: &Control, chats: Chats, each: usize) -> anyhow::Result<Burst> {
    let begun_micros = unix_micros();
    in_parallel(0..chats.all(), chats.all(), |chat| {
        let control = control.clone();
        async move {
            let (text, (sender, to)) = (unix_micros().to_string(), chats.numbers(chat));
            let ids = control.send(&sender, &to, &text, Some(each)).await?;
            ensure!(ids.len() == each, "{} of {each} messages were sent", ids.len());
            Ok(())
        }
    })
    .await?;
    let sender_seconds = seconds_between(begun_micros, unix_micros());
    Ok(Burst { messages: (chats.all() * each) as u64, begun_micros, sender_seconds })
}

/// Waits until the simulator has so many acknowledgements and no session has a message left. When that was, Unix
/// microseconds. An acknowledged message is in the server's journal: that is the order of things in the server.
pub(crate) async fn acknowledged(control: &Control, count: u64, sessions: usize) -> anyhow::Result<u64> {
    let deadline = Instant::now() + ACKNOWLEDGED_LIMIT;
    while Instant::now() < deadline {
        let so_far = control.acknowledged().await?;
        let at_micros = unix_micros();
        if so_far >= count && undelivered(control, sessions).await? == 0 {
            return Ok(at_micros);
        }
        tokio::time::sleep(LOOK_PAUSE).await;
    }
    bail!("{} of {count} messages were acknowledged", control.acknowledged().await?)
}

/// Messages that the sessions have not acknowledged.
pub(crate) async fn undelivered(control: &Control, sessions: usize) -> anyhow::Result<u64> {
    let mut all = 0;
    for session in 0..sessions {
        all += control.undelivered(&phone_number(session)).await?;
    }
    Ok(all)
}

impl Steady {
    /// Sends until the time is over.
    pub(crate) async fn send(&self, control: &Control) -> anyhow::Result<Kept> {
        let begun = Instant::now() + Duration::from_millis(10);
        let mut sending = JoinSet::new();
        for session in 0..self.sessions {
            sending.spawn(self.lane(session, begun, control.clone()));
        }
        let (mut late, mut answers) = (Vec::new(), Vec::new());
        while let Some(lane) = sending.join_next().await {
            for (late_millis, answer_millis) in lane?? {
                late.push(late_millis);
                answers.push(answer_millis);
            }
        }
        let seconds = begun.elapsed().as_secs_f64();
        late.sort_by(f64::total_cmp);
        answers.sort_by(f64::total_cmp);
        Ok(Kept {
            messages: late.len() as u64,
            per_second: late.len() as f64 / seconds,
            late_p99: percentile(&late, 99.0),
            answer_p50: percentile(&answers, 50.0),
            answer_p99: percentile(&answers, 99.0),
        })
    }

    /// How many of the messages go to this session.
    pub(crate) fn messages_to(&self, session: usize) -> u64 {
        (0..).take_while(|&number| self.turn(session, number) < self.duration).count() as u64
    }

    /// When a session's message is due, from the beginning.
    fn turn(&self, session: usize, number: usize) -> Duration {
        Duration::from_secs_f64((session + number * self.sessions) as f64 / self.rate)
    }

    /// What one session gets: every so many messages of all, beginning with its own place among them. Milliseconds of
    /// lateness and until the answer, of each message.
    fn lane(
        &self,
        session: usize,
        begun: Instant,
        control: Control,
    ) -> impl Future<Output = anyhow::Result<Vec<(f64, f64)>>> + Send + 'static {
        let steady = *self;
        async move {
            let (from, to) = (sender_number(session), phone_number(session));
            let mut sent = Vec::new();
            for number in 0.. {
                let turn = steady.turn(session, number);
                if turn >= steady.duration {
                    break;
                }
                let due = begun + turn;
                tokio::time::sleep_until(due.into()).await;
                let late = due.elapsed();
                control.send(&from, &to, &format!("{} {number}", unix_micros()), None).await?;
                let answered = due.elapsed().saturating_sub(late);
                sent.push((late.as_secs_f64() * 1e3, answered.as_secs_f64() * 1e3));
            }
            Ok(sent)
        }
    }
}
