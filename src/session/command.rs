//! What the service asks of an actor.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::error::Elapsed;

use crate::session::pair_codes::WantedCode;

/// What the service asks of an actor. Each reply comes when it is done.
#[derive(Debug)]
pub enum Command {
    /// Go where the row says, after a start of the server.
    Boot,
    /// Go online for the first time.
    Begin,
    /// Go online.
    GoOnline(oneshot::Sender<()>),
    /// Go offline, staying linked.
    GoOffline(oneshot::Sender<()>),
    /// Unlink the device from the phone.
    Logout(oneshot::Sender<()>),
    /// Unlink the device from the phone and end.
    Delete(oneshot::Sender<()>),
    /// Get a pair code.
    Pair(WantedCode),
}

/// Gives an actor a command and waits for its answer, so long in all. None if it will not answer.
pub async fn ask<T>(
    mailbox: &mpsc::Sender<Command>,
    command: Command,
    answer: oneshot::Receiver<T>,
    limit: Duration,
) -> Result<Option<T>, Elapsed> {
    let asked = async {
        mailbox.send(command).await.ok()?;
        answer.await.ok()
    };
    tokio::time::timeout(limit, asked).await
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_millis(50);

    #[tokio::test]
    async fn who_asks_an_actor_that_takes_nothing_waits_as_long_as_for_an_answer() {
        let (mailbox, mut commands) = mpsc::channel(1);
        mailbox.send(Command::Boot).await.expect("there is room");
        let (reply, answer) = oneshot::channel();
        let asked = ask(&mailbox, Command::GoOnline(reply), answer, LIMIT).await;
        asked.expect_err("nobody takes it out");
        commands.recv().await.expect("it is there");
        let (reply, answer) = oneshot::channel();
        ask(&mailbox, Command::GoOnline(reply), answer, LIMIT).await.expect_err("nobody answers");
        drop(commands);
        let (reply, answer) = oneshot::channel();
        let answer = ask(&mailbox, Command::GoOnline(reply), answer, LIMIT).await;
        assert_eq!(answer.expect("it is known at once"), None);
    }
}
