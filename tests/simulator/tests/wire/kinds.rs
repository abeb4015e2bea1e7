//! The kinds of content with more to them than a text or a file, both ways.

use wacore_binary::Jid;
use waproto::whatsapp as wa;
use whatsapp_rust::SendOptions;
use whatsapp_simulator::{Addressing, EventAnswer, InboxMessage, Pin, Simulator, content};

use crate::acknowledgement::nth_ack;
use crate::companion::{Companion, OTHER, PHONE, finish, simulator, until};
use crate::contents::message;

async fn arrival(sim: &Simulator, id: &str) -> InboxMessage {
    let find = || sim.phone(OTHER).inbox().into_iter().find(|message| message.id == id);
    until(&format!("the arrival of {id}"), || find().is_some()).await;
    find().unwrap()
}

async fn send(companion: &Companion, to: &str, id: &str, message: wa::Message) {
    let options = SendOptions::default().with_message_id(id);
    companion.client().send_message_with_options(to.parse::<Jid>().unwrap(), message, options).await.unwrap();
    assert_eq!(nth_ack(companion, id, 0).await, None);
}

/// A person's chat, or a group that is addressed so.
async fn chat(sim: &Simulator, group: Option<Addressing>) -> (String, String) {
    match group {
        None => (Jid::pn(OTHER).to_string(), PHONE.to_owned()),
        Some(addressing) => {
            let group = sim.phone(OTHER).create_group_addressed("Tea", &[PHONE], addressing).unwrap();
            (group.clone(), group)
        }
    }
}

fn secret(message: &wa::Message) -> Vec<u8> {
    message.message_context_info.message_secret.clone().unwrap()
}

