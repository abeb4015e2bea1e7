//! What all connections share, and how WhatsApp is reached.

use std::sync::Arc;

use crate::clock::Clock;
use crate::db::Db;
use crate::event::journal::Journal;
use crate::lifecycle::Lifecycle;
use crate::whatsapp::http::SharedClient;
use crate::whatsapp::http::transfer::Transfers;
use crate::whatsapp::proxy::ProxySettings;
use crate::whatsapp::sockets::Sockets;

/// How to reach WhatsApp.
#[derive(Clone, Debug, Default)]
pub struct ConnectorSettings {
    /// Another address than WhatsApp's own. Only a sandbox build has a way to set it.
    pub url: Option<String>,
    /// The protocol version to announce, instead of the one that WhatsApp publishes.
    pub version: Option<(u32, u32, u32)>,
    /// The operator's proxy.
    pub proxy: ProxySettings,
}

/// Makes connections. One for the whole process.
#[derive(Clone)]
pub struct Connector {
    pub(super) db: Db,
    pub(super) journal: Journal,
    pub(super) clock: Clock,
    pub(super) settings: ConnectorSettings,
    pub(super) lifecycle: Lifecycle,
    pub(super) sockets: Arc<Sockets>,
    pub(super) http: SharedClient,
    pub(super) transfers: Transfers,
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connector").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Connector {
    /// Prepares what all connections share: the TLS roots and the HTTP client.
    pub fn new(db: Db, journal: Journal, clock: Clock, settings: ConnectorSettings, lifecycle: Lifecycle) -> Self {
        let sockets = Sockets::new(settings.url.as_deref(), settings.proxy.clone());
        let (sockets, http) = (Arc::new(sockets), SharedClient::new(settings.url.is_some()));
        let transfers = Transfers::new(http.clone());
        Self { db, journal, clock, settings, lifecycle, sockets, http, transfers }
    }
}
