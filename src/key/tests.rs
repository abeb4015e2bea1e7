use super::*;
use crate::key::types::NewKey;

fn new(name: &str) -> NewKey {
    NewKey { name: name.to_owned(), scopes: vec![Scope::KeysAdmin], sessions: None, expires_at: None }
}

#[tokio::test]
async fn a_key_whose_writing_failed_is_in_memory_as_it_is_in_the_table() {
    let directory = tempfile::tempdir().expect("there is room");
    let mut flushes = 0;
    let flush = move || {
        flushes += 1;
        // The first is for the key that is there.
        if flushes > 1 { Err(std::io::Error::other("a bad sector")) } else { Ok(()) }
    };
    let db = Db::flushed_by(&directory.path().join("waypost.db"), flush).await.expect("a file");
    db.migrate().await.expect("tables");
    let (clock, lifecycle, admin) = (Clock::system(), Lifecycle::new(), Caller::admin());
    let token = SecretString::from("test-token-0123456789abcdef".to_owned());
    let keys = Keys::open(&token, db.clone(), clock.clone(), lifecycle.clone()).await.expect("keys");
    let first = keys.create(&admin, new("first")).await.expect("it is written");
    let agree = async || {
        let mut written: Vec<_> = store::all(db.read()).await.expect("rows").into_iter().map(|row| row.id).collect();
        let mut held: Vec<_> =
            keys.slice(&admin, &Window::default()).expect("a list").items.into_iter().map(|key| key.id).collect();
        written.sort();
        held.sort();
        assert_eq!(written, held);
        held.len()
    };
    keys.create(&admin, new("second")).await.expect_err("the disk failed");
    agree().await;
    keys.rotate(&admin, &first.key.id, None).await.expect_err("the disk failed");
    let row = store::find(db.read(), &first.key.id).await.expect("it reads").expect("it is there");
    assert_eq!(keys.ring.find(&first.key.id).map(|held| held.digest), Some(row.digest));
    keys.delete(&admin, &first.key.id).await.expect_err("the disk failed");
    let left = agree().await;
    assert_eq!((keys.admit(&first.token).is_err(), left), (true, 1), "the commit stands");
    assert!(lifecycle.shut_down(Duration::from_secs(20)).await, "it ends in time");
}
