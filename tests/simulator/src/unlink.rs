//! The end of a link, from either side: the phone's owner removes a device, or the device logs itself out.

use wacore_binary::Node;

use crate::link::DeviceKey;
use crate::queries::Reply;
use crate::stanza;
use crate::world::World;

/// Answers a device that removes itself. Removing others is the phone's business.
pub(crate) fn answer(world: &World, device: &DeviceKey, request: &Node) -> Reply {
    let named = stanza::jid(request, "jid").and_then(|jid| world.state.lock().device_key(&jid));
    if named.as_ref() == Some(device) { Reply::done() } else { Reply::Error(403, "forbidden") }
}

/// Removes a device. Its connection is told and closed; its later logins fail with 401, since it is not known any more.
pub(crate) fn carry_out(world: &World, device: &DeviceKey) -> bool {
    let removed = {
        let mut state = world.state.lock();
        let account = state.accounts.get_mut(&device.phone_number);
        let removed = account.and_then(|account| account.devices.remove(&device.device));
        if removed.is_some() {
            state.tell_device(world, device, false);
        }
        removed
    };
    let Some(removed) = removed else { return false };
    if let Some(link) = removed.link {
        link.dismiss(stanza::conflict("device_removed"));
    }
    true
}
