use super::*;
use crate::db::Db;
use crate::db::sqlite::Synchronous;

const GROUP: &str = "120363000000000001@g.us";
const SHOP: &str = "INSERT INTO session (id, metadata, desired, status, reason, since, created_at, updated_at) \
                    VALUES ('shop', '{}', 'offline', 'disconnected', 'requested', 0, 0, 0)";

async fn db() -> (Db, tempfile::TempDir) {
    let directory = tempfile::tempdir().expect("there is room");
    let db = Db::sqlite(&directory.path().join("waypost.db"), Synchronous::Normal).await.expect("a new file");
    db.migrate().await.expect("tables");
    db.write().execute_unprepared(SHOP).await.expect("it can be written");
    (db, directory)
}

fn shop() -> SessionId {
    SessionId::parse("shop").expect("it is one")
}

async fn put(db: &Db, message_id: &str, members: &[&str], millis: i64) {
    let members = members.iter().map(|member| (*member).to_owned()).collect();
    let sent_at = Timestamp::from_millis(millis);
    let row = AudienceRow::new(shop(), message_id.to_owned(), GROUP.to_owned(), members, sent_at);
    super::put(db.write().without_fsync(), row).await.expect("it is written");
}

async fn known(db: &Db, message_id: &str) -> Option<Vec<String>> {
    of_message(db.read(), &shop(), message_id).await.expect("it is read")
}

async fn count(db: &Db) -> usize {
    audience::Entity::find().all(db.read()).await.expect("they are read").len()
}

#[tokio::test]
async fn the_same_people_are_written_once_and_go_with_their_last_message() {
    let (db, _directory) = db().await;
    put(&db, "M1", &["b@lid", "a@lid"], 1).await;
    put(&db, "M2", &["a@lid", "b@lid", "a@lid"], 2).await;
    put(&db, "M3", &["c@lid"], 3).await;
    assert_eq!(known(&db, "M1").await, Some(vec!["a@lid".to_owned(), "b@lid".to_owned()]));
    assert_eq!(known(&db, "M1").await, known(&db, "M2").await);
    assert_eq!((known(&db, "M4").await, count(&db).await), (None, 2));
    // A message that is sent once more goes to those who are there now.
    put(&db, "M3", &["a@lid", "b@lid"], 4).await;
    delete_unused(db.write().without_fsync(), &shop()).await.expect("they are deleted");
    assert_eq!((known(&db, "M3").await, count(&db).await), (known(&db, "M1").await, 1));
    delete(db.write().without_fsync(), &shop(), ["M1", "M2", "M3"].into_iter()).await.expect("they are deleted");
    delete_unused(db.write().without_fsync(), &shop()).await.expect("they are deleted");
    assert_eq!((known(&db, "M1").await, count(&db).await), (None, 0));
}

#[tokio::test]
async fn a_batch_writes_the_same() {
    let (db, _directory) = db().await;
    put(&db, "M1", &["a@lid", "b@lid"], 1).await;
    let members = ["b@lid", "a@lid"].map(str::to_owned).to_vec();
    let sent_at = Timestamp::from_millis(1);
    let row = AudienceRow::new(shop(), "M2".to_owned(), GROUP.to_owned(), members, sent_at);
    let mut batch = db.write().batch();
    batch.put(new_rows(&row).into());
    db.write().run(batch).await.expect("it is written");
    assert_eq!(known(&db, "M2").await, known(&db, "M1").await);
    assert_eq!(count(&db).await, 1);
}

#[tokio::test]
async fn who_leaves_is_taken_out_of_what_was_sent_until_then() {
    let (db, _directory) = db().await;
    put(&db, "M1", &["a@lid", "b@lid"], 1).await;
    put(&db, "M2", &["a@lid", "b@lid"], 5).await;
    put(&db, "M3", &["a@lid"], 1).await;
    put(&db, "M0", &["a@lid", "b@lid"], -1).await;
    let time = [Timestamp::from_millis(0), Timestamp::from_millis(3)];
    for _ in 0..2 {
        let session = shop();
        let left = leave(db.write().without_fsync(), &session, (GROUP, time), |jid| jid == "b@lid");
        left.await.expect("it is written");
        assert_eq!(known(&db, "M1").await, Some(vec!["a@lid".to_owned()]));
        assert_eq!(known(&db, "M2").await, Some(vec!["a@lid".to_owned(), "b@lid".to_owned()]));
        assert_eq!(known(&db, "M3").await, known(&db, "M1").await);
        assert_eq!(known(&db, "M0").await, known(&db, "M2").await, "it is too old");
    }
    let newest = newest(db.read(), &shop(), GROUP, Timestamp::from_millis(2), 2).await.expect("they are read");
    assert_eq!(newest, ["M2"]);
    let newest = super::newest(db.read(), &shop(), GROUP, time[0], 2).await.expect("they are read");
    assert_eq!(newest.first().map(String::as_str), Some("M2"));
    assert_eq!(newest.len(), 2);
}
