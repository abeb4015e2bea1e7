//! Chats whose messages disappear.

use waproto::whatsapp as wa;
use waproto::whatsapp::message::protocol_message::Type as ProtocolType;
use whatsapp_simulator::content;

use crate::companion::{Companion, OTHER, PHONE, finish, simulator, until};
use crate::contents::message;

/// What a text says of a timer: after how long it disappears, and whether it tells when that was set.
fn timer(message: &wa::Message) -> (Option<u32>, bool) {
    let context = &message.extended_text_message.context_info;
    (context.expiration, context.ephemeral_setting_timestamp.is_some())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_phones_keep_to_the_timer_of_their_chat() {
    let sim = simulator().await;
    let (companion, _) = Companion::linked(&sim).await;
    let (own, other) = (sim.phone(PHONE), sim.phone(OTHER));
    let before = other.send(PHONE, "before").await.unwrap();
    assert_eq!(message(&companion, &before).await.1.conversation.as_deref(), Some("before"));

    let set = other.send_content(PHONE, content::timer(86_400)).await.unwrap();
    let setting = message(&companion, &set).await.1.protocol_message;
    assert_eq!(setting.r#type, Some(ProtocolType::EPHEMERAL_SETTING));
    assert_eq!(setting.ephemeral_expiration, Some(86_400));
    assert!(setting.ephemeral_setting_timestamp.is_some());
    assert_eq!(own.inbox()[1].content.kind, "timer");

    let theirs = other.send(PHONE, "theirs").await.unwrap();
    let (inbound, theirs) = message(&companion, &theirs).await;
    assert_eq!((timer(&theirs), inbound.info.ephemeral_expiration), ((Some(86_400), true), Some(86_400)));
    assert_eq!(theirs.extended_text_message.text.as_deref(), Some("theirs"));
    let ours = own.send(OTHER, "ours").await.unwrap();
    assert_eq!(message(&companion, &ours).await.0.info.ephemeral_expiration, Some(86_400));
    assert_eq!(other.inbox()[0].content.ephemeral_seconds, Some(86_400));

    own.send_content(OTHER, content::timer(0)).await.unwrap();
    let after = other.send(PHONE, "after").await.unwrap();
    assert_eq!(message(&companion, &after).await.1.conversation.as_deref(), Some("after"));
    until("every receipt", || sim.phone(PHONE).devices()[0].undelivered == 0).await;
    companion.stop().await;
    finish(sim).await;
}
