//! The timers of chats: what was set last counts, whoever told it when and by which name.

use entity::ids::SessionId;
use entity::timestamp::Timestamp;
use rstest::rstest;
use waypost::db::batch::Batch;
use waypost::event::entry::JournalEntry;
use waypost::event::timer::ChatTimer;
use waypost::event::timer_store;

use super::{Base, On};

const NUMBER: &str = "15550100077@s.whatsapp.net";
const LID: &str = "100000000000077@lid";

/// Has these written together: session, chat, after how many seconds, set when.
async fn tell(base: &Base, told: &[(&str, &str, i32, i64)]) {
    let timers = told.iter().map(|(session, chat, seconds, set_at)| {
        let set_at = Timestamp::from_millis(*set_at);
        let timer = ChatTimer { chat: (*chat).to_owned(), seconds: *seconds, set_at };
        (SessionId::parse(session).unwrap(), timer)
    });
    let timers: Vec<_> = timers.collect();
    let last = Box::new(move |batch: &mut Batch| {
        timer_store::write_in(batch, timers.iter().map(|(session, timer)| (session, timer)));
    });
    base.journal.write(JournalEntry { last: Some(last), ..JournalEntry::default() }).await.unwrap();
}

/// After how many seconds messages disappear in the chat with these names.
async fn seconds(base: &Base, session: &str, names: &[&str]) -> Option<i32> {
    let (session, names) = (SessionId::parse(session).unwrap(), names.iter().map(|name| (*name).to_owned()));
    let found = timer_store::newest(base.db().read(), &session, &names.collect::<Vec<_>>()).await.unwrap();
    found.map(|timer| timer.seconds)
}

#[rstest]
#[tokio::test]
async fn what_was_set_last_counts(#[values(On::Sqlite, On::Postgres)] on: On) {
    let base = Base::on(on).await;
    let (store, _other) = (base.store("a").await, base.store("b").await);
    // Twice the same chat, and a session that is not there (any more).
    tell(&base, &[("a", NUMBER, 1, 20), ("a", NUMBER, 2, 30), ("a", NUMBER, 3, 10), ("no-such", NUMBER, 4, 40)]).await;
    assert_eq!(seconds(&base, "a", &[NUMBER]).await, Some(2));
    assert_eq!((seconds(&base, "b", &[NUMBER]).await, seconds(&base, "no-such", &[NUMBER]).await), (None, None));
    tell(&base, &[("a", NUMBER, 5, 29), ("b", NUMBER, 6, 1)]).await;
    assert_eq!(seconds(&base, "a", &[NUMBER]).await, Some(2), "an older one comes late");
    tell(&base, &[("a", NUMBER, 7, 30)]).await;
    assert_eq!(seconds(&base, "a", &[NUMBER]).await, Some(7), "of the same second, the one that was told later");
    tell(&base, &[("a", LID, 0, 50)]).await;
    assert_eq!(seconds(&base, "a", &[NUMBER, LID]).await, Some(0), "a person is one chat by both names");
    assert_eq!(seconds(&base, "a", &[]).await, None);
    store.forget().await.unwrap();
    assert_eq!(seconds(&base, "a", &[NUMBER, LID]).await, None);
    assert_eq!(seconds(&base, "b", &[NUMBER]).await, Some(6));
    // Somebody else chooses it.
    let long = "x".repeat(5_000);
    tell(&base, &[("a", &long, 8, 1), ("a", "nul\0", 9, 1)]).await;
}