#[rstest::rstest]
#[case::person(None)]
#[case::lid(Some(Addressing::Lid))]
#[case::phone_number(Some(Addressing::PhoneNumber))]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn votes_are_opened_both_ways(#[case] group: Option<Addressing>) {
    let sim = simulator().await;
    let (companion, _) = Companion::linked(&sim).await;
    let (to, from) = chat(&sim, group).await;
    send(&companion, &to, "POLL", content::poll_for_many("tea?", &["yes", "no", "later"], 2)).await;
    let poll = arrival(&sim, "POLL").await.content.poll.unwrap();
    assert_eq!((poll.options.len(), poll.selectable, poll.version), (3, 2, 1));
    let vote = sim.phone(OTHER).vote(&from, "POLL", &["yes", "later"]).await.unwrap();
    assert!(message(&companion, &vote).await.1.poll_update_message.vote.is_set());
    assert!(sim.phone(OTHER).vote(&from, "POLL", &["never"]).await.is_err());

    // The companion votes in a poll of theirs, with what it was told.
    let theirs = sim.phone(OTHER).send_content(&from, content::poll("cake?", &["yes", "no"])).await.unwrap();
    let (inbound, poll) = message(&companion, &theirs).await;
    let creator = inbound.info.source.sender.clone();
    let client = companion.client();
    client
        .polls()
        .vote(to.parse::<Jid>().unwrap(), &theirs, &creator, &secret(&poll), &["no".to_owned()])
        .await
        .unwrap();
    let find = || sim.phone(OTHER).inbox().into_iter().find(|message| message.content.kind == "vote");
    until("the vote", || find().is_some()).await;
    assert_eq!(find().unwrap().content.vote, Some(vec!["no".to_owned()]));
    companion.stop().await;
    finish(sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_to_events_are_opened_both_ways() {
    let sim = simulator().await;
    let (companion, _) = Companion::linked(&sim).await;
    let to = Jid::pn(OTHER).to_string();
    send(&companion, &to, "EVENT", content::event("Tea", 1_900_000_000)).await;
    assert_eq!(arrival(&sim, "EVENT").await.content.event.unwrap().starts_at, Some(1_900_000_000));
    let answer = sim.phone(OTHER).answer_event(PHONE, "EVENT", "going", 2).await.unwrap();
    assert!(message(&companion, &answer).await.1.enc_event_response_message.is_set());
    let theirs = sim.phone(OTHER).send_content(PHONE, content::event("Cake", 1_900_000_000)).await.unwrap();
    let (inbound, event) = message(&companion, &theirs).await;
    let creator = inbound.info.source.sender.clone();
    let maybe = wa::message::event_response_message::EventResponseType::MAYBE;
    let (chat, secret) = (Jid::pn(OTHER), secret(&event));
    companion.client().events().respond(chat, &theirs, &creator, &secret, maybe, Some(1)).await.unwrap();
    let find = || sim.phone(OTHER).inbox().into_iter().find(|message| message.content.kind == "event_answer");
    until("the answer", || find().is_some()).await;
    assert_eq!(find().unwrap().content.event_answer, Some(EventAnswer { response: "maybe", extra_guests: 1 }));
    companion.stop().await;
    finish(sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_is_shown_and_keeps_the_rules() {
    let sim = simulator().await;
    let (companion, _) = Companion::linked(&sim).await;
    let to = Jid::pn(OTHER).to_string();
    let own = |id: &str| content::key(&to, id, true, None);
    send(&companion, &to, "PLACE", content::location(52.5, 13.4, Some("Berlin"))).await;
    send(&companion, &to, "CARDS", content::contacts(&[("Ada", PHONE), ("Grace", OTHER)])).await;
    send(&companion, &to, "PIN", content::pin(own("PLACE"), Some(86_400))).await;
    send(&companion, &to, "UNPIN", content::pin(own("PLACE"), None)).await;
    send(&companion, &to, "KEEP", content::keep(own("PLACE"), true)).await;
    send(&companion, &to, "UNKEEP", content::keep(own("PLACE"), false)).await;
    send(&companion, &to, "FORWARD", content::forwarded("news", 5)).await;
    send(&companion, &to, "ALBUM", content::album(1, 0)).await;
    send(&companion, &to, "CHILD", content::in_album(content::image(None), own("ALBUM"))).await;
    send(&companion, &to, "ONCE", content::view_once()).await;
    send(&companion, &to, "TIMER", content::timer(604_800)).await;
    arrival(&sim, "TIMER").await;

    let shown = |id: &str| sim.phone(OTHER).inbox().into_iter().find(|message| message.id == id).unwrap().content;
    let place = shown("PLACE").place.unwrap();
    assert_eq!((place.latitude, place.longitude, place.name.as_deref()), (52.5, 13.4, Some("Berlin")));
    assert_eq!(shown("CARDS").contacts.iter().map(|card| &*card.display_name).collect::<Vec<_>>(), ["Ada", "Grace"]);
    assert_eq!(shown("PIN").pin, Some(Pin { is_pinned: true, seconds: Some(86_400) }));
    assert_eq!(shown("UNPIN").pin, Some(Pin { is_pinned: false, seconds: None }));
    assert_eq!((shown("KEEP").is_kept, shown("UNKEEP").is_kept), (Some(true), Some(false)));
    assert_eq!((shown("FORWARD").is_forwarded, shown("FORWARD").forwarding_score), (true, Some(5)));
    assert_eq!((shown("ALBUM").album.unwrap().images, shown("CHILD").album_id.as_deref()), (1, Some("ALBUM")));
    assert!(shown("ONCE").is_view_once && !shown("CHILD").is_view_once);
    assert_eq!((sim.phone(OTHER).chat_timer(PHONE), shown("TIMER").ephemeral_seconds), (Some(604_800), Some(604_800)));
    companion.stop().await;
    finish(sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn timers_and_stars_are_seen() {
    let sim = simulator().await;
    let (companion, _) = Companion::linked(&sim).await;
    let group = sim.phone(OTHER).create_group("Tea", &[PHONE]).unwrap();
    let client = companion.client();
    client.groups().set_ephemeral(group.parse::<Jid>().unwrap(), 86_400).await.unwrap();
    assert_eq!(sim.phone(OTHER).groups()[0].ephemeral_seconds, 86_400);
    let info = client.groups().get_metadata(&group.parse::<Jid>().unwrap()).await.unwrap();
    assert_eq!(info.ephemeral.and_then(|settings| settings.expiration), Some(86_400));
    let timed = sim.phone(OTHER).send(&group, "soon gone").await.unwrap();
    assert_eq!(message(&companion, &timed).await.1.extended_text_message.context_info.expiration, Some(86_400));
    client.set_default_disappearing_mode(604_800).await.unwrap();
    assert_eq!(sim.phone(PHONE).default_timer(), 604_800);
    client.chat_actions().star_message(&Jid::pn(OTHER), None, "MINE", true).await.unwrap();
    let starred = sim.phone(PHONE).starred();
    assert_eq!((starred.len(), starred[0].message_id.as_str(), starred[0].from_me), (1, "MINE", true));
    client.chat_actions().unstar_message(&Jid::pn(OTHER), None, "MINE", true).await.unwrap();
    assert!(sim.phone(PHONE).starred().is_empty());
    companion.stop().await;
    finish(sim).await;
}
