//! What is on its way to a device: a queue of messages, receipts, notifications and calls. An entry leaves the queue when
//! the client has acknowledged it, and for no other reason; what is left is sent again, byte for byte, after the next
//! login. Called with the world locked; nothing waits.

use std::collections::VecDeque;
use std::sync::Arc;

use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;

use crate::account::Device;
use crate::letter::Letter;
use crate::link::{DeviceKey, Link};
use crate::settings::Settings;
use crate::stanza;
use crate::world::{State, World};

/// The kind of a delivery, which decides what acknowledges it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Class {
    /// Acknowledged by a receipt, or by an `<ack class="message">`.
    Message,
    /// Acknowledged by an `<ack>` with the receipt's type.
    Receipt,
    /// Acknowledged by an `<ack>`.
    Notification,
    /// Acknowledged by an `<ack>`.
    Call,
}

/// One stanza for one device.
pub(crate) struct Delivery {
    pub(crate) class: Class,
    pub(crate) id: String,
    pub(crate) stanza: Node,
    /// What can be encrypted once more. Some exactly for messages.
    pub(crate) letter: Option<Arc<Letter>>,
}

/// Messages that are to arrive broken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Breakage {
    /// How many are left.
    pub(crate) left: usize,
    /// Whether a message arrives whole when the client asks for it again.
    pub(crate) is_repairable: bool,
}

/// How far a connected device is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Phase {
    /// Logged in; the client has not asked for its backlog yet.
    LoggedIn,
    /// The backlog is being sent: `left` more deliveries belong to it, of `total`.
    Draining { left: usize, total: usize },
    /// Everything new is sent at once.
    Live,
}

/// What a call of `pump` has written.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pumped {
    pub(crate) messages: u64,
    pub(crate) notices: u64,
}

impl Delivery {
    pub(crate) fn message(stanza: Node, letter: Letter) -> Self {
        Self { class: Class::Message, id: letter.id.clone(), stanza, letter: Some(Arc::new(letter)) }
    }

    /// A delivery that is not a message. Its id is the stanza's.
    pub(crate) fn notice(class: Class, stanza: Node) -> Self {
        Self { class, id: stanza::attr_or_empty(&stanza, "id"), stanza, letter: None }
    }

    /// Whether an acknowledgement of this class, id and type is the one of this delivery.
    fn is_meant_by(&self, class: Class, id: &str, kind: Option<&str>) -> bool {
        let is_same = self.class == class && self.id == id;
        is_same && (class != Class::Receipt || stanza::attr(&self.stanza, "type").as_deref() == kind)
    }

    fn is_app_data(&self) -> bool {
        stanza::attr(&self.stanza, "type").as_deref() == Some("server_sync")
    }
}

impl Device {
    /// Messages that the device has not acknowledged, those without keys included.
    pub(crate) fn undelivered(&self) -> usize {
        self.count(Class::Message) + self.held.len()
    }

    /// Receipts, notifications and calls that the device has not acknowledged.
    pub(crate) fn unnoticed(&self) -> usize {
        self.queue.len() - self.count(Class::Message)
    }

    fn count(&self, class: Class) -> usize {
        self.queue.iter().filter(|delivery| delivery.class == class).count()
    }

    /// What the client is told of its backlog right after the login. `None` when there is none.
    pub(crate) fn preview(&self) -> Option<Node> {
        if self.queue.is_empty() {
            return None;
        }
        let app_data = self.queue.iter().filter(|delivery| delivery.is_app_data()).count();
        let preview = NodeBuilder::new("offline_preview")
            .attr("count", self.queue.len())
            .attr("message", self.count(Class::Message))
            .attr("notification", self.count(Class::Notification) - app_data)
            .attr("receipt", self.count(Class::Receipt))
            .attr("call", self.count(Class::Call))
            .attr("appdata", app_data);
        Some(stanza::info(preview.build()))
    }

    pub(crate) fn connect(&mut self, link: Arc<Link>, settings: &Settings) -> Option<Arc<Link>> {
        self.logins += 1;
        self.phase = Phase::LoggedIn;
        self.in_flight = 0;
        self.credits = settings.offline_primer;
        self.is_available = false;
        self.presences.clear();
        self.watched.clear();
        self.link.replace(link)
    }

    /// Forgets a connection that ended. What it had not acknowledged is sent again after the next login.
    pub(crate) fn disconnect(&mut self, link: &Link) {
        if self.link.as_ref().is_some_and(|current| current.id == link.id) {
            self.link = None;
            self.in_flight = 0;
            self.is_available = false;
            self.watched.clear();
        }
    }

