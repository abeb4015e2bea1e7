//! What the bare library sends: texts, each until the server has acknowledged it, as its own callers would write it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use wacore::proto_helpers::MessageBuilderExt as _;
use whatsapp_rust::send::SendOptions;
use whatsapp_rust::waproto::whatsapp as wa;
use whatsapp_rust::{Client, Jid, NodeFilter};

use crate::sends::plan::{Chat, Plan, Round};

/// Longest wait for one acknowledgement.
const ACKNOWLEDGED_LIMIT: Duration = Duration::from_secs(30);

/// Texts of one session to one chat.
struct BareChat {
    client: Arc<Client>,
    to: Jid,
}

impl Chat for BareChat {
    async fn send(&mut self, text: String) -> anyhow::Result<()> {
        // As the library's `send_message` makes one; the answer is told by it, so it must be known before.
        let id = self.client.generate_message_id();
        let answer = NodeFilter::tag("ack").attr("class", "message").attr("id", id.as_str());
        let answer = self.client.wait_for_node(answer);
        let options = SendOptions::default().with_message_id(id);
        self.client.send_message_with_options(self.to.clone(), wa::Message::text(text), options).await?;
        let answer = tokio::time::timeout(ACKNOWLEDGED_LIMIT, answer).await;
        let answer = answer.context("no acknowledgement in time")?.context("the connection is gone")?;
        ensure!(answer.get().get_attr("error").is_none(), "a message was refused");
        Ok(())
    }
}

/// Sends what is planned from these clients, one for each session.
pub(super) async fn send(plan: Plan, clients: Vec<Arc<Client>>) -> anyhow::Result<Round> {
    ensure!(clients.len() == plan.chats.sessions, "{} of the sessions are open", clients.len());
    let chat = |number: usize| BareChat {
        client: Arc::clone(&clients[plan.chats.session(number)]),
        to: Jid::pn(plan.chats.numbers(number).0),
    };
    plan.carry_out((0..plan.chats.all()).map(chat).collect()).await
}
