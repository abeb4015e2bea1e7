//! Small words for reading and building stanzas. Knows shapes, decides nothing.

use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, Node, NodeContent, SERVER_JID, Server};

/// An attribute as text.
pub(crate) fn attr(node: &Node, key: &str) -> Option<String> {
    node.attrs.get(key).map(|value| value.as_str().into_owned())
}

/// An attribute as text, empty when it is missing.
pub(crate) fn attr_or_empty(node: &Node, key: &str) -> String {
    attr(node, key).unwrap_or_default()
}

/// An attribute as an address.
pub(crate) fn jid(node: &Node, key: &str) -> Option<Jid> {
    node.attrs.get(key).and_then(|value| value.to_jid())
}

/// The children, none for a leaf.
pub(crate) fn children(node: &Node) -> &[Node] {
    node.children().unwrap_or_default()
}

/// The tag of the first child.
pub(crate) fn first_child(node: &Node) -> &str {
    children(node).first().map_or("", |child| child.tag.as_ref())
}

/// The bytes that a node carries, also when the encoding made text of them.
pub(crate) fn bytes(node: &Node) -> Option<Vec<u8>> {
    match node.content.as_ref()? {
        NodeContent::Bytes(bytes) => Some(bytes.to_vec()),
        NodeContent::String(text) => Some(text.as_bytes().to_vec()),
        NodeContent::Nodes(_) => None,
    }
}

/// The bytes of a child.
pub(crate) fn child_bytes(node: &Node, tag: &str) -> Option<Vec<u8>> {
    bytes(node.get_optional_child(tag)?)
}

/// The bytes of a child as a key.
pub(crate) fn child_key(node: &Node, tag: &str) -> Option<[u8; 32]> {
    child_bytes(node, tag)?.try_into().ok()
}

/// A child's big-endian number of up to four bytes.
pub(crate) fn child_number(node: &Node, tag: &str) -> Option<u32> {
    let bytes = child_bytes(node, tag)?;
    (bytes.len() <= 4).then(|| bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte)))
}

/// A node with bytes in it.
pub(crate) fn leaf(tag: &'static str, bytes: impl Into<Vec<u8>>) -> Node {
    NodeBuilder::new(tag).bytes(bytes).build()
}

/// The three bytes in which keys are numbered.
pub(crate) fn key_id(id: u32) -> Vec<u8> {
    id.to_be_bytes()[1..].to_vec()
}

/// The answer to a query, from where it was sent to.
pub(crate) fn result(query: &Node, content: Vec<Node>) -> Node {
    let iq = answer(query).attr("type", "result");
    if content.is_empty() { iq.build() } else { iq.children(content).build() }
}

/// The refusal of a query.
pub(crate) fn error(query: &Node, code: u16, text: &'static str) -> Node {
    let error = NodeBuilder::new("error").attr("code", code).attr("text", text).build();
    answer(query).attr("type", "error").children([error]).build()
}

/// The refusal of a query because such queries are refused for now.
pub(crate) fn refusal(query: &Node, code: u16, backoff_seconds: Option<u32>) -> Node {
    let text = match code {
        404 => "item-not-found",
        406 => "not-acceptable",
        429 => "rate-overlimit",
        500 => "internal-server-error",
        _ => "refused",
    };
    let mut error = NodeBuilder::new("error").attr("code", code).attr("text", text);
    if let Some(backoff) = backoff_seconds {
        error = error.attr("backoff", backoff);
    }
    answer(query).attr("type", "error").children([error.build()]).build()
}

fn answer(query: &Node) -> NodeBuilder {
    let iq = NodeBuilder::new("iq").attr("id", attr_or_empty(query, "id"));
    match jid(query, "to").filter(|to| to.server == Server::Group) {
        Some(group) => iq.attr("from", group),
        None => iq.attr("from", SERVER_JID),
    }
}

/// A query from the server to the client.
pub(crate) fn query(id: &str, kind: &'static str, xmlns: &'static str, content: Node) -> Node {
    NodeBuilder::new("iq")
        .attr("from", SERVER_JID)
        .attr("type", kind)
        .attr("id", id)
        .attr("xmlns", xmlns)
        .children([content])
        .build()
}

/// Information from the server that nobody answers.
pub(crate) fn info(content: Node) -> Node {
    NodeBuilder::new("ib").attr("from", SERVER_JID).children([content]).build()
}

/// A stream error, after which a connection is of no more use.
pub(crate) fn stream_error(code: u16) -> Node {
    NodeBuilder::new("stream:error").attr("code", code).build()
}

/// A stream error that says who took the connection's place: `replaced` or `device_removed`.
pub(crate) fn conflict(kind: &'static str) -> Node {
    let conflict = NodeBuilder::new("conflict").attr("type", kind).build();
    let error = NodeBuilder::new("stream:error");
    // A removed device is told 401 as well; a replaced one gets no code.
    let error = if kind == "device_removed" { error.attr("code", 401_u16) } else { error };
    error.children([conflict]).build()
}

/// The end of the stream.
pub(crate) fn stream_end() -> Node {
    NodeBuilder::new("xmlstreamend").build()
}

/// The acknowledgement of a stanza that the client sent.
pub(crate) fn ack(class: &'static str, stanza: &Node) -> Node {
    let mut ack = NodeBuilder::new("ack").attr("class", class).attr("id", attr_or_empty(stanza, "id"));
    if let Some(to) = stanza.attrs.get("to") {
        ack = ack.attr("from", to.clone());
    }
    if let Some(kind) = stanza.attrs.get("type").filter(|_| class == "receipt") {
        ack = ack.attr("type", kind.clone());
    }
    ack.build()
}

/// What a stanza is, for the statistics: `iq/get/usync/usync`, `receipt/read`, `ack/message`.
pub(crate) fn kind(node: &Node) -> String {
    let part = |key| attr(node, key).unwrap_or_default();
    match node.tag.as_ref() {
        "iq" if matches!(part("type").as_str(), "result" | "error") => format!("iq/{}", part("type")),
        "iq" => format!("iq/{}/{}/{}", part("type"), part("xmlns"), first_child(node)),
        "receipt" => match part("type").as_str() {
            "" => "receipt".to_owned(),
            kind => format!("receipt/{kind}"),
        },
        "ack" => format!("ack/{}", part("class")),
        "ib" => format!("ib/{}", first_child(node)),
        "presence" => match part("type").as_str() {
            "" => "presence/available".to_owned(),
            kind => format!("presence/{kind}"),
        },
        tag => tag.to_owned(),
    }
}

/// The address of a person by phone number.
pub(crate) fn phone_jid(phone_number: &str) -> Jid {
    Jid::new(phone_number, Server::Pn)
}

/// The address of a person by their hidden number.
pub(crate) fn lid_jid(lid: &str) -> Jid {
    Jid::new(lid, Server::Lid)
}

/// The address of a group.
pub(crate) fn group_jid(group: &str) -> Jid {
    Jid::new(group, Server::Group)
}
