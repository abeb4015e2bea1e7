//! Messages that were sent through this API, given to a device once more that could not read them: to nobody else.

use entity::ids::SessionId;
use entity::timestamp::Timestamp;
use entity::words::message::MessageType;
use entity::words::outgoing::MessageStatus;
use entity::{message, outgoing};
use rstest::rstest;
use sea_orm::EntityTrait;
use wacore::store::traits::{LidPnMappingEntry, ProtocolStore as _};
use wacore::time::now_secs;

use super::{Base, On};

const OWN: &str = "15550100001@s.whatsapp.net";
const NUMBER: &str = "15550100077@s.whatsapp.net";
const LID: &str = "100000000000077@lid";
/// What was asked for, before WhatsApp named the number's other spelling.
const ASKED: &str = "155501000077@s.whatsapp.net";

/// A message that was tried so often.
async fn write(base: &Base, id: &str, attempts: i32) {
    let (session_id, now) = (SessionId::parse("a").unwrap(), Timestamp::from_millis(now_secs() * 1_000));
    let message_id = id.to_owned();
    let stored = message::Model {
        session_id: session_id.clone(),
        message_id: message_id.clone(),
        chat: ASKED.to_owned(),
        sender: OWN.to_owned(),
        position: i64::from(attempts),
        is_from_me: true,
        message_type: MessageType::Text,
        quoted_id: None,
        content: b"tea".to_vec(),
        sent_at: now,
        created_at: now,
    };
    let sent = outgoing::Model {
        session_id,
        message_id,
        sequence: 1,
        lane: NUMBER.to_owned(),
        recipient: NUMBER.to_owned(),
        is_checked: true,
        status: if attempts > 0 { MessageStatus::Sent } else { MessageStatus::Cancelled },
        is_open: false,
        awaits_upload: false,
        attempts,
        due_at: now,
        expires_at: now,
        sent_at: None,
        code: None,
        upstream_code: None,
        client_reference: None,
        idempotency_key: None,
        fingerprint: None,
        effect: None,
        created_at: now,
        updated_at: now,
    };
    let db = base.db().write();
    message::Entity::insert(message::ActiveModel::from(stored)).exec_without_returning(db).await.unwrap();
    outgoing::Entity::insert(outgoing::ActiveModel::from(sent)).exec_without_returning(db).await.unwrap();
}

#[rstest]
#[tokio::test]
async fn a_message_is_given_again_to_who_it_went_to_and_to_nobody_else(#[values(On::Sqlite, On::Postgres)] on: On) {
    let base = Base::on(on).await;
    let (store, other) = (base.store("a").await, base.store("b").await);
    write(&base, "SENT", 1).await;
    write(&base, "CANCELLED", 0).await;
    let asked = async |chat: &str, id: &str| store.take_sent_message(chat, id).await.unwrap();
    assert_eq!(asked(LID, "SENT").await, None, "nobody knows whose LID that is");
    store
        .put_lid_mapping(&LidPnMappingEntry {
            lid: LID.trim_end_matches("@lid").to_owned(),
            phone_number: "15550100077".to_owned(),
            created_at: 1,
            updated_at: 1,
            learning_source: "usync".to_owned(),
        })
        .await
        .unwrap();
    for chat in [NUMBER, LID, ASKED, OWN] {
        assert_eq!(asked(chat, "SENT").await, Some(b"tea".to_vec()), "{chat}");
        assert_eq!(asked(chat, "SENT").await, Some(b"tea".to_vec()), "{chat}: each device may ask");
    }
    for chat in ["15550100078@s.whatsapp.net", "100000000000078@lid", "120363021033254949@g.us"] {
        assert_eq!(asked(chat, "SENT").await, None, "{chat}");
    }
    assert_eq!(asked(NUMBER, "CANCELLED").await, None, "it was never sent");
    assert_eq!(other.take_sent_message(NUMBER, "SENT").await.unwrap(), None, "it is another session's");
}
