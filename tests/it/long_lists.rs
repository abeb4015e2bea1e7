//! Lists whose items are large: an answer ends early and says where to go on.

use rstest::rstest;
use sea_orm::ConnectionTrait;
use waypost::caller::Caller;
use waypost::webhook::types::DeliveryFilter;

use crate::support::webhook_fixture::WebhookFixture;
use crate::support::world::Kind;

#[rstest]
#[tokio::test]
async fn deliveries_that_were_tried_often_come_in_answers_of_4_mib_with_their_newest_attempts(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let fixture = WebhookFixture::new(kind, &["offline_sync_completed"]).await;
    for count in 0..8 {
        fixture.happens(count).await;
    }
    fixture.rests().await;
    // As if somebody had asked for each of them sixty times, and the receiver had always said a lot.
    let reply = "x".repeat(16 * 1024);
    let numbers = "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 60)";
    let tried = format!(
        "INSERT INTO delivery_attempt (delivery_id, number, started_at, duration_ms, status, error, reply) {numbers} \
         SELECT d.id, n.i, d.created_at, n.i, 200, NULL, '{reply}' FROM n, delivery d"
    );
    for sql in [tried.as_str(), "UPDATE delivery SET attempts = 60"] {
        fixture.db.write().execute_unprepared(sql).await.expect("they are written");
    }
    let (mut seen, mut sizes, mut after) = (Vec::new(), Vec::new(), None);
    loop {
        let filter = DeliveryFilter::default();
        let page =
            fixture.webhooks.deliveries(&Caller::admin(), &fixture.which, filter, None, after).await.expect("a list");
        let bytes = serde_json::to_vec(&page).expect("it is JSON").len();
        assert!(bytes <= 4 * 1024 * 1024 + 1024, "{bytes}");
        for delivery in &page.deliveries {
            let numbers: Vec<_> = delivery.attempts.iter().map(|attempt| attempt.duration_ms).collect();
            assert_eq!(numbers, (11..=60).collect::<Vec<_>>(), "the newest, oldest first");
        }
        sizes.push(page.deliveries.len());
        seen.extend(page.deliveries.into_iter().map(|delivery| delivery.id));
        after = page.next_cursor;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(sizes, [5, 3], "as many as fit");
    assert!(seen.iter().rev().is_sorted(), "newest first, each once");
    fixture.close().await;
}
