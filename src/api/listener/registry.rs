//! The connections that there are, and who of them makes room for another.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::api::listener::activity::Activity;

/// Every connection that has said something.
#[derive(Clone)]
pub(super) struct Connections {
    open: Arc<Mutex<Open>>,
    max: usize,
    leaving_max: usize,
}

#[derive(Default)]
struct Open {
    last: u64,
    connections: HashMap<u64, Arc<Activity>>,
    /// Those that were told to go, and have not gone yet.
    leaving: HashMap<u64, Arc<Activity>>,
}

/// A connection's slot. It is free again when this is dropped, so it stays with the socket.
pub(super) struct Slot {
    connections: Connections,
    number: u64,
    activity: Arc<Activity>,
}

impl Connections {
    pub(super) fn new(max: usize, leaving_max: usize) -> Self {
        Self { open: Arc::default(), max, leaving_max }
    }

    /// A slot for one more. Where there is none left, the connection goes that has been waiting for longest. None if all are
    /// busy.
    pub(super) fn admit(&self) -> Option<Slot> {
        let activity = Arc::new(Activity::new());
        let mut open = self.open.lock();
        if open.connections.len() >= self.max {
            if open.leaving.len() >= self.leaving_max {
                return None;
            }
            let dispensable = open.connections.iter();
            let dispensable = dispensable.filter_map(|(number, activity)| Some((activity.dispensable()?, *number)));
            let (_, number) = dispensable.min()?;
            let leaving = open.connections.remove(&number)?;
            leaving.leave();
            open.leaving.insert(number, leaving);
        }
        open.last += 1;
        let number = open.last;
        open.connections.insert(number, Arc::clone(&activity));
        metrics::gauge!("waypost_connections").increment(1.0);
        Some(Slot { connections: self.clone(), number, activity })
    }
}

impl Slot {
    /// What the connection does.
    pub(super) fn activity(&self) -> &Arc<Activity> {
        &self.activity
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut open = self.connections.open.lock();
        open.connections.remove(&self.number);
        open.leaving.remove(&self.number);
        metrics::gauge!("waypost_connections").decrement(1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_waits_longest_makes_room_and_who_works_does_not() {
        let connections = Connections::new(2, 1);
        let busy = connections.admit().expect("there is room");
        let request = busy.activity().begin();
        let idle = connections.admit().expect("there is room");
        let third = connections.admit().expect("the idle one goes");
        idle.activity().told_to_leave().await;
        assert!(connections.admit().is_none(), "one that leaves still has its socket");
        drop(idle);
        let asked = third.activity().begin();
        assert!(connections.admit().is_none(), "all are busy");
        drop(request);
        let fourth = connections.admit().expect("its request is over");
        busy.activity().told_to_leave().await;
        drop((busy, asked, fourth));
    }
}
