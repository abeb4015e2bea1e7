//! What the document shows of webhooks. Values, so that a new field breaks the build here.

use entity::ids::{DeliveryId, SessionId, WebhookId};
use entity::timestamp::Timestamp;
use entity::words::event::EventType;
use entity::words::webhook::DeliveryState;
use poem_openapi::types::Example;

use crate::event::types::Event;
use crate::webhook::types::{
    DeadLetter, DeadLetterPage, Delivery, DeliveryAttempt, DeliveryPage, NewWebhook, ReplayRange, Replayed,
    RotatedSecret, SecretRotation, Webhook, WebhookChanges, WebhookFilters, WebhookPage,
};

/// When the things of the examples were made.
const CREATED: Timestamp = Timestamp::from_millis(1_767_143_203_000);
/// A minute later.
const DELIVERED: Timestamp = Timestamp::from_millis(1_767_143_264_000);

fn shop() -> SessionId {
    SessionId::parse("shop").expect("it is one")
}

impl Example for WebhookFilters {
    fn example() -> Self {
        Self {
            ignore_groups: true,
            ignore_status: true,
            ignore_own: false,
            ignore_channels: true,
            ignore_broadcasts: false,
        }
    }
}

impl Example for NewWebhook {
    fn example() -> Self {
        Self {
            url: "https://example.com/webhook".to_owned(),
            events: Some(vec!["message".to_owned(), "connected".to_owned()]),
            secret: Some("webhook-secret".to_owned()),
            headers: None,
            filters: None,
            ordered: None,
        }
    }
}

impl Example for Webhook {
    fn example() -> Self {
        Self {
            id: WebhookId::named("whk_019b9b1f7f7a7c3e8d5c0d6a1b2c3d4e"),
            session_id: Some(shop()),
            url: "https://example.com/webhook".to_owned(),
            events: vec![EventType::Message, EventType::Connected],
            header_names: vec!["x-tenant".to_owned()],
            filters: WebhookFilters::example(),
            ordered: true,
            enabled: true,
            disabled_reason: None,
            has_secret: true,
            failing_since: None,
            last_error: None,
            created_at: CREATED,
            updated_at: CREATED,
        }
    }
}

impl Example for WebhookPage {
    fn example() -> Self {
        Self { webhooks: vec![Webhook::example()], count: 1, next_cursor: None }
    }
}

impl Example for DeadLetter {
    fn example() -> Self {
        let payload = r#"{"id":"evt_019b9b1f7f7a7c3e8d5c0d6a1b2c3d4e","session_id":"shop","event":"connected","timestamp":1767143203,"sequence":7,"data":{}}"#;
        Self {
            id: DeliveryId::named("dlv_019b9b1f7f7a7c3e8d5c0d6a1b2c3d4e"),
            session_id: shop(),
            event: EventType::Connected,
            webhook_url: "https://example.com/webhook".to_owned(),
            attempts: 10,
            failed_at: DELIVERED,
            last_error: Some("the receiver answered 500".to_owned()),
            payload: Some(payload.to_owned()),
        }
    }
}

impl Example for DeadLetterPage {
    fn example() -> Self {
        Self { count: 1, entries: vec![DeadLetter::example()], next_cursor: None }
    }
}

impl Example for WebhookChanges {
    fn example() -> Self {
        Self { events: Some(vec!["message".to_owned()]), enabled: Some(true), ..Self::default() }
    }
}

impl Example for SecretRotation {
    fn example() -> Self {
        Self { secret: None, overlap_seconds: Some(3600) }
    }
}

impl Example for RotatedSecret {
    fn example() -> Self {
        // Nobody's: thirty-two zeros.
        let secret = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=".to_owned();
        Self { webhook: Webhook::example(), secret, old_secret_expires_at: Some(DELIVERED) }
    }
}

impl Example for DeliveryAttempt {
    fn example() -> Self {
        Self { started_at: DELIVERED, duration_ms: 87, status: Some(200), error: None, reply: Some("ok".to_owned()) }
    }
}

impl Example for Delivery {
    fn example() -> Self {
        Self {
            id: DeliveryId::named("dlv_019b9b1f7f7a7c3e8d5c0d6a1b2c3d4e"),
            webhook_id: Webhook::example().id,
            session_id: shop(),
            event_id: Event::example().id,
            event: EventType::Message,
            state: DeliveryState::Delivered,
            attempts: vec![DeliveryAttempt::example()],
            next_attempt_at: None,
            created_at: CREATED,
            finished_at: Some(DELIVERED),
        }
    }
}

impl Example for DeliveryPage {
    fn example() -> Self {
        Self { deliveries: vec![Delivery::example()], next_cursor: None }
    }
}

impl Example for ReplayRange {
    fn example() -> Self {
        Self { from: Some(CREATED), to: None, after: None, types: Some(vec!["message".to_owned()]) }
    }
}

impl Example for Replayed {
    fn example() -> Self {
        Self { queued: 12, next_cursor: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::reply::is_written_as_documented;

    #[test]
    fn every_answer_is_written_as_the_document_says() {
        is_written_as_documented::<Webhook>();
        is_written_as_documented::<WebhookPage>();
        is_written_as_documented::<RotatedSecret>();
        is_written_as_documented::<DeliveryAttempt>();
        is_written_as_documented::<DeliveryPage>();
        is_written_as_documented::<DeadLetterPage>();
        is_written_as_documented::<Replayed>();
    }
}
