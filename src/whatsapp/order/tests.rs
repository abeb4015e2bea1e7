use std::time::Duration;

use super::*;

/// A queue of a connection on which everything that waited has come.
fn live(now: Instant) -> Queue<&'static str> {
    let mut queue = Queue::new(now);
    queue.backlog_ends(now);
    queue.backlog_ended(None, now);
    queue
}

fn message<T>(queue: &mut Queue<T>, id: &str, chat: &str, now: Instant) {
    queue.message(id, &chat.into(), now);
}

fn taken(queue: &mut Queue<&'static str>) -> Vec<&'static str> {
    queue.take(usize::MAX)
}

#[test]
fn what_happens_waits_for_the_stanzas_that_came_in_before() {
    let now = Instant::now();
    let mut queue = live(now);
    let (removed, added) = (queue.task(now), queue.task(now));
    queue.happened(Some(added), "added");
    queue.end(added);
    assert_eq!(taken(&mut queue), [""; 0]);
    queue.happened(Some(removed), "removed");
    queue.end(removed);
    assert_eq!(taken(&mut queue), ["removed", "added"]);
}

#[test]
fn what_belongs_to_no_stanza_stands_behind_all_that_came_in() {
    let now = Instant::now();
    let mut queue = live(now);
    message(&mut queue, "M1", "ada", now);
    queue.happened(None, "archived");
    assert_eq!(taken(&mut queue), [""; 0]);
    queue.messages([("M1".to_owned(), Some("hello"))], now);
    assert_eq!(taken(&mut queue), ["hello", "archived"]);
}

#[test]
fn messages_of_two_chats_are_in_order() {
    let now = Instant::now();
    let mut queue = live(now);
    message(&mut queue, "M1", "ada", now);
    message(&mut queue, "M2", "bob", now);
    queue.messages([("M2".to_owned(), Some("second"))], now);
    assert_eq!(taken(&mut queue), [""; 0]);
    queue.messages([("M1".to_owned(), Some("first"))], now);
    assert_eq!(taken(&mut queue), ["first", "second"]);
}

#[test]
fn a_message_that_became_nothing_ends_with_the_next_one_of_its_chat() {
    let now = Instant::now();
    let mut queue = live(now);
    message(&mut queue, "keys", "ada", now);
    let added = queue.task(now);
    queue.happened(Some(added), "added");
    queue.end(added);
    message(&mut queue, "M1", "ada", now);
    queue.messages([("M1".to_owned(), Some("hello"))], now);
    assert_eq!(taken(&mut queue), ["added", "hello"]);
}

#[test]
fn a_message_that_became_nothing_ends_when_the_library_is_through_with_it() {
    let now = Instant::now();
    let mut queue = live(now);
    message(&mut queue, "keys", "ada", now);
    message(&mut queue, "M2", "ada", now);
    queue.happened(None, "archived");
    queue.through(&"ada".into(), now);
    assert_eq!(taken(&mut queue), [""; 0]);
    queue.messages([("M2".to_owned(), Some("second"))], now);
    queue.through(&"ada".into(), now);
    assert_eq!(taken(&mut queue), ["second", "archived"]);
    message(&mut queue, "M3", "ada", now);
    queue.through(&"bob".into(), now);
    queue.happened(None, "pinned");
    assert_eq!(taken(&mut queue), [""; 0]);
}

#[test]
fn the_library_may_keep_a_message_that_it_is_through_with_for_the_next_bundle() {
    let now = Instant::now();
    let mut queue = Queue::new(now);
    message(&mut queue, "M1", "ada", now);
    message(&mut queue, "keys", "bob", now);
    queue.happened(None, "archived");
    queue.through(&"ada".into(), now);
    queue.through(&"bob".into(), now);
    assert_eq!(taken(&mut queue), [""; 0]);
    queue.messages([("M1".to_owned(), Some("first"))], now);
    assert_eq!(taken(&mut queue), ["first", "archived"]);
    message(&mut queue, "keys", "bob", now);
    queue.through(&"bob".into(), now);
    queue.happened(None, "pinned");
    queue.backlog_ends(now);
    assert_eq!(taken(&mut queue), [""; 0]);
    queue.backlog_ended(Some("completed"), now);
    assert_eq!(taken(&mut queue), ["pinned", "completed"]);
}

#[test]
fn a_message_that_cannot_be_read_has_its_place() {
    let now = Instant::now();
    let mut queue = live(now);
    message(&mut queue, "M1", "ada", now);
    message(&mut queue, "M2", "bob", now);
    queue.messages([("M2".to_owned(), Some("second"))], now);
    queue.became("M1", "unreadable", now);
    assert_eq!(taken(&mut queue), ["unreadable", "second"]);
}

#[test]
fn a_bundle_is_put_in_order_with_all_between() {
    let now = Instant::now();
    let mut queue = Queue::new(now);
    message(&mut queue, "M1", "ada", now);
    let removed = queue.task(now);
    message(&mut queue, "M2", "bob", now);
    let added = queue.task(now);
    queue.happened(Some(added), "added");
    queue.end(added);
    queue.happened(Some(removed), "removed");
    queue.end(removed);
    message(&mut queue, "M3", "ada", now);
    queue.backlog_ends(now);
    // The library hands them over as their chats had their turns, and says that it is through before the last.
    queue.messages([("M2".to_owned(), Some("second")), ("M1".to_owned(), Some("first"))], now);
    queue.backlog_ended(Some("completed"), now);
    assert_eq!(taken(&mut queue), ["first", "removed", "second", "added"]);
    queue.messages([("M3".to_owned(), Some("third"))], now);
    assert_eq!(taken(&mut queue), ["third", "completed"]);
}

#[test]
fn a_bundle_does_not_wait_for_the_next_one() {
    let now = Instant::now();
    let mut queue = Queue::new(now);
    message(&mut queue, "M1", "ada", now);
    message(&mut queue, "M2", "ada", now);
    message(&mut queue, "M3", "bob", now);
    queue.messages([("M1".to_owned(), Some("first")), ("M3".to_owned(), Some("third"))], now);
    assert_eq!(taken(&mut queue), ["first", "third"]);
    queue.messages([("M2".to_owned(), Some("second"))], now);
    assert_eq!(taken(&mut queue), ["second"]);
}

#[test]
fn nothing_waits_for_ever() {
    let now = Instant::now();
    let mut queue = live(now);
    message(&mut queue, "keys", "ada", now);
    message(&mut queue, "M2", "bob", now);
    queue.messages([("M2".to_owned(), Some("second"))], now);
    let deadline = queue.deadline().expect("something waits");
    assert!(deadline > now && deadline <= now + Duration::from_secs(10));
    queue.expire(deadline - Duration::from_millis(1));
    assert_eq!(taken(&mut queue), [""; 0]);
    queue.expire(deadline);
    assert_eq!(taken(&mut queue), ["second"]);
    assert_eq!(queue.deadline(), None);
}

#[test]
fn only_so_many_are_waited_for() {
    let now = Instant::now();
    let mut queue = live(now);
    message(&mut queue, "keys", "ada", now);
    queue.happened(None, "archived");
    for _ in 0..4096 {
        message(&mut queue, "M", "bob", now);
    }
    assert_eq!(taken(&mut queue), ["archived"]);
}

#[test]
fn a_connection_waits_for_no_stanza_of_the_one_before() {
    let now = Instant::now();
    let mut queue = live(now);
    message(&mut queue, "M1", "ada", now);
    queue.happened(None, "archived");
    queue.restart(now);
    assert_eq!(taken(&mut queue), ["archived"]);
}

#[tokio::test]
async fn tasks_are_numbered_in_the_order_in_which_they_are_started() {
    let order = Arc::new(Order::new());
    let told = |what: &'static str| {
        let order = Arc::clone(&order);
        Box::pin(async move { assert!(order.happened(what)) })
    };
    let connection = async {
        let first = order.task(told("first"));
        let second = order.task(told("second"));
        let waiting = order.task(Box::pin(std::future::pending()));
        let dropped = order.task(Box::pin(std::future::pending()));
        let last = order.task(told("last"));
        last.await;
        second.await;
        first.await;
        assert!(futures::poll!(waiting).is_pending());
        drop(dropped);
        assert_eq!(order.ready(10).await.expect("it is open"), ["first", "second", "last"]);
    };
    order.reading(connection).await;
    order.close();
    assert_eq!(order.ready(10).await, None);
}

#[tokio::test]
async fn the_end_of_a_message_is_heard_in_the_task_that_takes_it() {
    use tracing_subscriber::layer::SubscriberExt;
    let _listening = tracing::subscriber::set_default(tracing_subscriber::registry().with(ends::layer()));
    let told = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = Arc::clone(&told);
    let one = || drop(tracing::debug_span!("wa.recv.incoming"));
    let task = async move {
        one();
        drop(tracing::debug_span!("wa.recv.process"));
        tokio::task::yield_now().await;
        one();
    };
    one();
    let add = move || {
        count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    };
    ends::told(Box::pin(task), add).await;
    assert_eq!(told.load(std::sync::atomic::Ordering::Relaxed), 2);
}
