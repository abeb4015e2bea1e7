//! The first look at a stanza: counts it and hands it to the flow that knows it. What no flow knows is recorded.

use std::sync::Arc;

use wacore_binary::Node;

use crate::link::{Awaited, Link};
use crate::queries::Reply;
use crate::world::World;
use crate::{login, messages, pairing, presence, queries, receipts, stanza};

/// Takes one stanza from a client.
pub(crate) async fn receive(world: &Arc<World>, link: &Arc<Link>, node: Node) {
    world.state.lock().stats.count_stanza(stanza::kind(&node));
    let is_linked = link.device().is_some();
    let is_known = match node.tag.as_ref() {
        "iq" => receive_iq(world, link, &node).await,
        "ib" => login::take_info(world, link, &node),
        "ack" => receipts::take_ack(world, link, &node),
        "message" if is_linked => messages::receive(world, link, &node).await,
        "receipt" if is_linked => receipts::take_receipt(world, link, &node).await,
        "presence" => presence::take_presence(world, link, &node),
        "chatstate" if is_linked => presence::take_chat_state(world, link, &node),
        _ => false,
    };
    if !is_known {
        record_unknown(world, &node);
    }
}

fn record_unknown(world: &World, node: &Node) {
    world.state.lock().stats.add_unknown(format!("{:?}", node.as_node_ref()));
}

async fn receive_iq(world: &Arc<World>, link: &Arc<Link>, iq: &Node) -> bool {
    let id = stanza::attr_or_empty(iq, "id");
    if matches!(stanza::attr_or_empty(iq, "type").as_str(), "result" | "error") {
        match link.take_awaited(&id) {
            Some(Awaited::PairDevice) => {}
            Some(Awaited::PairSuccess) => pairing::finish(world, link, iq).await,
            None => return false,
        }
        return true;
    }
    if !link.is_new_id(&id) {
        world.add_violation(format!("query id {id} is used twice on one connection"));
    }
    let refusal = link.device().and_then(|key| world.state.lock().query_refusal(&key.phone_number, iq));
    if let Some(refusal) = refusal {
        link.reply(refusal).await;
        return true;
    }
    match queries::answer(world, link, iq).await {
        Some(Reply::Content(content)) => link.reply(stanza::result(iq, content)).await,
        Some(Reply::Error(code, text)) => link.reply(stanza::error(iq, code, text)).await,
        None => {
            link.reply(stanza::error(iq, 501, "feature-not-implemented")).await;
            return false;
        }
    }
    queries::follow_up(world, link, iq).await;
    true
}
