//! The composition root: wires the rooms together, serves, and shuts down in order. Knows all, decides nothing.

mod data_dir;

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::runtime::Handle;
use tracing::{error, info};

use crate::api;
use crate::api::listener::Listener;
use crate::api::listener::limits::Limits;
use crate::api::services::Api;
use crate::clock::Clock;
use crate::config::{BadConfig, Config, Database};
use crate::control::Control;
use crate::db::Db;
use crate::db::claim::Claim;
use crate::db::health::StorageFailure;
use crate::egress::Egress;
use crate::error::{Cause, chain};
use crate::event::Events;
use crate::event::journal::Journal;
use crate::event::retention::Retention;
use crate::key::Keys;
use crate::lifecycle::last_run::Loop;
use crate::lifecycle::{Lifecycle, ShutdownPhase};
use crate::media::files::Files;
use crate::media::reconciler::Reconciler;
use crate::media::{self, Media, MediaSettings};
use crate::message::{self, Messages};
use crate::pairing_link::PairingLinks;
use crate::session::deps::Deps;
use crate::session::{Sessions, boot};
use crate::telemetry;
use crate::webhook::{self, Webhooks};
use crate::whatsapp::connector::Connector;

/// A server that is ready to serve.
pub struct App {
    api: Api,
    db: Db,
    lifecycle: Lifecycle,
    grace: Duration,
    claim: Claim,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// In order.
    Orderly,
    /// A phase hit its limit, a task died or another process has claimed the database.
    Troubled,
    /// The database cannot be written any more.
    Unwritable(StorageFailure),
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").finish_non_exhaustive()
    }
}

impl App {
    /// Opens the database, brings its tables up to date and takes the sessions over. `address` is where it listens.
    ///
    /// # Errors
    /// The database cannot be opened, or another process uses it.
    pub async fn build(config: &Config, token: &SecretString, address: &str) -> Result<Self, Cause> {
        let db = connect(&config.database).await?;
        let claim = db.claim().await?;
        db.migrate().await?;
        let lifecycle = Lifecycle::new();
        let keys = Keys::open(token, db.clone(), Clock::system(), lifecycle.clone()).await?;
        let journal = Journal::open(db.clone(), Clock::system(), &lifecycle).await?;
        let whatsapp = config.whatsapp.clone();
        let connector = Connector::new(db.clone(), journal.clone(), Clock::system(), whatsapp, lifecycle.clone());
        let settings = boot::BootSettings { boot_rate: config.boot_rate, boot_concurrency: config.boot_concurrency };
        let deps = Deps {
            db: db.clone(),
            journal: journal.clone(),
            connector,
            clock: Clock::system(),
            lifecycle: lifecycle.clone(),
        };
        let egress = Egress::new(config.egress_allow.clone());
        let media = media(&config.media, &db, &egress).await?;
        let sessions = Sessions::open(deps, egress.clone(), settings).await?;
        let messages = message::Deps {
            sessions: sessions.clone(),
            db: db.clone(),
            journal: journal.clone(),
            egress: egress.clone(),
            media: media.clone(),
            clock: Clock::system(),
            lifecycle: lifecycle.clone(),
        };
        let messages = Messages::open(messages, config.messages).await?;
        let reconciler = Reconciler::new(media.clone(), Arc::new(messages.clone()));
        lifecycle.spawn_loop(Loop::MediaRetention, |last_run| reconciler.run(last_run));
        let (clock, tasks) = (Clock::system(), lifecycle.clone());
        let pairing_links = PairingLinks::new(sessions.clone(), keys.clone(), db.clone(), clock, tasks)
            .at(config.public_url.as_deref().or(config.is_reachable_as_bound().then_some(address)));
        let webhooks = webhook::Deps {
            db: db.clone(),
            journal: journal.clone(),
            egress,
            clock: Clock::system(),
            lifecycle: lifecycle.clone(),
        };
        let webhooks = Webhooks::open(webhooks, config.webhooks.clone()).await?;
        let retention = Retention { db: db.clone(), clock: Clock::system(), settings: config.retention };
        lifecycle.spawn_loop(Loop::Retention, |last_run| retention.run(last_run));
        let events = Events::new(db.clone(), journal, Clock::system(), lifecycle.clone());
        let api = Api {
            sessions,
            messages,
            media,
            events,
            webhooks,
            keys,
            pairing_links,
            db: db.clone(),
            clock: Clock::system(),
            lifecycle: lifecycle.clone(),
            has_introspection: config.graphql_introspection,
            has_graphiql: config.graphiql,
            public_url: config.public_url.clone(),
            cors_origins: config.cors_origins.clone(),
            courtesy: config.shutdown_grace / 2,
            metrics: telemetry::start_metrics(Clock::system().now()),
        };
        Ok(Self { api, db, lifecycle, grace: config.shutdown_grace, claim })
    }

