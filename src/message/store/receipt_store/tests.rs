use super::*;
use crate::db::Db;
use crate::db::sqlite::Synchronous;

const LIFE: [&str; 2] = [
    "INSERT INTO session (id, metadata, desired, status, reason, since, created_at, updated_at) \
     VALUES ('shop', '{}', 'offline', 'disconnected', 'requested', 0, 0, 0)",
    "INSERT INTO outgoing (session_id, message_id, sequence, lane, recipient, is_checked, status, is_open, attempts, due_at, \
     expires_at, created_at, updated_at) \
     VALUES ('shop', 'M1', 1, 'x@s.whatsapp.net', 'x@s.whatsapp.net', true, 'sent', false, 1, 0, 0, 0, 0)",
];

async fn db() -> (Db, tempfile::TempDir) {
    let directory = tempfile::tempdir().expect("there is room");
    let db = Db::sqlite(&directory.path().join("waypost.db"), Synchronous::Normal).await.expect("a new file");
    db.migrate().await.expect("tables");
    for sql in LIFE {
        db.write().execute_unprepared(sql).await.expect("it can be written");
    }
    (db, directory)
}

fn shop() -> SessionId {
    SessionId::parse("shop").expect("it is one")
}

fn at(delivered: Option<i64>, read: Option<i64>) -> Moments {
    let [delivered, read] = [delivered, read].map(|millis| millis.map(Timestamp::from_millis));
    Moments { delivered, read, played: None }
}

async fn put(db: &Db, message_id: &str, moments: Moments) {
    let (message_id, participant) = (message_id.to_owned(), "x@s.whatsapp.net".to_owned());
    let mut batch = db.write().batch();
    put_in(&mut batch, &[ReceiptRow { session_id: shop(), message_id, participant, at: moments }]);
    db.write().run(batch).await.expect("it is written");
}

#[tokio::test]
async fn what_comes_late_or_twice_takes_nothing_back() {
    let (db, _directory) = db().await;
    let known = async || of_message(db.read(), &shop(), "M1").await.expect("it is read");
    for (comes, expected) in [
        (at(None, Some(9)), at(None, Some(9))),
        (at(Some(5), None), at(Some(5), Some(9))),
        (at(Some(7), Some(8)), at(Some(5), Some(8))),
        (at(Some(7), Some(8)), at(Some(5), Some(8))),
        (at(None, None), at(Some(5), Some(8))),
    ] {
        put(&db, "M1", comes).await;
        let rows = known().await;
        assert_eq!(rows.iter().map(|row| row.at).collect::<Vec<_>>(), [expected], "after {comes:?}");
    }
}

#[tokio::test]
async fn nothing_is_kept_of_a_message_that_was_not_sent_here_or_is_gone() {
    let (db, _directory) = db().await;
    put(&db, "M2", at(Some(5), None)).await;
    assert_eq!(of_message(db.read(), &shop(), "M2").await.expect("it is read"), []);
    put(&db, "M1", at(Some(5), None)).await;
    delete(db.write(), &shop(), ["M1", "M2"].into_iter()).await.expect("it is deleted");
    assert_eq!(of_message(db.read(), &shop(), "M1").await.expect("it is read"), []);
    put(&db, "M1", at(Some(5), None)).await;
    db.write().execute_unprepared("DELETE FROM session").await.expect("it is deleted");
    assert_eq!(of_message(db.read(), &shop(), "M1").await.expect("it is read"), []);
}

#[test]
fn of_two_moments_for_the_same_the_earlier_one_counts() {
    assert_eq!(at(Some(5), None).and(at(Some(4), Some(9))), at(Some(4), Some(9)));
    assert_eq!(at(None, Some(9)).and(at(None, Some(10))), at(None, Some(9)));
}

#[tokio::test]
async fn who_has_read_a_message_has_it() {
    let (db, _directory) = db().await;
    let moment = Some(Timestamp::from_millis(5));
    let known = [
        ("a@lid", Moments { delivered: moment, ..Moments::default() }),
        ("b@lid", Moments { read: moment, ..Moments::default() }),
        ("c@lid", Moments { played: moment, ..Moments::default() }),
        ("d@lid", Moments::default()),
    ];
    let rows = known.map(|(participant, at)| ReceiptRow {
        session_id: shop(),
        message_id: "M1".to_owned(),
        participant: participant.to_owned(),
        at,
    });
    let mut batch = db.write().batch();
    put_in(&mut batch, &rows);
    db.write().run(batch).await.expect("it is written");
    let found = counts(db.read(), &shop(), "M1").await.expect("they are counted");
    assert_eq!(found, Counts { delivered: 3, read: 2, played: 1 });
    assert_eq!(counts(db.read(), &shop(), "M2").await.expect("there are none"), Counts::default());
}
