//! The rules that a companion's messages must keep, and what the simulator shows of them.

use std::time::Duration;

use wacore_binary::{Jid, Node};
use waproto::buffa::MessageField;
use waproto::whatsapp as wa;
use whatsapp_rust::{NodeFilter, SendOptions, StanzaType};
use whatsapp_simulator::{MessageFault, Settings, Simulator, Verdict, content};

use crate::acknowledgement::{nth_ack, send, text};
use crate::companion::{Companion, OTHER, PHONE, finish, simulator, simulator_with, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_client_makes_of_every_kind_keeps_the_rules() {
    let sim = simulator().await;
    let (companion, _) = Companion::linked(&sim).await;
    let theirs = sim.phone(OTHER).send(PHONE, "question").await.unwrap();
    companion.texts(1).await;
    let chat = Jid::pn(OTHER).to_string();
    send(&companion, "TEXT", text("one")).await;
    let mut reply = content::reply("two", Some((&theirs, OTHER, content::text("question"))), &[OTHER]);
    if let Some(extended) = reply.extended_text_message.as_option_mut()
        && let Some(context) = extended.context_info.as_option_mut()
    {
        context.expiration = Some(86_400);
    }
    send(&companion, "REPLY", reply).await;
    send(&companion, "IMAGE", content::image(Some("a view"))).await;
    send(&companion, "POLL", content::poll("tea?", &["yes", "no"])).await;
    send(&companion, "REACTION", content::reaction(content::key(&chat, &theirs, false, None), "+")).await;
    send(&companion, "REMOVAL", content::reaction(content::key(&chat, &theirs, false, None), "")).await;
    send(&companion, "EDIT", content::edit(content::key(&chat, "TEXT", true, None), content::text("better"))).await;
    send(&companion, "REVOKE", content::revoke(content::key(&chat, "TEXT", true, None))).await;
    until("every arrival", || sim.phone(OTHER).inbox().len() == 8).await;

    let inbox = sim.phone(OTHER).inbox();
    let kinds: Vec<&str> = inbox.iter().map(|message| message.content.kind).collect();
    assert_eq!(kinds, ["text", "text", "image", "poll", "reaction", "reaction", "edit", "revoke"]);
    let edits: Vec<Option<&str>> = inbox.iter().map(|message| message.edit.as_deref()).collect();
    assert_eq!(edits, [None, None, None, None, None, Some("7"), Some("1"), Some("7")]);
    assert!(inbox[0].content.has_secret);
    let quoted = inbox[1].content.quoted.clone().unwrap();
    assert_eq!((quoted.id.as_str(), quoted.text.as_str(), quoted.is_present), (theirs.as_str(), "question", true));
    assert_eq!((inbox[1].content.mentions.as_slice(), inbox[1].content.ephemeral_seconds), (&[chat][..], Some(86_400)));
    assert_eq!(inbox[2].content.caption.as_deref(), Some("a view"));
    let target = inbox[4].content.target.clone().unwrap();
    assert_eq!((target.id, target.from_me, inbox[4].content.emoji.as_deref()), (theirs, false, Some("+")));
    assert_eq!((inbox[6].text.as_str(), inbox[6].content.target.as_ref().unwrap().id.as_str()), ("better", "TEXT"));
    companion.stop().await;
    finish(sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_type_is_noticed() {
    let sim = simulator().await;
    let (companion, _) = Companion::linked(&sim).await;
    let options = SendOptions::default().with_message_id("WRONG").with_stanza_type_override(StanzaType::Media);
    companion.client().send_message_with_options(Jid::pn(OTHER), text("hello"), options).await.unwrap();
    assert_eq!(nth_ack(&companion, "WRONG", 0).await, None);
    assert_eq!(sim.violations(), ["message WRONG: the type of a text is \"media\", not text"]);
    companion.stop().await;
}

/// Has the client make the stanza of a text, which nobody gets, and sends it changed and under another id.
async fn forge(sim: &Simulator, companion: &Companion, id: &str, change: impl FnOnce(&mut Node)) {
    sim.spoil_messages(PHONE, MessageFault::Nack { code: 500 }, 1);
    let waiter = companion.client().wait_for_sent_node(NodeFilter::tag("message").attr("id", format!("{id}-MODEL")));
    send(companion, &format!("{id}-MODEL"), text("model")).await;
    let mut node = Node::clone(&*waiter.await.unwrap());
    node.attrs.insert("id", id.to_owned());
    change(&mut node);
    companion.client().send_node(node).await.unwrap();
}

fn copies(node: &mut Node) -> &mut Vec<Node> {
    let children = match node.content.as_mut() {
        Some(wacore_binary::NodeContent::Nodes(children)) => children,
        _ => panic!("a message has children"),
    };
    let participants = children.iter_mut().find(|child| child.tag == "participants").unwrap();
    match participants.content.as_mut() {
        Some(wacore_binary::NodeContent::Nodes(copies)) => copies,
        _ => panic!("there are copies"),
    }
}

fn is_for(copy: &Node, number: &str) -> bool {
    copy.attrs.get("jid").and_then(|jid| jid.to_jid()).is_some_and(|jid| jid.user == number)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn copies_that_are_missing_are_noticed() {
    let sim = simulator_with(Settings { device_list_grace: Duration::ZERO, ..Settings::default() }).await;
    let (companion, _) = Companion::linked(&sim).await;
    let own = |sim: &Simulator, id: &str| -> Vec<String> {
        let start = format!("message {id}: ");
        let rules = sim.violations().into_iter().filter_map(|rule| rule.strip_prefix(&start).map(str::to_owned));
        rules.collect()
    };
    forge(&sim, &companion, "NO-OWN", |node| copies(node).retain(|copy| !is_for(copy, PHONE))).await;
    nth_ack(&companion, "NO-OWN", 0).await;
    assert_eq!(own(&sim, "NO-OWN"), ["the own phone gets no copy"]);
    forge(&sim, &companion, "NO-THEIRS", |node| copies(node).retain(|copy| !is_for(copy, OTHER))).await;
    assert_eq!(nth_ack(&companion, "NO-THEIRS", 0).await, None);
    assert_eq!(own(&sim, "NO-THEIRS"), ["no device of the recipient gets a copy"]);
    assert!(own(&sim, "NO-OWN-MODEL").is_empty());
    companion.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mixed_and_foreign_namespaces_are_refused() {
    let sim = simulator().await;
    let (companion, _) = Companion::linked(&sim).await;
    let lid = Jid::lid(sim.phone(OTHER).lid());
    let hidden = lid.clone();
    forge(&sim, &companion, "MIXED", move |node| {
        node.attrs.insert("to", hidden);
    })
    .await;
    assert_eq!(nth_ack(&companion, "MIXED", 0).await.as_deref(), Some("400"));
    let sent = sim.phone(PHONE).sent();
    assert_eq!(sent[1].outcomes[0].verdict, Verdict::Refused(400));
    assert!(sim.violations().iter().any(|rule| rule.contains("mixed")));

    // Nobody's account here has been moved to hidden numbers.
    let own = Jid::lid(sim.phone(PHONE).lid());
    forge(&sim, &companion, "HIDDEN", move |node| {
        for copy in copies(node) {
            let is_own = is_for(copy, PHONE);
            copy.attrs.insert("jid", if is_own { own.clone() } else { lid.clone() });
        }
        node.attrs.insert("to", lid);
    })
    .await;
    assert_eq!(nth_ack(&companion, "HIDDEN", 0).await.as_deref(), Some("400"));
    companion.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_own_companion_that_is_left_out_is_noticed() {
    let sim = simulator_with(Settings { device_list_grace: Duration::ZERO, ..Settings::default() }).await;
    let (companion, _) = Companion::linked(&sim).await;
    let second = Companion::start(&sim).await;
    sim.phone(PHONE).scan(&second.qr().await).await.unwrap();
    second.connected(1).await;
    until("the client's knowledge of the other device", || sim.phone(PHONE).devices()[0].unnoticed == 0).await;
    forge(&sim, &companion, "LEFT-OUT", |node| {
        copies(node).retain(|copy| copy.attrs.get("jid").and_then(|jid| jid.to_jid()).unwrap().device != 2);
    })
    .await;
    nth_ack(&companion, "LEFT-OUT", 0).await;
    let rules = sim.violations();
    assert!(rules.contains(&"message LEFT-OUT: the own device 2 gets no copy".to_owned()), "{rules:?}");
    assert!(!rules.iter().any(|rule| rule.contains("MODEL")), "{rules:?}");
    companion.stop().await;
    second.stop().await;
}

#[test]
fn the_fields_are_what_they_are_called() {
    let message = wa::Message { conversation: Some("hello".to_owned()), ..Default::default() };
    let wrapper = wa::message::FutureProofMessage { message: MessageField::some(message) };
    let wrapped = wa::Message { ephemeral_message: MessageField::some(wrapper), ..Default::default() };
    assert_eq!(whatsapp_simulator::Summary::of(&wrapped).text, "hello");
}
