//! The table of queries: who asks what, and where the answer is made. A query that is not here is unknown.

use std::sync::Arc;

use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;

use crate::link::Link;
use crate::world::World;
use crate::{
    app_state, group, group_settings, keys, link_code, login, media, mex, profile, stanza, timer, token, unlink, usync,
};

/// An answer to a query.
pub(crate) enum Reply {
    /// The result's children.
    Content(Vec<Node>),
    /// A refusal: code and text.
    Error(u16, &'static str),
}

impl Reply {
    /// A result without anything in it.
    pub(crate) fn done() -> Self {
        Self::Content(Vec::new())
    }

    /// A result with one child.
    pub(crate) fn with(node: Node) -> Self {
        Self::Content(vec![node])
    }
}

/// Answers a query. `None` when it is not known.
pub(crate) async fn answer(world: &Arc<World>, link: &Arc<Link>, iq: &Node) -> Option<Reply> {
    let xmlns = stanza::attr_or_empty(iq, "xmlns");
    let kind = stanza::attr_or_empty(iq, "type");
    let asked = (xmlns.as_str(), kind.as_str(), stanza::first_child(iq));
    let child = stanza::children(iq).first();
    if let ("w:p", "get", _) = asked {
        return Some(Reply::done());
    }
    let Some(device) = link.device() else {
        // Before it is linked a client may only link itself.
        return match asked {
            ("md", "set", "link_code_companion_reg") => link_code::answer(world, link, child?),
            _ => None,
        };
    };
    match asked {
        ("passive", "set", "active" | "passive") | ("urn:xmpp:whatsapp:dirty", "set", "clean") => Some(Reply::done()),
        ("abt", "get", "props") => Some(Reply::with(ab_props(world))),
        ("blocklist", "get", "") => Some(Reply::with(NodeBuilder::new("list").attr("dhash", "1").build())),
        ("blocklist", "set", "item") => Some(Reply::done()),
        ("disappearing_mode", "set", "disappearing_mode") => Some(timer::take_default(world, device, child?)),
        ("privacy", "get", "privacy") => Some(Reply::with(privacy())),
        ("privacy", "set", "tokens") => Some(token::issue(world, device, child?)),
        ("w:mex", "get", "query") => mex::answer(world, device, child?),
        ("privacy", "set", "privacy") => Some(Reply::with(child?.clone())),
        ("usync", "get", "usync") => usync::answer(world, child?),
        ("encrypt", "set", "registration" | "identity" | "list") => Some(keys::upload(world, device, iq)),
        ("encrypt", "set", "rotate") => Some(keys::rotate(world, device, child?)),
        ("encrypt", "get", "digest") => Some(keys::digest(world, device)),
        ("encrypt", "get", "count") => Some(keys::count(world, device)),
        ("encrypt", "get", "key") => Some(keys::hand_out(world, child?).await),
        ("w:sync:app:state", "set", "sync") => Some(app_state::answer(world, device, child?)),
        ("md", "set", "remove-companion-device") => Some(unlink::answer(world, device, child?)),
        ("status", "set", "status") => Some(profile::take_about(world, device, child?)),
        ("w:profile:picture", "get", "picture") => Some(profile::answer_picture(world, iq)),
        ("w:g2", "get", "participating") => Some(group::answer_all(world, device)),
        ("w:g2", "set", _) => group_settings::change(world, device, iq),
        ("w:g2", "get", "query") => Some(group::answer(world, device, iq)),
        ("w:m", "set", "media_conn") => Some(media::answer_hosts(world, device)),
        _ => None,
    }
}

/// What comes after an answer, because the client must have read it first.
pub(crate) async fn follow_up(world: &Arc<World>, link: &Arc<Link>, iq: &Node) {
    let Some(device) = link.device() else { return };
    let xmlns = stanza::attr_or_empty(iq, "xmlns");
    match (xmlns.as_str(), stanza::first_child(iq)) {
        ("passive", "active") => login::activate(world, link),
        ("encrypt", "registration" | "identity" | "list") => keys::release_held(world, device),
        ("md", "remove-companion-device") => {
            unlink::carry_out(world, device);
        }
        ("w:sync:app:state", "sync") => app_state::tell_others(world, device, iq),
        _ => {}
    }
}

fn ab_props(world: &World) -> Node {
    let state = world.state.lock();
    let prop = |(code, value): (&u32, &String)| {
        NodeBuilder::new("prop").attr("config_code", *code).attr("config_value", value.as_str()).build()
    };
    NodeBuilder::new("props")
        .attr("protocol", "1")
        .attr("ab_key", "sim")
        .attr("hash", "sim")
        .attr("refresh", 86_400_u32)
        .attr("refresh_id", 1_u32)
        .children(state.ab_props.iter().map(prop))
        .build()
}

fn privacy() -> Node {
    let names = ["last", "online", "profile", "status", "groupadd", "readreceipts", "calladd", "messages"];
    let categories = names.map(|name| NodeBuilder::new("category").attr("name", name).attr("value", "all").build());
    NodeBuilder::new("privacy").children(categories).build()
}
