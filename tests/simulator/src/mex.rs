//! `w:mex`: the questions that are asked as a GraphQL document of a fixed number. Answers what is known of an account's
//! restrictions.

use serde_json::{Value, json};
use wacore::iq::mex_operations::{fetch_new_chat_message_capping_info, fetch_reachout_timelock};
use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;

use crate::link::DeviceKey;
use crate::queries::Reply;
use crate::restriction::Restrictions;
use crate::stanza;
use crate::world::{World, now};

/// Days of a cycle in which new chats are counted.
const CYCLE_DAYS: u64 = 30;

/// Answers a query. `None` when its document is not known.
pub(crate) fn answer(world: &World, device: &DeviceKey, query: &Node) -> Option<Reply> {
    let restrictions = {
        let state = world.state.lock();
        state.accounts.get(&device.phone_number)?.standing.restrictions.clone()
    };
    let data = match stanza::attr_or_empty(query, "query_id").as_str() {
        fetch_reachout_timelock::DOC_ID => timelock(&restrictions),
        fetch_new_chat_message_capping_info::DOC_ID => new_chats(&restrictions),
        _ => return None,
    };
    let body = json!({ "data": data }).to_string();
    Some(Reply::with(NodeBuilder::new("result").bytes(body.into_bytes()).build()))
}

fn timelock(restrictions: &Restrictions) -> Value {
    let lock = restrictions.timelock.as_ref().filter(|lock| lock.until > now());
    let state = match lock {
        Some(lock) => json!({
            "is_active": true,
            "time_enforcement_ends": lock.until.to_string(),
            "enforcement_type": "DEFAULT",
        }),
        None => json!({ "is_active": false, "time_enforcement_ends": "0", "enforcement_type": "DEFAULT" }),
    };
    json!({ "xwa2_fetch_account_reachout_timelock": state })
}

fn new_chats(restrictions: &Restrictions) -> Value {
    let Some(cap) = restrictions.new_chats.as_ref().filter(|cap| cap.ends_at > now()) else {
        return json!({ "xwa2_message_capping_info": { "capping_status": "NONE" } });
    };
    let status = match cap.used {
        used if used >= cap.total => "CAPPED",
        // WhatsApp warns twice before; where exactly is not known.
        used if used * 10 >= cap.total * 9 => "SECOND_WARNING",
        used if used * 10 >= cap.total * 8 => "FIRST_WARNING",
        _ => "NONE",
    };
    // Numbers and texts as Baileys reads them; whatsapp-rust's types say the opposite, and neither says which it saw.
    json!({ "xwa2_message_capping_info": {
        "total_quota": cap.total,
        "used_quota": cap.used,
        "cycle_start_timestamp": cap.ends_at.saturating_sub(CYCLE_DAYS * 86_400).to_string(),
        "cycle_end_timestamp": cap.ends_at.to_string(),
        "server_sent_timestamp": now().to_string(),
        "ote_status": "NOT_ELIGIBLE",
        "mv_status": "NOT_ELIGIBLE",
        "capping_status": status,
    }})
}
