//! Waits for something while other things go on.

use std::pin::pin;

use futures::stream::{FuturesUnordered, StreamExt as _};

/// Waits for a future, and polls those that are under way meanwhile. What they end with is added to `ended`.
///
/// Whoever awaits one thing and leaves these alone may wait for ever: one of them may hold what it waits for, such as a connection of
/// the database's pool, which is given to whoever is the next in the queue, awake or not.
pub(super) async fn beside<F: Future, T>(
    under_way: &mut FuturesUnordered<F>,
    ended: &mut Vec<F::Output>,
    wanted: impl Future<Output = T>,
) -> T {
    let mut wanted = pin!(wanted);
    loop {
        tokio::select! {
            biased;
            Some(output) = under_way.next(), if !under_way.is_empty() => ended.push(output),
            wanted = &mut wanted => return wanted,
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::Semaphore;

    use super::*;

    #[tokio::test]
    async fn what_is_under_way_gives_back_what_is_waited_for() {
        let one = Semaphore::new(1);
        let uses = async || {
            let _permit = one.acquire().await.expect("nobody closes it");
            tokio::task::yield_now().await;
        };
        let (mut under_way, mut ended) = (FuturesUnordered::new(), Vec::new());
        for _ in 0..3 {
            under_way.push(uses());
        }
        // Each is in the queue, the first has the permit.
        assert!(futures::poll!(under_way.next()).is_pending());
        beside(&mut under_way, &mut ended, uses()).await;
        assert_eq!(ended.len(), 3, "all three were before it");
    }
}
