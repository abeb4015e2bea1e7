//! A device logs in: the checks of the real server, the success, and the backlog that the client then pulls.

use std::sync::Arc;

use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;
use waproto::whatsapp::ClientPayload;

use crate::fault::LoginFailure;
use crate::link::{DeviceKey, Link};
use crate::stanza;
use crate::world::{State, World, now};

/// Lets a known device in, or says why not and closes.
pub(crate) fn log_in(world: &World, link: &Arc<Link>, payload: &ClientPayload, noise_key: &[u8; 32]) {
    let phone_number = payload.username.unwrap_or_default().to_string().into();
    let device = u16::try_from(payload.device.unwrap_or_default()).unwrap_or_default();
    let key = DeviceKey { phone_number, device };
    let mut state = world.state.lock();
    match admit(&mut state, world, link, key, noise_key) {
        Ok((success, preview, replaced)) => {
            state.stats.logins += 1;
            drop(state);
            if let Some(old) = replaced.filter(|old| old.id != link.id) {
                old.dismiss(stanza::conflict("replaced"));
            }
            link.post(success);
            if let Some(preview) = preview {
                link.post(preview);
            }
        }
        Err(failure) => {
            state.stats.refused_logins += 1;
            drop(state);
            link.dismiss(failure.stanza());
        }
    }
}

type Admission = (Node, Option<Node>, Option<Arc<Link>>);

fn admit(
    state: &mut State,
    world: &World,
    link: &Arc<Link>,
    key: DeviceKey,
    noise_key: &[u8; 32],
) -> Result<Admission, LoginFailure> {
    let device = key.device;
    let account = state.accounts.get_mut(&key.phone_number).ok_or_else(|| LoginFailure::new(401))?;
    let found = account.devices.get_mut(&device).ok_or_else(|| LoginFailure::new(401))?;
    if found.noise_key != *noise_key {
        state.stats.add_violation(format!("login: device {device} has another noise key than it was paired with"));
        return Err(LoginFailure::new(401));
    }
    if let Some(failure) = &found.login_failure {
        return Err(failure.clone());
    }
    link.log_in(key);
    let replaced = found.connect(Arc::clone(link), &world.settings);
    let preview = found.preview();
    let success = NodeBuilder::new("success")
        .attr("t", now())
        .attr("props", "0")
        .attr("abprops", "0")
        .attr("location", "sim")
        .attr("lid", stanza::lid_jid(&account.lid).with_device(device))
        .attr("display_name", account.push_name.as_str())
        .attr("creation", account.created_at)
        .build();
    Ok((success, preview, replaced))
}

/// The client says that it is active: after the answer to that its backlog may come.
pub(crate) fn activate(world: &World, link: &Link) {
    let Some(key) = link.device() else { return };
    let mut state = world.state.lock();
    if let Some(device) = state.device_mut(key) {
        device.begin_drain();
    }
    state.pump(key, &world.settings);
}

/// Information from the client that wants no answer. `false` when it is not known.
pub(crate) fn take_info(world: &World, link: &Link, info: &Node) -> bool {
    match stanza::first_child(info) {
        "offline_batch" => {
            let count = info.get_optional_child("offline_batch").and_then(|batch| stanza::attr(batch, "count"));
            let count = count.and_then(|count| count.parse::<usize>().ok()).unwrap_or_default();
            let Some(key) = link.device() else { return true };
            let mut state = world.state.lock();
            if let Some(device) = state.device_mut(key) {
                device.credits += count;
            }
            state.pump(key, &world.settings);
            true
        }
        "unified_session" | "client_config" => true,
        _ => false,
    }
}
