//! What a simulator has seen so far. Counts and lists only; keeps no message text.

use std::collections::BTreeMap;

use serde::Serialize;

/// Unknown stanzas and broken rules kept word for word; later ones are only counted.
const KEPT_LINES: usize = 1000;

/// Counters since the simulator was started.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Stats {
    /// Sockets accepted.
    pub connections: u64,
    /// Sockets open now.
    pub open_connections: u64,
    /// Noise handshakes finished, whatever came after.
    pub handshakes: u64,
    /// Handshakes that resumed with the cached static key (IK).
    pub resumptions: u64,
    /// Handshakes that fell back from IK to XX because the static key had changed.
    pub fallbacks: u64,
    /// Devices paired, by QR or by code.
    pub pairings: u64,
    /// Logins that succeeded.
    pub logins: u64,
    /// Logins that were refused.
    pub refused_logins: u64,
    /// Messages written to companion devices, repeats included.
    pub deliveries: u64,
    /// Deliveries that the device acknowledged.
    pub acknowledged: u64,
    /// Receipts, notifications and calls written to companion devices, repeats included.
    pub notices: u64,
    /// Of these, the ones that the device acknowledged.
    pub acknowledged_notices: u64,
    /// Deliveries that the device acknowledged with an error.
    pub refused_deliveries: u64,
    /// Messages that companion devices sent.
    pub received: u64,
    /// Deliveries that a device could not read and asked for again.
    pub retries: u64,
    /// Questions whether numbers are on WhatsApp.
    pub lookups: u64,
    /// Numbers in these questions, repeated ones included.
    pub looked_up: u64,
    /// Stanzas received, by kind.
    pub stanzas: BTreeMap<String, u64>,
    /// Stanzas the simulator has no answer for, as they were received (the first 1000).
    pub unknown: Vec<String>,
    /// Rules of the real server that a client broke (the first 1000).
    pub violations: Vec<String>,
}

impl Stats {
    pub(crate) fn count_stanza(&mut self, kind: String) {
        *self.stanzas.entry(kind).or_default() += 1;
    }

    pub(crate) fn add_unknown(&mut self, stanza: String) {
        tracing::warn!(stanza, "the simulator does not know this stanza");
        if self.unknown.len() < KEPT_LINES {
            self.unknown.push(stanza);
        }
    }

    pub(crate) fn add_violation(&mut self, rule: String) {
        tracing::warn!(rule, "a client broke a rule");
        if self.violations.len() < KEPT_LINES {
            self.violations.push(rule);
        }
    }
}
