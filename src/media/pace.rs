//! How fast bytes must come in that a client sends: as slowly as a bad line carries them, but not so slowly that it is for ever.

use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, Stream, StreamExt};
use tokio::time::{Instant, timeout_at};

use crate::error::{Error, Result};

/// What must come in each period, bytes. Far below any line that carries a picture at all.
const LEAST: usize = 4 * 1024;

/// A body, and by when more of it must have come.
struct Paced<S> {
    pieces: Pin<Box<S>>,
    period: Duration,
    until: Instant,
    /// What has come of that since the period began.
    came: usize,
    is_over: bool,
}

/// The pieces of a body, until less than 4 KiB of it came in a period. Ends with the first failure.
///
/// # Errors
/// Each piece: `Invalid` if it came too slowly, or if the connection ended before the body.
pub fn steady<S, E>(pieces: S, period: Duration) -> impl Stream<Item = Result<Bytes>> + Send + 'static
where
    S: Stream<Item = Result<Bytes, E>> + Send + 'static,
    E: std::error::Error + Send + Sync + 'static,
{
    let until = Instant::now() + period;
    let paced = Paced { pieces: Box::pin(pieces), period, until, came: 0, is_over: false };
    stream::unfold(paced, |mut paced| async move {
        let piece = paced.next().await?;
        paced.is_over = piece.is_err();
        Some((piece, paced))
    })
}

impl<S, E> Paced<S>
where
    S: Stream<Item = Result<Bytes, E>>,
    E: std::error::Error + Send + Sync + 'static,
{
    async fn next(&mut self) -> Option<Result<Bytes>> {
        if self.is_over {
            return None;
        }
        match timeout_at(self.until, self.pieces.next()).await {
            Ok(None) => None,
            Ok(Some(Ok(piece))) => {
                self.came = self.came.saturating_add(piece.len());
                if self.came >= LEAST {
                    self.came = 0;
                    self.until = Instant::now() + self.period;
                }
                Some(Ok(piece))
            }
            Ok(Some(Err(error))) => Some(Err(Error::invalid("the body", "ended before it was whole").because(error))),
            Err(_) => {
                let seconds = self.period.as_secs_f64();
                let rule = format!("came too slowly: at least {LEAST} bytes must come every {seconds} s");
                Some(Err(Error::invalid("the body", rule)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    const PERIOD: Duration = Duration::from_secs(1);

    /// A body whose pieces come after so many milliseconds each. Gives what came through, bytes, and what ended it.
    async fn through(pieces: Vec<(u64, Result<Bytes, io::Error>)>) -> (usize, Option<String>) {
        let pieces = stream::iter(pieces).then(|(millis, piece)| async move {
            tokio::time::sleep(Duration::from_millis(millis)).await;
            piece
        });
        let mut pieces = Box::pin(steady(pieces, PERIOD));
        let (mut count, mut failure) = (0, None);
        while let Some(piece) = pieces.next().await {
            assert_eq!(failure, None, "nothing comes behind a failure");
            match piece {
                Ok(piece) => count += piece.len(),
                Err(error) => failure = Some(error.to_string()),
            }
        }
        (count, failure)
    }

    fn bytes(count: usize) -> Result<Bytes, io::Error> {
        Ok(Bytes::from(vec![0; count]))
    }

    #[tokio::test]
    async fn a_body_may_be_slow_but_must_not_stop() {
        let slow = (0..6).map(|_| (300, bytes(LEAST))).collect();
        assert_eq!(through(slow).await, (6 * LEAST, None));
        let too_slow = "`the body` came too slowly: at least 4096 bytes must come every 1 s";
        let (count, told) = through((0..100).map(|_| (100, bytes(1))).collect()).await;
        assert_eq!(told.as_deref(), Some(too_slow));
        assert!(count < 15, "{count}");
        assert_eq!(through(vec![(0, bytes(5)), (3_000, bytes(LEAST))]).await, (5, Some(too_slow.to_owned())));
        assert_eq!(through(vec![(0, bytes(7))]).await, (7, None));
    }

    #[tokio::test]
    async fn a_body_that_is_cut_off_is_not_whole() {
        let cut = vec![(0, bytes(5)), (0, Err(io::ErrorKind::UnexpectedEof.into())), (0, bytes(5))];
        assert_eq!(through(cut).await, (5, Some("`the body` ended before it was whole".to_owned())));
    }
}
