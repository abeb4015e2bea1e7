//! Groups as a member's companion sees them.

use wacore::stanza::groups::GroupNotificationAction as Action;
use wacore::types::events::{Event, GroupUpdate};
use wacore_binary::Jid;
use whatsapp_simulator::{Addressing, Fault, Rank, Simulator, content};

use crate::companion::{Companion, OTHER, PHONE, finish, simulator, until};
use crate::contents::message;

/// A third member.
const THIRD: &str = "15550100003";

async fn change(companion: &Companion, what: &str, fits: impl Fn(&Action) -> bool) -> GroupUpdate {
    let pick = |event: &Event| match event {
        Event::GroupUpdate(update) if fits(&update.action) => Some(update.clone()),
        _ => None,
    };
    companion.events.first(what, pick).await
}

async fn settled(sim: &Simulator) {
    let all_taken = || sim.phone(PHONE).devices().iter().all(|device| device.undelivered + device.unnoticed == 0);
    until("every acknowledgement", all_taken).await;
}

#[rstest::rstest]
#[case::lid(Addressing::Lid)]
#[case::phone_number(Addressing::PhoneNumber)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_groups_texts_arrive(#[case] addressing: Addressing) {
    let sim = simulator().await;
    let (companion, _) = Companion::linked(&sim).await;
    sim.add_phone(THIRD, "Alan");
    let group = sim.phone(OTHER).create_group_addressed("Tea", &[PHONE, THIRD], addressing).unwrap();
    let created = change(&companion, "the group", |action| matches!(action, Action::Create { .. })).await;
    assert_eq!(created.group_jid.to_string(), group);

    let first = sim.phone(OTHER).send(&group, "one").await.unwrap();
    sim.phone(OTHER).send(&group, "two").await.unwrap();
    sim.phone(THIRD).send(&group, "three").await.unwrap();
    assert_eq!(companion.texts(3).await, ["one", "two", "three"]);
    let source = message(&companion, &first).await.0.info.source.clone();
    assert!(source.is_group && !source.is_from_me);
    let (lid, number) = (sim.phone(OTHER).lid(), OTHER.to_owned());
    let alt = source.sender_alt.as_ref().map(|jid| jid.user.to_string());
    let expected = if addressing == Addressing::Lid { (lid, Some(number)) } else { (number, Some(lid)) };
    assert_eq!((source.sender.user.to_string(), alt), expected);
    assert_eq!(sim.phone(PHONE).inbox().len(), 3);

    let own = sim.phone(PHONE).send(&group, "from my phone").await.unwrap();
    assert!(message(&companion, &own).await.0.info.source.is_from_me);
    let image = sim.phone(OTHER).send_content(&group, content::image(None)).await.unwrap();
    assert!(message(&companion, &image).await.1.image_message.is_set());
    settled(&sim).await;
    companion.stop().await;
    finish(sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_come_and_go() {
    let sim = simulator().await;
    let (companion, _) = Companion::linked(&sim).await;
    sim.add_phone(THIRD, "Alan");
    let other = sim.phone(OTHER);
    let group = other.create_group("Tea", &[PHONE]).unwrap();
    other.add_to_group(&group, &[THIRD]).unwrap();
    let lid = sim.phone(THIRD).lid();
    let added = change(
        &companion,
        "the addition",
        |action| matches!(action, Action::Add { participants, .. } if participants[0].jid.user.as_str() == lid),
    );
    assert_eq!(added.await.participant.map(|jid| jid.user.to_string()), Some(other.lid()));
    other.promote(&group, &[PHONE]).unwrap();
    change(&companion, "the promotion", |action| matches!(action, Action::Promote { .. })).await;
    sim.phone(PHONE).rename_group(&group, "Coffee").unwrap();
    let is_renamed = |action: &Action| matches!(action, Action::Subject { subject, .. } if subject == "Coffee");
    change(&companion, "the new name", is_renamed).await;
    other.demote(&group, &[PHONE]).unwrap();
    change(&companion, "the demotion", |action| matches!(action, Action::Demote { .. })).await;
    assert!(sim.phone(PHONE).promote(&group, &[THIRD]).is_err());

    other.send(&group, "to three").await.unwrap();
    other.remove_from_group(&group, &[THIRD]).await.unwrap();
    change(&companion, "the removal", |action| matches!(action, Action::Remove { .. })).await;
    // A new chain of keys, which the member that is left gets.
    other.send(&group, "to two").await.unwrap();
    assert_eq!(companion.texts(2).await, ["to three", "to two"]);
    assert_eq!(other.groups()[0].members.get(PHONE), Some(&Rank::Member));
    settled(&sim).await;
    companion.stop().await;
    finish(sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_may_ask_for_the_group() {
    let sim = simulator().await;
    let (companion, _) = Companion::linked(&sim).await;
    sim.add_phone(THIRD, "Alan");
    let mine = sim.phone(PHONE).create_group("Tea", &[OTHER]).unwrap();
    let theirs: Jid = sim.phone(OTHER).create_group("Not for Ada", &[THIRD]).unwrap().parse().unwrap();
    let jid: Jid = mine.parse().unwrap();
    let groups = companion.client();
    let metadata = groups.groups().get_metadata(&jid).await.unwrap();
    assert_eq!((metadata.subject.as_str(), metadata.participants.len()), ("Tea", 2));
    let all = groups.groups().get_participating().await.unwrap();
    assert_eq!(all.len(), 1);
    assert!(groups.groups().get_metadata(&theirs).await.is_err());
    settled(&sim).await;
    companion.stop().await;
    finish(sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_group_message_is_sent_again() {
    let sim = simulator().await;
    let (companion, device) = Companion::linked(&sim).await;
    let group = sim.phone(OTHER).create_group("Tea", &[PHONE]).unwrap();
    sim.phone(OTHER).send(&group, "one").await.unwrap();
    companion.texts(1).await;
    sim.fault(PHONE, device, Fault::BreakMessages { count: 1, repairable: true }).await.unwrap();
    sim.phone(OTHER).send(&group, "two").await.unwrap();
    assert_eq!(companion.texts(2).await, ["one", "two"]);
    sim.phone(OTHER).send(&group, "three").await.unwrap();
    assert_eq!(companion.texts(3).await, ["one", "two", "three"]);
    assert_eq!(sim.stats().retries, 1);
    settled(&sim).await;
    companion.stop().await;
    finish(sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_goes_on_while_a_device_is_away() {
    let sim = simulator().await;
    let (companion, _) = Companion::linked(&sim).await;
    settled(&sim).await;
    let backend = companion.stop().await;
    let group = sim.phone(OTHER).create_group("Tea", &[PHONE]).unwrap();
    for text in ["one", "two", "three"] {
        sim.phone(OTHER).send(&group, text).await.unwrap();
    }
    sim.phone(OTHER).rename_group(&group, "Coffee").unwrap();
    sim.phone(PHONE).pin_chat(&group, true).unwrap();
    let call = sim.phone(OTHER).call(PHONE, false).unwrap();
    sim.phone(OTHER).hang_up(PHONE, &call, Some("timeout")).unwrap();
    let companion = Companion::resume(&sim, backend).await;
    let preview = |event: &Event| match event {
        Event::OfflineSyncPreview(preview) => Some([
            preview.total,
            preview.messages,
            preview.notifications,
            preview.calls,
            preview.app_data_changes,
            preview.receipts,
        ]),
        _ => None,
    };
    assert_eq!(companion.events.first("the preview", preview).await, [8, 3, 2, 2, 1, 0]);
    assert_eq!(companion.texts(3).await, ["one", "two", "three"]);
    let renamed = change(&companion, "the new name", |action| matches!(action, Action::Subject { .. })).await;
    assert!(renamed.offline.is_some());
    settled(&sim).await;
    companion.stop().await;
    finish(sim).await;
}
