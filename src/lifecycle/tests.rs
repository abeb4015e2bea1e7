use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::*;

/// Far more than it takes.
const LIMIT: Duration = Duration::from_secs(20);
const PHASES: [ShutdownPhase; 4] =
    [ShutdownPhase::Doors, ShutdownPhase::Sessions, ShutdownPhase::Workers, ShutdownPhase::Journal];

/// Notes when each phase is told to stop, and when its task has ended a moment later.
fn noting(lifecycle: &Lifecycle) -> Arc<Mutex<Vec<(ShutdownPhase, &'static str)>>> {
    let notes = Arc::new(Mutex::new(Vec::new()));
    for phase in PHASES {
        let (stop, notes) = (lifecycle.0.part(phase).stop.clone(), Arc::clone(&notes));
        lifecycle.spawn(phase, "test", async move {
            stop.cancelled().await;
            notes.lock().push((phase, "told"));
            tokio::time::sleep(Duration::from_millis(5)).await;
            notes.lock().push((phase, "ended"));
        });
    }
    notes
}

#[tokio::test]
async fn a_phase_is_told_to_stop_when_the_one_before_has_ended() {
    let lifecycle = Lifecycle::new();
    let notes = noting(&lifecycle);
    assert!(lifecycle.shut_down(LIMIT).await);
    let expected: Vec<_> = PHASES.iter().flat_map(|phase| [(*phase, "told"), (*phase, "ended")]).collect();
    assert_eq!(*notes.lock(), expected);
    assert!(!lifecycle.hard().is_cancelled() && lifecycle.tasks_alive() == 0);
}

#[tokio::test]
async fn a_phase_that_does_not_end_holds_the_next_up_for_no_longer_than_its_limit() {
    let lifecycle = Lifecycle::new();
    let notes = noting(&lifecycle);
    lifecycle.spawn(ShutdownPhase::Sessions, "test", std::future::pending());
    assert!(!lifecycle.shut_down(Duration::from_millis(100)).await);
    assert_eq!(notes.lock().last(), Some(&(ShutdownPhase::Journal, "ended")));
    assert!(lifecycle.hard().is_cancelled() && lifecycle.tasks_alive() == 1);
}

#[tokio::test]
async fn a_connection_that_does_not_end_is_cut_before_the_sessions_are_told() {
    let lifecycle = Lifecycle::new();
    let (hard, sessions) = (lifecycle.hard().clone(), lifecycle.sessions().clone());
    let (cut, is_cut) = oneshot::channel();
    lifecycle.host_connection(&Handle::current(), async move {
        hard.cancelled().await;
        let _ = cut.send(sessions.is_cancelled()); // The test waits for it.
    });
    assert!(!lifecycle.shut_down(Duration::from_millis(100)).await);
    assert!(!is_cut.await.expect("it is cut"));
}

#[tokio::test]
async fn work_is_completed_although_its_caller_is_gone_and_a_shutdown_waits_for_it() {
    let lifecycle = Lifecycle::new();
    let (begin, begun) = oneshot::channel::<()>();
    let is_done = Arc::new(AtomicBool::new(false));
    let done = Arc::clone(&is_done);
    let caller = lifecycle.complete(async move {
        begun.await.map_err(Error::internal)?;
        tokio::time::sleep(Duration::from_millis(5)).await;
        done.store(true, Ordering::Relaxed);
        Ok(())
    });
    // It has begun, and hangs up.
    assert!(tokio::time::timeout(Duration::from_millis(5), caller).await.is_err());
    begin.send(()).expect("it goes on");
    assert!(lifecycle.shut_down(LIMIT).await);
    assert!(is_done.load(Ordering::Relaxed));
}
