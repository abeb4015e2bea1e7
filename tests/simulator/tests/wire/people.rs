//! What a companion sees of people: presence, typing, pictures, texts, devices, calls; and what its own phone decides.

use std::time::Duration;

use wacore::types::call::CallAction;
use wacore::types::events::Event;
use wacore::types::presence::{ChatPresence, ChatPresenceMedia};
use wacore_binary::Jid;
use whatsapp_simulator::Simulator;

use crate::companion::{Companion, OTHER, PHONE, finish, simulator, until};

async fn settled(sim: &Simulator) {
    until("every acknowledgement", || sim.phone(PHONE).devices()[0].unnoticed == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn presence_is_told_to_those_who_ask() {
    let sim = simulator().await;
    let (companion, _) = Companion::linked(&sim).await;
    companion.available(&sim).await;
    let presence = |event: &Event| match event {
        Event::Presence(update) => Some((update.from.user.to_string(), update.unavailable, update.last_seen.is_some())),
        _ => None,
    };
    sim.phone(OTHER).online();
    sim.phone(OTHER).offline();
    companion.client().presence().subscribe(Jid::pn(OTHER)).await.unwrap();
    assert_eq!(companion.events.nth("the state", 0, presence).await, (OTHER.to_owned(), true, true));
    sim.phone(OTHER).online();
    assert_eq!(companion.events.nth("coming", 1, presence).await, (OTHER.to_owned(), false, false));
    sim.phone(OTHER).offline();
    assert_eq!(companion.events.nth("going", 2, presence).await, (OTHER.to_owned(), true, true));
    companion.client().presence().unsubscribe(&Jid::pn(OTHER)).await.unwrap();
    // Whatever is answered was asked after that.
    companion.client().blocking().get_blocklist().await.unwrap();
    sim.phone(OTHER).online();
    sim.phone(OTHER).send(PHONE, "the last word").await.unwrap();
    companion.texts(1).await;
    assert_eq!(companion.events.count(|event| matches!(event, Event::Presence(_))), 3);
    companion.stop().await;
    finish(sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn typing_shows_in_chats_and_groups() {
    let sim = simulator().await;
    let (companion, _) = Companion::linked(&sim).await;
    let group = sim.phone(OTHER).create_group("Tea", &[PHONE]).unwrap();
    companion.available(&sim).await;
    let other = sim.phone(OTHER);
    let state = |event: &Event| match event {
        Event::ChatPresence(update) => Some((update.source.chat.to_string(), update.state, update.media)),
        _ => None,
    };
    let chat = format!("{OTHER}@s.whatsapp.net");
    let (text, audio) = (ChatPresenceMedia::Text, ChatPresenceMedia::Audio);
    // The client takes stanzas side by side, so each waits for the one before.
    let typed = async |what: anyhow::Result<()>, index: usize| {
        what.unwrap();
        companion.events.nth("typing", index, state).await
    };
    assert_eq!(typed(other.typing(PHONE), 0).await, (chat.clone(), ChatPresence::Composing, text));
    assert_eq!(typed(other.recording(PHONE), 1).await, (chat.clone(), ChatPresence::Composing, audio));
    assert_eq!(typed(other.paused(PHONE), 2).await, (chat, ChatPresence::Paused, text));
    assert_eq!(typed(other.typing(&group), 3).await, (group.clone(), ChatPresence::Composing, text));
    assert!(other.typing("15550100098").is_err());
    companion.stop().await;
    finish(sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_contacts_changes_are_told() {
    let sim = simulator().await;
    let (companion, _) = Companion::linked(&sim).await;
    let other = sim.phone(OTHER);
    other.set_picture();
    other.meet(PHONE).unwrap();
    other.set_picture();
    let picture = |event: &Event| match event {
        Event::PictureUpdate(update) => Some((update.jid.user.to_string(), update.removed)),
        _ => None,
    };
    // The first was before they met.
    assert_eq!(companion.events.nth("the picture", 0, picture).await, (OTHER.to_owned(), false));
    other.delete_picture();
    assert_eq!(companion.events.nth("its end", 1, picture).await, (OTHER.to_owned(), true));
    other.set_about("at sea");
    let about = |event: &Event| match event {
        Event::UserAboutUpdate(update) => Some(update.status.clone()),
        _ => None,
    };
    assert_eq!(companion.events.first("the text", about).await, "at sea");
    other.announce();
    let contact = |event: &Event| match event {
        Event::ContactUpdated(update) => Some(update.jid.user.to_string()),
        _ => None,
    };
    assert_eq!(companion.events.first("the change", contact).await, OTHER);
    settled(&sim).await;

    other.set_picture();
    let found = companion.client().contacts().get_profile_picture(&Jid::pn(OTHER), false).await.unwrap();
    assert!(found.is_some());
    companion.client().profile().set_status_text("busy").await.unwrap();
    settled(&sim).await;
    companion.stop().await;
    finish(sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_contacts_devices_are_told() {
    let sim = simulator().await;
    let (companion, _) = Companion::linked(&sim).await;
    sim.phone(OTHER).meet(PHONE).unwrap();
    let second = Companion::start(&sim).await;
    let device = sim.phone(OTHER).scan(&second.qr().await).await.unwrap();
    let update = |event: &Event| match event {
        Event::DeviceListUpdate(update) => Some((update.user.user.to_string(), format!("{:?}", update.update_type))),
        _ => None,
    };
    let expected = |kind: &str| (OTHER.to_owned(), kind.to_owned());
    assert_eq!(companion.events.nth("the new device", 0, update).await, expected("Add"));
    second.connected(1).await;
    assert!(sim.phone(OTHER).unlink(device));
    assert_eq!(companion.events.nth("its end", 1, update).await, expected("Remove"));
    settled(&sim).await;
    companion.stop().await;
    second.stop().await;
    finish(sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_own_devices_are_told() {
    let sim = simulator().await;
    let (companion, _) = Companion::linked(&sim).await;
    let second = Companion::start(&sim).await;
    let device = sim.phone(PHONE).scan(&second.qr().await).await.unwrap();
    second.connected(1).await;
    let devices = |event: &Event| match event {
        Event::RawNode(node) => node
            .get()
            .to_owned()
            .get_optional_child("devices")
            .map(|devices| devices.get_children_by_tag("device").count()),
        _ => None,
    };
    assert_eq!(companion.events.nth("the new list", 0, devices).await, 3);
    assert!(sim.phone(PHONE).unlink(device));
    assert_eq!(companion.events.nth("the old list", 1, devices).await, 2);
    settled(&sim).await;
    // Whoever writes reaches those who are left.
    sim.phone(OTHER).send(PHONE, "still there?").await.unwrap();
    assert_eq!(companion.texts(1).await, ["still there?"]);
    companion.stop().await;
    second.stop().await;
    finish(sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_contact_calls() {
    let sim = simulator().await;
    let (companion, _) = Companion::linked(&sim).await;
    let call_id = sim.phone(OTHER).call(PHONE, true).unwrap();
    let action = |event: &Event| match event {
        Event::IncomingCall(call) => Some(call.action.clone()),
        _ => None,
    };
    match companion.events.nth("the call", 0, action).await {
        CallAction::Offer { call_id: id, caller_pn, is_video, .. } => {
            assert_eq!((id, is_video), (call_id.clone(), true));
            assert_eq!(caller_pn.map(|jid| jid.user.to_string()).as_deref(), Some(OTHER));
        }
        other => panic!("not an offer: {other:?}"),
    }
    sim.phone(OTHER).hang_up(PHONE, &call_id, Some("timeout")).unwrap();
    let ended = companion.events.nth("the end", 1, action).await;
    assert!(matches!(ended, CallAction::Terminate { reason, .. } if reason.as_deref() == Some("timeout")));
    sim.phone(OTHER).reject_call(PHONE, "0123456789ABCDEF").unwrap();
    sim.phone(OTHER).accept_call(PHONE, "0123456789ABCDEF").unwrap();
    settled(&sim).await;
    companion.stop().await;
    finish(sim).await;
}

/// Decides until the client has noticed: it ignores a notice that comes while it syncs the same collection.
async fn synced(companion: &Companion, expected: &str, decide: impl Fn() -> anyhow::Result<()>) {
    let fact = |event: &Event| match event {
        Event::PinUpdate(update) => Some(format!("pin {:?}", update.action.pinned)),
        Event::MuteUpdate(update) => Some(format!("mute {:?}", update.action.mute_end_timestamp)),
        Event::ArchiveUpdate(update) => Some(format!("archive {:?}", update.action.archived)),
        Event::MarkChatAsReadUpdate(update) => Some(format!("read {:?}", update.action.read)),
        Event::ContactUpdate(update) => Some(format!("name {:?}", update.action.full_name)),
        _ => None,
    };
    for _ in 0..20 {
        decide().unwrap();
        let noticed = companion.events.first(expected, |event| fact(event).filter(|fact| fact == expected));
        if tokio::time::timeout(Duration::from_secs(1), noticed).await.is_ok() {
            return;
        }
    }
    panic!("{expected} was not noticed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_own_phones_decisions_are_synced() {
    let sim = simulator().await;
    let (companion, _) = Companion::linked(&sim).await;
    let phone = sim.phone(PHONE);
    synced(&companion, "pin Some(true)", || phone.pin_chat(OTHER, true)).await;
    synced(&companion, "mute Some(-1)", || phone.mute_chat(OTHER, true, None)).await;
    synced(&companion, "archive Some(true)", || phone.archive_chat(OTHER, true)).await;
    synced(&companion, "read Some(false)", || phone.mark_chat(OTHER, false)).await;
    synced(&companion, "name Some(\"Grace Hopper\")", || phone.save_contact(OTHER, "Grace Hopper")).await;
    synced(&companion, "pin Some(false)", || phone.pin_chat(OTHER, false)).await;
    assert!(phone.pin_chat("15550100098", true).is_err());
    settled(&sim).await;
    companion.stop().await;
    finish(sim).await;
}
