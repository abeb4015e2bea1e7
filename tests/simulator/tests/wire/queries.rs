//! What a client asks in everyday use: each has an answer that the client can read.

use wacore_binary::Jid;

use crate::companion::{Companion, OTHER, PHONE, finish, simulator, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn contacts_are_found_and_strangers_are_not() {
    let sim = simulator().await;
    let (companion, _) = Companion::linked(&sim).await;
    let client = companion.client();
    let asked = [Jid::pn(OTHER), Jid::pn("15550100098")];
    let mut found = client.contacts().is_on_whatsapp(&asked).await.unwrap();
    found.sort_by_key(|result| result.jid.user.clone());
    assert_eq!(found.iter().map(|result| result.is_registered).collect::<Vec<_>>(), [true, false]);
    let info = client.contacts().get_user_info(&[Jid::pn(OTHER)]).await.unwrap();
    assert!(info.contains_key(&Jid::pn(OTHER)), "{:?}", info.keys());
    assert!(client.contacts().get_profile_picture(&Jid::pn(OTHER), true).await.unwrap().is_none());
    companion.stop().await;
    finish(sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everyday_queries_are_answered() {
    let sim = simulator().await;
    let (companion, _) = Companion::linked(&sim).await;
    let client = companion.client();
    client.fetch_privacy_settings().await.unwrap();
    client.blocking().get_blocklist().await.unwrap();
    client.profile().set_status_text("busy").await.unwrap();
    client.groups().get_participating().await.unwrap();
    client.send_digest_key_bundle().await.unwrap();
    client.presence().set_unavailable().await.unwrap();
    client.presence().set_available().await.unwrap();
    client.presence().subscribe(Jid::pn(OTHER)).await.unwrap();
    client.chatstate().send_composing(&Jid::pn(OTHER)).await.unwrap();
    let id = sim.phone(OTHER).send(PHONE, "read me").await.unwrap();
    companion.texts(1).await;
    client.mark_as_read(&Jid::pn(OTHER), None, &[&id]).await.unwrap();
    until("the read receipt", || sim.stats().stanzas.contains_key("receipt/read")).await;
    companion.stop().await;
    finish(sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_push_name_changes_on_either_side() {
    let sim = simulator().await;
    let (companion, _) = Companion::linked(&sim).await;
    sim.add_phone(PHONE, "Ada L.");
    until("the new name's arrival", || companion.client().push_name() == "Ada L.").await;
    companion.client().profile().set_push_name("Countess").await.unwrap();
    until("the patch's arrival", || {
        sim.stats().stanzas.get("iq/set/w:sync:app:state/sync").is_some_and(|count| *count > 2)
    })
    .await;
    sim.add_phone(PHONE, "Ada again");
    until("the third name's arrival", || companion.client().push_name() == "Ada again").await;
    companion.stop().await;
    finish(sim).await;
}
