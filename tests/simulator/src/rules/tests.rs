use wacore_binary::builder::NodeBuilder;
use waproto::buffa::MessageField;

use super::*;
use crate::content;

/// A message to one device, with these attributes on the stanza and on the `<enc>`.
fn stanza(attrs: &[(&'static str, &str)], enc: &[(&'static str, &str)]) -> Node {
    let build = |tag: &'static str, attrs: &[(&'static str, &str)]| {
        attrs.iter().fold(NodeBuilder::new(tag), |node, (key, value)| node.attr(key, *value))
    };
    let to = NodeBuilder::new("to").children([build("enc", enc).build()]).build();
    let participants = NodeBuilder::new("participants").children([to]).build();
    build("message", attrs).children([participants]).build()
}

fn key(is_own: bool) -> wa::MessageKey {
    content::key("15550100002@s.whatsapp.net", "3EB0", is_own, None)
}

fn broken(attrs: &[(&'static str, &str)], enc: &[(&'static str, &str)], message: &wa::Message) -> usize {
    content_rules(&stanza(attrs, enc), message).len()
}

#[test]
fn the_type_fits_the_content() {
    assert_eq!(broken(&[("type", "text")], &[], &content::text("hello")), 0);
    assert_eq!(broken(&[("type", "media")], &[], &content::text("hello")), 1);
    assert_eq!(broken(&[("type", "reaction")], &[("decrypt-fail", "hide")], &content::reaction(key(false), "+")), 0);
    assert_eq!(broken(&[("type", "text")], &[("decrypt-fail", "hide")], &content::reaction(key(false), "+")), 1);
    assert_eq!(broken(&[("type", "poll")], &[], &content::poll("tea?", &["yes", "no"])), 0);
    assert_eq!(broken(&[("type", "text")], &[], &content::poll("tea?", &["yes", "no"])), 1);
}

#[test]
fn the_mediatype_fits_the_content() {
    assert_eq!(broken(&[("type", "media")], &[("mediatype", "image")], &content::image(None)), 0);
    assert_eq!(broken(&[("type", "media")], &[("mediatype", "video")], &content::image(None)), 1);
    assert_eq!(broken(&[("type", "media")], &[], &content::image(None)), 1);
    assert_eq!(broken(&[("type", "media")], &[], &content::disappearing(content::image(None))), 0);
    assert_eq!(broken(&[("type", "text")], &[("mediatype", "url")], &content::text("hello")), 1);
}

#[test]
fn the_edit_fits_the_content_and_add_ons_hide_their_failure() {
    let hidden = [("decrypt-fail", "hide")];
    let edit = content::edit(key(true), content::text("better"));
    assert_eq!(broken(&[("type", "text"), ("edit", "1")], &hidden, &edit), 0);
    assert_eq!(broken(&[("type", "text")], &hidden, &edit), 1);
    assert_eq!(broken(&[("type", "text"), ("edit", "1")], &[], &edit), 1);
    assert_eq!(broken(&[("type", "text"), ("edit", "7")], &[], &content::revoke(key(true))), 0);
    assert_eq!(broken(&[("type", "text"), ("edit", "8")], &[], &content::revoke(key(true))), 1);
    assert_eq!(broken(&[("type", "reaction")], &[], &content::reaction(key(false), "+")), 1);
    assert_eq!(broken(&[("type", "reaction"), ("edit", "7")], &hidden, &content::reaction(key(false), "")), 0);
    assert_eq!(broken(&[("type", "text"), ("edit", "1")], &[], &content::text("hello")), 1);
}

#[test]
fn the_own_devices_get_the_same() {
    let message = content::text("hello");
    let copy = |message| wacore::messages::wrap_device_sent(message, "15550100002@s.whatsapp.net".to_owned());
    assert_eq!(copy_rule(&message, Some(&copy(content::text("hello")))), None);
    assert!(copy_rule(&message, Some(&copy(content::text("hello!")))).is_some());
    assert!(copy_rule(&message, Some(&message)).is_some());
    let wrapped =
        wa::Message { edited_message: MessageField::some(wa::message::FutureProofMessage::default()), ..message };
    assert!(content_rules(&stanza(&[("type", "text")], &[]), &wrapped).is_empty());
}

#[test]
fn polls_and_events_say_what_they_are() {
    let with = |key: &'static str, value: &str| {
        let meta = NodeBuilder::new("meta").attr(key, value).build();
        NodeBuilder::new("message").attr("type", "poll").children([meta]).build()
    };
    let (poll, event) = (content::poll("tea?", &["yes", "no"]), content::event("tea", 1));
    assert_eq!(meta_rules(&with("polltype", "creation"), &poll), None);
    assert_eq!(meta_rules(&with("event_type", "creation"), &event), None);
    assert_eq!(meta_rules(&with("event_type", "creation"), &poll).unwrap(), "the polltype is \"\", not creation");
    assert!(meta_rules(&with("polltype", "creation"), &event).is_some());
    assert_eq!(meta_rules(&with("other", "thing"), &content::text("hello")), None);
}

#[test]
fn a_place_is_a_text_or_media_and_not_both() {
    let place = content::location(52.5, 13.4, None);
    assert_eq!(broken(&[("type", "media")], &[("mediatype", "location")], &place), 0);
    assert_eq!(broken(&[("type", "text")], &[], &place), 0);
    assert_eq!(broken(&[("type", "media")], &[], &place), 1);
    assert_eq!(broken(&[("type", "text")], &[("mediatype", "location")], &place), 1);
    assert_eq!(broken(&[("type", "media")], &[("mediatype", "livelocation")], &place), 1);
}

#[test]
fn events_kept_messages_and_albums_have_an_outside() {
    let hide = &[("decrypt-fail", "hide")];
    assert_eq!(broken(&[("type", "event")], &[], &content::event("tea", 1)), 0);
    assert_eq!(broken(&[("type", "text")], &[], &content::event("tea", 1)), 1);
    assert_eq!(broken(&[("type", "text")], hide, &content::keep(key(true), true)), 0);
    assert_eq!(broken(&[("type", "text"), ("edit", "7")], hide, &content::keep(key(true), false)), 0);
    assert_eq!(broken(&[("type", "text")], hide, &content::keep(key(true), false)), 1);
    assert_eq!(broken(&[("type", "text"), ("edit", "2")], hide, &content::pin(key(true), Some(86_400))), 0);
    assert_eq!(broken(&[("type", "media")], &[("mediatype", "image")], &content::album(2, 0)), 2);
    assert_eq!(broken(&[("type", "text")], &[], &content::album(2, 0)), 0);
}

#[test]
fn what_is_for_everybody_is_judged_and_not_the_keys_beside_it() {
    let key = NodeBuilder::new("to").children([NodeBuilder::new("enc").build()]).build();
    let keys = NodeBuilder::new("participants").children([key]).build();
    let enc = |media: &str| NodeBuilder::new("enc").attr("mediatype", media).build();
    let sent = |media| NodeBuilder::new("message").attr("type", "media").children([keys.clone(), enc(media)]).build();
    assert!(content_rules(&sent("image"), &content::image(None)).is_empty());
    assert_eq!(content_rules(&sent("video"), &content::image(None)).len(), 1);
}