    /// The client is active: its backlog may be sent.
    pub(crate) fn begin_drain(&mut self) {
        if self.phase == Phase::LoggedIn {
            self.phase = Phase::Draining { left: self.queue.len(), total: self.queue.len() };
        }
    }

    /// Sends what may be sent now.
    pub(crate) fn pump(&mut self, settings: &Settings) -> Pumped {
        let mut sent = Pumped::default();
        let Some(link) = self.link.clone() else { return sent };
        loop {
            match self.phase {
                Phase::LoggedIn => return sent,
                Phase::Draining { left: 0, total } => {
                    if !link.post(stanza::info(NodeBuilder::new("offline").attr("count", total).build())) {
                        return sent;
                    }
                    self.phase = Phase::Live;
                }
                Phase::Draining { left, total } => {
                    if self.credits == 0 || !self.send_next(&link, true, &mut sent) {
                        return sent;
                    }
                    self.credits -= 1;
                    self.phase = Phase::Draining { left: left - 1, total };
                }
                Phase::Live => {
                    if self.in_flight >= settings.delivery_window || !self.send_next(&link, false, &mut sent) {
                        return sent;
                    }
                }
            }
        }
    }

    fn send_next(&mut self, link: &Link, is_backlog: bool, sent: &mut Pumped) -> bool {
        let Some(delivery) = self.queue.get(self.in_flight) else { return false };
        let mut stanza = delivery.stanza.clone();
        if is_backlog {
            stanza.attrs.insert("offline", "0");
        }
        if !link.post(stanza) {
            return false;
        }
        match delivery.class {
            Class::Message => sent.messages += 1,
            Class::Receipt | Class::Notification | Class::Call => sent.notices += 1,
        }
        self.in_flight += 1;
        true
    }

    /// The device has taken a delivery: the oldest one that fits. `false` when none does.
    pub(crate) fn acknowledge(&mut self, class: Class, id: &str, kind: Option<&str>, settings: &Settings) -> bool {
        let Some(index) = self.queue.iter().position(|delivery| delivery.is_meant_by(class, id, kind)) else {
            return false;
        };
        if index < self.in_flight {
            self.in_flight -= 1;
        } else if let Phase::Draining { left, total } = self.phase
            && index < self.in_flight + left
        {
            // The client speaks of the connection before. It is not sent again, so the backlog is one shorter.
            self.phase = Phase::Draining { left: left - 1, total };
        }
        let Some(delivery) = self.queue.remove(index) else { return false };
        if delivery.letter.is_some() {
            self.history.push_back(delivery);
            if self.history.len() > settings.history_limit {
                self.history.pop_front();
            }
        }
        true
    }

    /// A message that was sent to the device, whether it acknowledged it or not.
    pub(crate) fn sent_letter(&self, id: &str) -> Option<Arc<Letter>> {
        // The newest attempt knows how many there were.
        let sent = self.history.iter().chain(&self.queue).filter(|delivery| delivery.id == id);
        sent.filter_map(|delivery| delivery.letter.clone()).max_by_key(|letter| letter.attempt)
    }

    /// Queues the last acknowledged messages once more, byte for byte.
    pub(crate) fn redeliver(&mut self, count: usize) {
        let first = self.history.len().saturating_sub(count);
        let again: VecDeque<Delivery> = self.history.split_off(first);
        self.queue.extend(again);
    }
}

impl State {
    /// Puts something into a device's queue and sends what may be sent.
    pub(crate) fn enqueue(&mut self, key: &DeviceKey, delivery: Delivery, world: &World) {
        if let Some(device) = self.device_mut(key) {
            device.queue.push_back(delivery);
            self.pump(key, &world.settings);
        }
    }

    /// Queues the same notice for several devices.
    pub(crate) fn notify(&mut self, devices: &[DeviceKey], class: Class, stanza: &Node, world: &World) {
        for key in devices {
            self.enqueue(key, Delivery::notice(class, stanza.clone()), world);
        }
    }

    /// The companion devices of an account.
    pub(crate) fn companions(&self, phone_number: &str) -> Vec<DeviceKey> {
        let devices = self.accounts.get(phone_number).map(|account| account.devices.values());
        devices.into_iter().flatten().map(|device| device.key.clone()).collect()
    }
}
