//! What all connections share, and how WhatsApp is reached.

use std::sync::Arc;

use whatsapp_rust::transport::{TokioWebSocketTransportFactory, default_tls_connector};

use crate::clock::Clock;
use crate::db::Db;
use crate::event::journal::Journal;
use crate::lifecycle::Lifecycle;
use crate::whatsapp::http::SharedClient;

/// How to reach WhatsApp.
#[derive(Clone, Debug, Default)]
pub struct ConnectorSettings {
    /// Another address than WhatsApp's own. Only a sandbox build has a way to set it.
    pub url: Option<String>,
    /// The protocol version to announce, instead of the one that WhatsApp publishes.
    pub version: Option<(u32, u32, u32)>,
}

/// Makes connections. One for the whole process.
#[derive(Clone)]
pub struct Connector {
    pub(super) db: Db,
    pub(super) journal: Journal,
    pub(super) clock: Clock,
    pub(super) settings: ConnectorSettings,
    pub(super) lifecycle: Lifecycle,
    pub(super) sockets: Arc<TokioWebSocketTransportFactory>,
    pub(super) http: SharedClient,
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connector").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Connector {
    /// Prepares what all connections share: the TLS roots and the HTTP client.
    pub fn new(db: Db, journal: Journal, clock: Clock, settings: ConnectorSettings, lifecycle: Lifecycle) -> Self {
        let mut sockets = TokioWebSocketTransportFactory::new().with_connector(default_tls_connector());
        if let Some(url) = &settings.url {
            sockets = sockets.with_url(url);
        }
        let (sockets, http) = (Arc::new(sockets), SharedClient::default());
        Self { db, journal, clock, settings, lifecycle, sockets, http }
    }
}
