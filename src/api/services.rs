//! What the doors call: the services, and what the server was told about itself.

use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;

use crate::clock::Clock;
use crate::db::Db;
use crate::event::Events;
use crate::key::Keys;
use crate::lifecycle::Lifecycle;
use crate::media::Media;
use crate::message::Messages;
use crate::pairing_link::PairingLinks;
use crate::session::Sessions;
use crate::webhook::Webhooks;

/// What the handlers work with.
pub struct Api {
    /// The sessions.
    pub sessions: Sessions,
    /// What is sent on them, and what came and went.
    pub messages: Messages,
    /// The files that they carry.
    pub media: Media,
    /// Who may come in, and what they may do.
    pub keys: Keys,
    /// What happens on them.
    pub events: Events,
    /// Where it is delivered.
    pub webhooks: Webhooks,
    /// Links with which somebody can link a phone without a key.
    pub pairing_links: PairingLinks,
    /// For the health check alone.
    pub db: Db,
    /// What time it is: how long a code still lives.
    pub clock: Clock,
    /// Whether the server stops.
    pub lifecycle: Lifecycle,
    /// How long requests that are under way when a shutdown begins may take to finish.
    pub courtesy: Duration,
    /// Where people reach the server, if that was said.
    pub public_url: Option<String>,
    /// Other sites whose pages may ask.
    pub cors_origins: Vec<String>,
    /// Whether there is a page to try the graph out.
    pub has_graphiql: bool,
    /// Whether the GraphQL schema can be asked for.
    pub has_introspection: bool,
    /// What is measured.
    pub metrics: Option<PrometheusHandle>,
}

impl std::fmt::Debug for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Api").finish_non_exhaustive()
    }
}
