//! What WhatsApp keeps an account from: strangers without a token, too many new chats, too many questions.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;
use wacore::iq::mex_operations::{fetch_new_chat_message_capping_info, fetch_reachout_timelock};
use wacore::store::traits::ProtocolStore;
use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, Node};
use whatsapp_rust::SendOptions;
use whatsapp_simulator::{NewChatCap, Restrictions, Simulator, Timelock, TokenRule};

use crate::acknowledgement::{nth_ack, send, text};
use crate::companion::{Companion, OTHER, PHONE, finish, simulator, until};

const THIRD: &str = "15550100003";

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

async fn linked_with_tokens(sim: &Simulator) -> Companion {
    sim.set_ab_prop(10_518, Some("1"));
    let (companion, _) = Companion::linked(sim).await;
    companion
}

async fn send_to(companion: &Companion, to: &str, id: &str, extra: Vec<Node>) -> Option<String> {
    let options = SendOptions::default().with_message_id(id).with_extra_stanza_nodes(extra);
    companion.client().send_message_with_options(Jid::pn(to), text(id), options).await.unwrap();
    nth_ack(companion, id, 0).await
}

/// Waits until the client has the token that a phone gave to its account.
async fn token_known(sim: &Simulator, companion: &Companion, from: &str) {
    let (lid, given) = (sim.phone(from).lid(), sim.phone(from).token_for(PHONE));
    let backend = companion.backend();
    for _ in 0..1000 {
        let known = backend.get_tc_token(&lid).await.unwrap().map(|entry| entry.token);
        if known == given {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("the client did not learn of the token");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_without_a_token_is_answered_463() {
    let sim = simulator().await;
    sim.phone(THIRD);
    sim.require_tokens(TokenRule::Strangers);
    let companion = linked_with_tokens(&sim).await;
    assert_eq!(send_to(&companion, OTHER, "COLD", vec![]).await.as_deref(), Some("463"));
    assert!(sim.phone(OTHER).inbox().is_empty());
    // Who has written is no stranger.
    sim.phone(THIRD).send(PHONE, "hello").await.unwrap();
    companion.texts(1).await;
    assert_eq!(send_to(&companion, THIRD, "WARM", vec![]).await, None);
    // Everybody wants a token now, and one of them has given one.
    sim.phone(PHONE).restrict(Restrictions { token_rule: Some(TokenRule::Everyone), ..Default::default() });
    assert_eq!(send_to(&companion, THIRD, "WARM-TOO", vec![]).await.as_deref(), Some("463"));
    sim.phone(OTHER).give_token(PHONE).unwrap();
    token_known(&sim, &companion, OTHER).await;
    assert_eq!(send_to(&companion, OTHER, "TRUSTED", vec![]).await, None);
    // What was taken may come again, whatever has changed.
    assert_eq!(send_to(&companion, THIRD, "WARM-AGAIN", vec![]).await.as_deref(), Some("463"));
    companion.stop().await;
    finish(sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_are_checked() {
    let sim = simulator().await;
    sim.require_tokens(TokenRule::Everyone);
    let (companion, _) = Companion::linked(&sim).await;
    let leaf = |tag: &'static str, bytes: Vec<u8>| vec![NodeBuilder::new(tag).bytes(bytes).build()];
    assert_eq!(send_to(&companion, OTHER, "FALSE", leaf("tctoken", vec![1; 16])).await.as_deref(), Some("463"));
    assert_eq!(sim.violations(), ["message FALSE: its tctoken is not the one that the recipient gave"]);
    sim.phone(OTHER).give_old_token(PHONE, now() - 29 * 86_400).unwrap();
    let old = sim.phone(OTHER).token_for(PHONE).unwrap();
    assert_eq!(send_to(&companion, OTHER, "OLD", leaf("tctoken", old)).await.as_deref(), Some("463"));
    let lid = format!("{}@lid", sim.phone(OTHER).lid());
    let made = wacore::iq::tctoken::compute_cs_token(&sim.phone(PHONE).salt(), &lid);
    assert_eq!(send_to(&companion, OTHER, "MADE", leaf("cstoken", made)).await, None);
    assert_eq!(send_to(&companion, OTHER, "MADE-UP", leaf("cstoken", vec![2; 32])).await.as_deref(), Some("463"));
    assert_eq!(sim.violations().len(), 2);
    companion.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_timelock_holds_strangers_until_it_ends() {
    let sim = simulator().await;
    sim.phone(THIRD).send(PHONE, "before").await.unwrap_or_default();
    let (companion, _) = Companion::linked(&sim).await;
    let until = now() + 3600;
    let locked = Restrictions { timelock: Some(Timelock { until }), ..Default::default() };
    sim.phone(PHONE).restrict(locked);
    assert_eq!(send_to(&companion, OTHER, "HELD", vec![]).await.as_deref(), Some("463"));
    assert_eq!(send_to(&companion, THIRD, "PASSES", vec![]).await, None);
    let lock = companion.client().mex().fetch_reachout_timelock().await.unwrap();
    assert_eq!((lock.is_active, lock.time_enforcement_ends), (Some(true), Some(until.to_string())));
    let over = Restrictions { timelock: Some(Timelock { until: now() - 1 }), ..Default::default() };
    sim.phone(PHONE).restrict(over);
    let lock = companion.client().mex().fetch_reachout_timelock().await.unwrap();
    assert_eq!(lock.is_active, Some(false));
    send(&companion, "HELD", text("HELD")).await;
    assert_eq!(nth_ack(&companion, "HELD", 1).await, None);
    companion.stop().await;
    finish(sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_many_new_chats_are_answered_475() {
    let sim = simulator().await;
    sim.phone(THIRD);
    let (companion, _) = Companion::linked(&sim).await;
    let cap = NewChatCap { total: 1, used: 0, ends_at: now() + 3600 };
    sim.phone(PHONE).restrict(Restrictions { new_chats: Some(cap), ..Default::default() });
    assert_eq!(send_to(&companion, OTHER, "NEW", vec![]).await, None);
    assert_eq!(send_to(&companion, OTHER, "NO-LONGER-NEW", vec![]).await, None);
    assert_eq!(send_to(&companion, THIRD, "ONE-TOO-MANY", vec![]).await.as_deref(), Some("475"));
    assert_eq!(sim.phone(PHONE).restrictions().new_chats.unwrap().used, 1);
    let request = whatsapp_rust::MexRequest::new(
        fetch_new_chat_message_capping_info::NAME,
        fetch_new_chat_message_capping_info::DOC_ID,
        serde_json::json!({ "input": { "type": "INDIVIDUAL_NEW_CHAT_MSG" } }),
    );
    let data: Value = companion.client().mex().query(request).await.unwrap().data.unwrap();
    let info = &data["xwa2_message_capping_info"];
    assert_eq!((&info["total_quota"], &info["used_quota"]), (&Value::from(1), &Value::from(1)));
    assert_eq!(info["capping_status"], "CAPPED");
    assert_ne!(fetch_reachout_timelock::DOC_ID, fetch_new_chat_message_capping_info::DOC_ID);
    companion.stop().await;
    finish(sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_many_questions_are_told_to_wait() {
    let sim = simulator().await;
    let (companion, _) = Companion::linked(&sim).await;
    sim.phone(PHONE).limit_rate("usync", Some(120), 1);
    let ask = async || companion.client().contacts().is_on_whatsapp(&[Jid::pn(OTHER)]).await;
    let error = ask().await.unwrap_err();
    let said = format!("{error:?}");
    assert!(said.contains("429") && said.contains("120"), "{said}");
    assert!(ask().await.unwrap()[0].is_registered);
    sim.phone(PHONE).refuse_queries("usync", 500, 2);
    let said = format!("{:?}", ask().await.unwrap_err());
    assert!(said.contains("500") && said.contains("internal-server-error"), "{said}");
    sim.phone(PHONE).answer_queries();
    assert!(ask().await.unwrap()[0].is_registered);
    companion.stop().await;
    finish(sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn numbers_are_looked_up() {
    let sim = simulator().await;
    sim.add_alias("155509100002", OTHER);
    let (companion, _) = Companion::linked(&sim).await;
    let asked = [Jid::pn("155509100002"), Jid::pn("15550100999")];
    let found = companion.client().contacts().is_on_whatsapp(&asked).await.unwrap();
    let known: Vec<(String, bool)> = found.iter().map(|user| (user.jid.user.to_string(), user.is_registered)).collect();
    assert!(known.contains(&(OTHER.to_owned(), true)), "{known:?}");
    assert!(known.contains(&("15550100999".to_owned(), false)), "{known:?}");
    assert_eq!((sim.stats().lookups, sim.stats().looked_up), (1, 2));
    until("the answers", || sim.stats().stanzas.contains_key("iq/get/usync/usync")).await;
    companion.stop().await;
    finish(sim).await;
}
