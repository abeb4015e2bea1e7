//! The knobs of a simulator. The defaults are what the real server was seen to do; tests shorten them.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

/// How one simulator behaves. `Settings::default()` is as close to the real server as is known.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the WebSocket listens. Port 0 picks a free one; only loopback is allowed.
    pub listen: SocketAddr,
    /// How long the first QR reference of a connection may be scanned.
    pub first_ref_lifetime: Duration,
    /// How long each following QR reference may be scanned.
    pub next_ref_lifetime: Duration,
    /// QR references per connection, the first included.
    pub ref_count: usize,
    /// How long a pair code may be entered on the phone.
    pub link_code_lifetime: Duration,
    /// Times a phone may try a code before the server forgets it.
    pub link_code_attempts: u32,
    /// How long a phone waits for the companion's part of a pairing.
    pub pairing_limit: Duration,
    /// How long a connection may take to finish the WebSocket and Noise handshakes.
    pub handshake_limit: Duration,
    /// Deliveries a live device may leave unacknowledged before the rest waits in the queue.
    pub delivery_window: usize,
    /// Backlog deliveries sent before the client asks for more (`offline_batch`).
    pub offline_primer: usize,
    /// How long companions may take to learn of a new device of their own account before they must write to it.
    pub device_list_grace: Duration,
    /// Messages that a phone's inbox keeps; the oldest go first.
    pub inbox_limit: usize,
    /// Acknowledged deliveries that a device keeps for `Fault::Redeliver`.
    pub history_limit: usize,
    /// Where the media hosts listen, the primary one first. Port 0 picks a free one; only loopback is allowed.
    pub media_listen: Vec<SocketAddr>,
    /// How long a client may go by what it was told of the media hosts.
    pub media_ttl: Duration,
    /// How long a token for uploads is good.
    pub media_auth_lifetime: Duration,
    /// Bytes that the media hosts store together, in memory; also the largest file. The oldest files go first.
    pub media_limit_bytes: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            first_ref_lifetime: Duration::from_secs(60),
            next_ref_lifetime: Duration::from_secs(20),
            ref_count: 6,
            link_code_lifetime: Duration::from_secs(180),
            // The client answers three `primary_hello`s for one code; src: wacore pair_code.rs.
            link_code_attempts: 3,
            pairing_limit: Duration::from_secs(30),
            handshake_limit: Duration::from_secs(20),
            delivery_window: 256,
            // Web clients count on about five stanzas before their first request; src: offline_resume.rs.
            offline_primer: 5,
            device_list_grace: Duration::from_secs(5),
            inbox_limit: 10_000,
            history_limit: 16,
            media_listen: vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0)); 2],
            media_ttl: Duration::from_secs(3600),
            media_auth_lifetime: Duration::from_secs(6 * 3600),
            media_limit_bytes: 1024 * 1024 * 1024,
        }
    }
}
