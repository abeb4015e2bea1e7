//! Calls from a phone: ringing, accepting, declining, hanging up. No sound is ever sent.

use anyhow::{Context, Result};
use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;

use crate::delivery::Class;
use crate::phone::Phone;
use crate::stanza;
use crate::world::now;

/// The version that calling phones give.
const VERSION: &str = "2.26.30.5";

impl Phone {
    /// Calls a person: all its companions ring. Returns the call's id.
    ///
    /// # Errors
    /// The simulator has no phone with that number.
    pub fn call(&self, to: &str, is_video: bool) -> Result<String> {
        let call_id = format!("{:032X}", rand::random::<u128>());
        let audio = |rate: u32| NodeBuilder::new("audio").attr("enc", "opus").attr("rate", rate).build();
        let video = is_video.then(|| NodeBuilder::new("video").attr("enc", "vp8").attr("dec", "vp8").build());
        let rest = [
            NodeBuilder::new("net").attr("medium", 3_u32).build(),
            NodeBuilder::new("capability").attr("ver", 1_u32).bytes([1, 5, 247, 9, 228, 187, 7]).build(),
            NodeBuilder::new("encopt").attr("keygen", 2_u32).build(),
        ];
        let content: Vec<Node> = [audio(8000), audio(16_000)].into_iter().chain(video).chain(rest).collect();
        let offer = NodeBuilder::new("offer").attr("caller_pn", stanza::phone_jid(&self.phone_number));
        self.post_call(to, &call_id, &self.phone_number, offer.children(content))?;
        Ok(call_id)
    }

    /// Accepts a call of `caller`.
    ///
    /// # Errors
    /// The simulator has no phone with that number.
    pub fn accept_call(&self, caller: &str, call_id: &str) -> Result<()> {
        let audio = NodeBuilder::new("audio").attr("enc", "opus").attr("rate", 16_000_u32).build();
        self.post_call(caller, call_id, caller, NodeBuilder::new("accept").children([audio]))
    }

    /// Declines a call of `caller`.
    ///
    /// # Errors
    /// The simulator has no phone with that number.
    pub fn reject_call(&self, caller: &str, call_id: &str) -> Result<()> {
        self.post_call(caller, call_id, caller, NodeBuilder::new("reject").attr("count", 0_u32))
    }

    /// Ends a call that this phone made to `to`. The reason is `timeout` when nobody answered.
    ///
    /// # Errors
    /// The simulator has no phone with that number.
    pub fn hang_up(&self, to: &str, call_id: &str, reason: Option<&str>) -> Result<()> {
        let mut terminate = NodeBuilder::new("terminate");
        if let Some(reason) = reason {
            terminate = terminate.attr("reason", reason);
        }
        self.post_call(to, call_id, &self.phone_number, terminate)
    }

    fn post_call(&self, to: &str, call_id: &str, creator: &str, action: NodeBuilder) -> Result<()> {
        let mut state = self.world.state.lock();
        state.accounts.get(to).with_context(|| format!("there is no phone {to}"))?;
        let own = state.accounts.get(&self.phone_number).context("there is no such phone")?;
        let creator = state.accounts.get(creator).context("there is no such caller")?;
        let action = action.attr("call-id", call_id).attr("call-creator", stanza::lid_jid(&creator.lid));
        let call = NodeBuilder::new("call")
            .attr("from", stanza::lid_jid(&own.lid))
            .attr("id", format!("{:016X}", rand::random::<u64>()))
            .attr("t", now())
            .attr("notify", own.push_name.as_str())
            .attr("platform", "android")
            .attr("version", VERSION)
            .children([action.build()])
            .build();
        let devices = state.companions(to);
        state.notify(&devices, Class::Call, &call, &self.world);
        Ok(())
    }
}
