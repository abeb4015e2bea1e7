//! WhatsApp's media hosts, and the phones' side of files.
//!
//! A companion asks over its socket which hosts there are and gets a token for uploads (`media_conn`). It sends a file,
//! encrypted, to one of them (`upload.rs`), which stores what has the hash that the address promises and says under
//! which path; whoever knows the path gets it (`download.rs`). The hosts never see a key. Phones encrypt and store files
//! without the detour over HTTP (`file_message.rs`), open what they are sent (`opening.rs`), and store a file again that
//! a companion found expired (`retry.rs`).
//!
//! The hosts speak plain HTTP on loopback. Clients build `https://` addresses from the names of hosts, so one that is to
//! reach them must take the `s` away.

mod cipher;
mod download;
mod fault;
mod fields;
mod file;
mod file_message;
mod format;
mod host;
mod mp4;
mod opening;
mod retry;
mod sample;
mod stats;
mod store;
mod upload;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use parking_lot::Mutex;
use tokio::net::TcpListener;
use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;

use crate::link::DeviceKey;
use crate::phone::Phone;
use crate::queries::Reply;
use crate::settings::Settings;
use crate::world::World;

pub use fault::{MediaFault, MediaOperation, PlannedFault};
pub use file::{DeclaredFile, FileKind, Thumbnail};
pub(crate) use file::{FileReference, declared, references};
pub use file_message::NewFile;
pub use format::OpusFacts;
pub(crate) use host::serve;
pub use mp4::VideoFacts;
pub use opening::{FileVerdict, OpenedFile, SidecarVerdict};
pub use retry::{ReuploadAnswer, Reuploads};
pub(crate) use retry::{SentFiles, answer as answer_request, is_request};
pub use stats::{MediaRequest, MediaStats};
pub use store::FileInfo;

/// Tokens for uploads that are remembered; the oldest go first.
const KEPT_AUTHS: usize = 10_000;

/// The hosts and what they store, behind a lock of its own: files are large, and nobody else waits for them.
pub(crate) struct Media {
    hosts: Vec<SocketAddr>,
    ttl: Duration,
    auth_lifetime: Duration,
    pub(crate) state: Mutex<MediaState>,
}

/// What the lock guards.
pub(crate) struct MediaState {
    pub(crate) store: store::FileStore,
    auths: VecDeque<Auth>,
    pub(crate) faults: VecDeque<PlannedFault>,
    pub(crate) stats: MediaStats,
}

/// A token that lets somebody upload.
struct Auth {
    token: String,
    owner: Arc<str>,
    expires_at: Instant,
}

impl Media {
    /// Binds the addresses of the hosts; `serve` listens on them.
    pub(crate) async fn bind(settings: &Settings) -> Result<(Self, Vec<TcpListener>)> {
        let mut listeners = Vec::new();
        for address in &settings.media_listen {
            ensure!(address.ip().is_loopback(), "media hosts listen on loopback only, not on {address}");
            listeners.push(TcpListener::bind(address).await.with_context(|| format!("bind {address}"))?);
        }
        let hosts = listeners.iter().map(TcpListener::local_addr).collect::<std::io::Result<_>>()?;
        let state = MediaState {
            store: store::FileStore::new(settings.media_limit_bytes),
            auths: VecDeque::new(),
            faults: VecDeque::new(),
            stats: MediaStats::default(),
        };
        let (ttl, auth_lifetime) = (settings.media_ttl, settings.media_auth_lifetime);
        Ok((Self { hosts, ttl, auth_lifetime, state: Mutex::new(state) }, listeners))
    }

    pub(crate) fn hosts(&self) -> &[SocketAddr] {
        &self.hosts
    }

    /// The address under which a host gives out what is stored under a path.
    pub(crate) fn url(&self, host: usize, direct_path: &str) -> String {
        let host = self.hosts.get(host).map_or_else(|| "media.invalid".to_owned(), SocketAddr::to_string);
        format!("https://{host}{direct_path}&mms3=true")
    }
}

impl MediaState {
    fn grant(&mut self, owner: &Arc<str>, lifetime: Duration) -> String {
        let token = BASE64_URL_SAFE_NO_PAD.encode(rand::random::<[u8; 24]>());
        let expires_at = Instant::now() + lifetime;
        self.auths.push_back(Auth { token: token.clone(), owner: Arc::clone(owner), expires_at });
        if self.auths.len() > KEPT_AUTHS {
            self.auths.pop_front();
        }
        token
    }

    /// The phone number of the account that a token was given to, while it is good.
    pub(crate) fn owner_of(&self, token: &str) -> Option<Arc<str>> {
        let auth = self.auths.iter().rev().find(|auth| auth.token == token)?;
        (auth.expires_at > Instant::now()).then(|| Arc::clone(&auth.owner))
    }

    /// Takes a token back before its time.
    pub(crate) fn revoke(&mut self, token: &str) {
        self.auths.retain(|auth| auth.token != token);
    }

    pub(crate) fn revoke_all(&mut self) {
        self.auths.clear();
    }
}

impl Phone {
    /// A token for uploads, as this account's companions get one, for who measures or tries the hosts without a companion.
    pub fn media_auth(&self) -> String {
        let media = &self.world.media;
        media.state.lock().grant(&self.phone_number, media.auth_lifetime)
    }
}

/// Answers a device that asks for the hosts.
pub(crate) fn answer_hosts(world: &World, device: &DeviceKey) -> Reply {
    let media = &world.media;
    let auth = {
        let mut state = media.state.lock();
        state.stats.connections_told += 1;
        state.grant(&device.phone_number, media.auth_lifetime)
    };
    let hosts = media.hosts.iter().enumerate().map(|(index, address)| host_node(index, *address));
    let connection = NodeBuilder::new("media_conn")
        .attr("auth", auth)
        .attr("ttl", media.ttl.as_secs())
        .attr("auth_ttl", media.auth_lifetime.as_secs())
        .attr("max_buckets", 12_u32)
        .children(hosts);
    Reply::with(connection.build())
}

/// The first host is the one to use, the others are for when it fails.
fn host_node(index: usize, address: SocketAddr) -> Node {
    let host = NodeBuilder::new("host")
        .attr("hostname", address.to_string())
        .attr("type", if index == 0 { "primary" } else { "fallback" });
    let kinds = ["image", "video", "audio", "document", "sticker"].map(|kind| NodeBuilder::new(kind).build());
    let download = NodeBuilder::new("download").children(kinds).build();
    host.children([NodeBuilder::new("upload").build(), download]).build()
}
