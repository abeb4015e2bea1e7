//! Requests as a receiver sees them: checked by the package that receivers use.

use standardwebhooks::Webhook;

use super::*;
use crate::clock::Clock;

fn event() -> EventRow {
    EventRow {
        position: 7,
        id: EventId::generate(),
        session_id: SessionId::generate(),
        sequence: 3,
        event_type: EventType::Connected,
        created_at: Timestamp::from_millis(1_700_000_000_123),
        body: r#"{"a":"ü"}"#.into(),
    }
}

/// A receiver of Standard Webhooks takes messages that are at most five minutes old.
fn now() -> Timestamp {
    Clock::system().now()
}

fn signed(secret: Option<&SecretString>, old: Option<&SecretString>, now: Timestamp) -> (HeaderMap, Vec<u8>) {
    let event = event();
    let body = body(&event);
    let headers = headers(event.id.as_str(), now, &body, Signers { secret, old }, &BTreeMap::new());
    (headers, body)
}

#[test]
fn the_package_of_standard_webhooks_takes_what_is_signed_and_nothing_else() {
    let secret = new_secret();
    let (headers, body) = signed(Some(&secret), None, now());
    let receiver = Webhook::new(secret.expose_secret()).expect("a secret");
    receiver.verify(&body, &headers).expect("signed by it");
    let mut changed = body.clone();
    changed[10] ^= 1;
    assert!(receiver.verify(&changed, &headers).is_err());
    let other = Webhook::new(new_secret().expose_secret()).expect("a secret");
    assert!(other.verify(&body, &headers).is_err());
    let mut later = headers.clone();
    later.insert("webhook-timestamp", HeaderValue::from(now().seconds() + 1));
    assert!(receiver.verify(&body, &later).is_err());
}

#[test]
fn in_the_overlap_of_a_rotation_both_secrets_open_it() {
    let (new, old) = (new_secret(), new_secret());
    let (headers, body) = signed(Some(&new), Some(&old), now());
    for secret in [&new, &old] {
        Webhook::new(secret.expose_secret()).expect("a secret").verify(&body, &headers).expect("both sign");
    }
    let previous = headers["x-webhook-signature-previous"].to_str().expect("text");
    assert_eq!(previous, contract_signature(&old, headers["x-webhook-timestamp"].to_str().expect("text"), &body));
}

#[test]
fn a_secret_of_another_form_is_the_key_as_it_is() {
    let secret = SecretString::from("any string");
    let (headers, body) = signed(Some(&secret), None, now());
    let receiver = Webhook::from_bytes(b"any string".to_vec()).expect("a key");
    receiver.verify(&body, &headers).expect("signed by it");
}

#[test]
fn the_contract_has_its_own_signature() {
    // Reckoned with another program: printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac 'any string'
    let signature = contract_signature(&"any string".into(), "1700000000", br#"{"a":1}"#);
    assert_eq!(signature, "sha256=c8dd00bb92d7732eab1d660d5ae94c6ea8356dc9785988330ac59b246ee594dc");
    let (headers, _) = signed(Some(&"any string".into()), None, now());
    assert_eq!(headers["x-webhook-signature-version"], "v2");
    assert!(!headers.contains_key("x-webhook-signature-previous"));
}

#[test]
fn without_a_secret_nothing_is_signed() {
    let (headers, _) = signed(None, None, now());
    let mut names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["content-type", "user-agent", "webhook-id", "webhook-timestamp", "x-webhook-timestamp"]);
}

#[test]
fn the_body_is_json_with_the_data_as_the_journal_has_it() {
    let event = event();
    let value: serde_json::Value = serde_json::from_slice(&body(&event)).expect("JSON");
    let expected = serde_json::json!({
        "id": event.id, "session_id": event.session_id, "event": "connected", "timestamp": 1_700_000_000, "sequence": 3,
        "data": {"a": "ü"},
    });
    assert_eq!(value, expected);
}

#[test]
fn headers_of_a_clients_own_are_sent_but_not_ours() {
    let own = |name: &str, value: &str| own_headers("headers", HashMap::from([(name.to_owned(), value.to_owned())]));
    let good = own("Authorization", "Bearer hush").expect("a header");
    let headers = headers("id", now(), b"{}", Signers { secret: None, old: None }, &good);
    assert_eq!(headers["authorization"], "Bearer hush");
    for name in [
        "Host",
        "content-type",
        "Content-Length",
        "webhook-id",
        "X-Webhook-Signature",
        "proxy-authorization",
        "",
        "a b",
        "ü",
    ] {
        let refusal = own(name, "x").expect_err(name).to_string();
        assert!(refusal.contains("headers") && refusal.contains(&format!("`{name}`")), "{name}: {refusal}");
    }
    for value in ["a\nb", "a\0b", &"x".repeat(1025)] {
        assert!(own("x-mine", value).is_err(), "{value:?}");
    }
    let many = (0..21).map(|number| (format!("x-{number}"), String::new())).collect();
    assert!(own_headers("headers", many).is_err());
    let twice = HashMap::from([("X-A".to_owned(), String::new()), ("x-a".to_owned(), String::new())]);
    assert!(own_headers("headers", twice).is_err());
}

#[test]
fn a_secret_of_standard_webhooks_is_checked_when_it_is_given() {
    for text in ["any string", "x", &"ü".repeat(256), new_secret().expose_secret()] {
        secret("secret", text.to_owned()).expect(text);
    }
    for text in ["", "whsec_", "whsec_###", "whsec_c2hvcnQ=", "a\0b", &"x".repeat(257)] {
        let refusal = secret("secret", text.to_owned()).expect_err(text).to_string();
        assert!(refusal.contains("secret"), "{refusal}");
    }
}