    /// Serves until the control thread hears that it is enough or the database is lost, then shuts down phase by phase.
    ///
    /// # Errors
    /// The listener fails.
    pub async fn serve(mut self, listener: TcpListener, limits: Limits, control: &Control) -> Result<Outcome, Cause> {
        let local = listener.local_addr()?;
        if let Some(metrics) = self.api.metrics.clone() {
            self.lifecycle.spawn_loop(Loop::Metrics, |last_run| telemetry::keep_up(metrics, last_run));
        }
        let site = api::site(self.api);
        let listening = Listener::new(site, local, limits, self.lifecycle.clone(), Handle::current()).run(listener);
        let mut listening = self.lifecycle.spawn_on(ShutdownPhase::Doors, control.runtime(), "listener", listening);
        let reason = tokio::select! {
            _ = &mut listening => return Err("the listener ended".into()),
            () = control.stop().cancelled() => Outcome::Orderly,
            error = self.claim.watch() => {
                error!(error = chain(&error), "the database is not ours any more");
                self.db.shut();
                Outcome::Troubled
            }
            failure = self.db.watch() => Outcome::Unwritable(failure),
        };
        control.stop().cancel();
        let is_in_time = self.lifecycle.shut_down(self.grace).await;
        // Nobody writes any more.
        let is_closed = close(self.db, self.grace / 2).await;
        // Nobody else may have it while a connection could still write.
        drop(self.claim);
        info!("stopped");
        let is_orderly = is_in_time && is_closed && !self.lifecycle.is_broken();
        Ok(if reason == Outcome::Orderly && !is_orderly { Outcome::Troubled } else { reason })
    }
}

/// The last phase of a shutdown. Says whether it came to its end.
async fn close(db: Db, limit: Duration) -> bool {
    info!("shutting down: database");
    match tokio::time::timeout(limit, db.close()).await {
        Ok(Ok(())) => true,
        Ok(Err(error)) => {
            error!(error = chain(&error), "the database did not close cleanly");
            false
        }
        Err(_) => {
            error!("the database did not close within {} s", limit.as_secs_f64());
            false
        }
    }
}

/// The files, in their folder.
async fn media(settings: &MediaSettings, db: &Db, egress: &Egress) -> Result<Media, Cause> {
    let files = Files::new(settings.folder.clone());
    let unusable = |error: io::Error| BadConfig::new(format!("--media-dir {}: {error}", settings.folder.display()));
    files.claim().map_err(unusable)?;
    let deps = media::Deps { db: db.clone(), egress: egress.clone(), clock: Clock::system() };
    Ok(Media::load(deps, files, settings.clone()).await?)
}

async fn connect(database: &Database) -> Result<Db, Cause> {
    Ok(match database {
        Database::Sqlite { data_dir, synchronous } => {
            let file = data_dir.join("waypost.db");
            let unusable = |error: io::Error| BadConfig::new(format!("--data-dir {}: {error}", data_dir.display()));
            data_dir::prepare(data_dir, &file).map_err(unusable)?;
            Db::sqlite(&file, *synchronous).await?
        }
        Database::Postgres { url, connections } => Db::postgres(url.expose_secret(), *connections).await?,
    })
}
