//! Every kind of content, as the client reads it.

use wacore::types::events::{Event, InboundMessage, UnavailableType};
use wacore_binary::Node;
use waproto::whatsapp as wa;
use whatsapp_simulator::content;

use crate::companion::{Companion, OTHER, PHONE, finish, simulator, until};

/// The first message with this id.
pub(crate) async fn message(companion: &Companion, id: &str) -> (InboundMessage, wa::Message) {
    let pick = |event: &Event| match event {
        Event::Messages(batch) => batch.messages.iter().find(|inbound| inbound.info.id == id).cloned(),
        _ => None,
    };
    let inbound = companion.events.first(&format!("message {id}"), pick).await;
    let content = wa::Message::clone(&inbound.message);
    (inbound, content)
}

/// What the stanza of a message says: type, media type, edit and poll type, and whether its failure is hidden.
async fn outside(companion: &Companion, id: &str) -> [String; 5] {
    let stanza = companion.events.stanza("message", id).await;
    let attr = |node: Option<&Node>, key: &str| {
        let value = node.and_then(|node| node.attrs.get(key)).map(|value| value.as_str().into_owned());
        value.unwrap_or_default()
    };
    let (enc, meta) = (stanza.get_optional_child("enc"), stanza.get_optional_child("meta"));
    let (stanza, hidden) = (Some(&stanza), attr(enc, "decrypt-fail"));
    [attr(stanza, "type"), attr(enc, "mediatype"), attr(stanza, "edit"), attr(meta, "polltype"), hidden]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_content_arrives_in_its_stanza() {
    let sim = simulator().await;
    let (companion, _) = Companion::linked(&sim).await;
    let first = sim.phone(OTHER).send(PHONE, "the first").await.unwrap();
    let key = |is_own| content::key(&format!("{PHONE}@s.whatsapp.net"), &first, is_own, None);
    let quoted = Some((first.as_str(), OTHER, content::text("the first")));
    let removal = content::reaction(key(true), "");
    let cases = [
        (content::image(Some("a cat")), ["media", "image", "", "", ""]),
        (content::location(48.1, 11.5, Some("here")), ["media", "location", "", "", ""]),
        (content::contact("Alan", "15550100007"), ["media", "vcard", "", "", ""]),
        (content::poll("tea?", &["yes", "no"]), ["poll", "", "", "creation", ""]),
        (content::reaction(key(true), "👍"), ["reaction", "", "", "", "hide"]),
        (removal, ["reaction", "", "7", "", ""]),
        (content::reply("again", quoted, &[PHONE]), ["text", "", "", "", ""]),
        (content::edit(key(true), content::text("changed")), ["text", "", "1", "", "hide"]),
        (content::revoke(key(true)), ["text", "", "7", "", ""]),
    ];
    for (content, expected) in cases {
        let id = sim.phone(OTHER).send_content(PHONE, content.clone()).await.unwrap();
        let (_, mut received) = message(&companion, &id).await;
        // The client takes note of secrets where it finds them; the rest is as it was written.
        received.message_context_info = content.message_context_info.clone();
        assert_eq!(received, content);
        assert_eq!(outside(&companion, &id).await, expected, "{content:?}");
    }
    until("every receipt", || sim.phone(PHONE).devices()[0].undelivered == 0).await;
    companion.stop().await;
    finish(sim).await;
}

/// The companion sees what its own phone sends, whatever it is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_own_phones_contents_arrive_as_copies() {
    let sim = simulator().await;
    let (companion, _) = Companion::linked(&sim).await;
    let id = sim.phone(PHONE).send_content(OTHER, content::image(None)).await.unwrap();
    let (inbound, image) = message(&companion, &id).await;
    assert!(inbound.info.source.is_from_me && image.image_message.is_set());
    assert_eq!(inbound.info.source.chat.user.as_str(), OTHER);
    until("every receipt", || sim.phone(PHONE).devices()[0].undelivered == 0).await;
    companion.stop().await;
    finish(sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_be_seen_once_is_withheld() {
    let sim = simulator().await;
    let (companion, _) = Companion::linked(&sim).await;
    sim.phone(OTHER).send_content(PHONE, content::view_once()).await.unwrap();
    let withheld = |event: &Event| match event {
        Event::UndecryptableMessage(message) => Some((message.is_unavailable, message.unavailable_type)),
        _ => None,
    };
    assert_eq!(companion.events.first("the notice", withheld).await, (true, UnavailableType::ViewOnce));
    until("every receipt", || sim.phone(PHONE).devices()[0].undelivered == 0).await;
    assert_eq!((sim.phone(PHONE).inbox().len(), sim.stats().retries), (1, 0));
    companion.stop().await;
    finish(sim).await;
}
