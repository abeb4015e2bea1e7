//! The composition root: wires the rooms together, serves, and shuts down in order. Knows all, decides nothing.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::time::Duration;

use poem::listener::{Acceptor, TcpAcceptor};
use poem::web::{LocalAddr, RemoteAddr};
use secrecy::{ExposeSecret, SecretString};
use tokio::net::{TcpListener, TcpStream};
use tracing::{error, info};

use crate::api::auth::Keys;
use crate::api::{self, Api};
use crate::clock::Clock;
use crate::config::{Config, Database};
use crate::db::{Claim, Db};
use crate::error::{Cause, chain};
use crate::lifecycle::Lifecycle;
use crate::session::{Sessions, boot};
use crate::telemetry;
use crate::whatsapp::Connector;

/// Wait after the system refused to accept a connection: out of descriptors, it would refuse the next one too.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// A server that is ready to serve.
pub struct App {
    api: Api,
    db: Db,
    lifecycle: Lifecycle,
    grace: Duration,
    claim: Claim,
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").finish_non_exhaustive()
    }
}

impl App {
    /// Opens the database, brings its tables up to date and takes the sessions over.
    ///
    /// # Errors
    /// The database cannot be opened, or another process uses it.
    pub async fn build(config: &Config, token: &SecretString) -> Result<Self, Cause> {
        let db = connect(&config.database).await?;
        let claim = db.claim().await?;
        db.migrate().await?;
        let lifecycle = Lifecycle::new();
        let connector = Connector::new(db.clone(), config.whatsapp.clone())?;
        let settings = boot::Settings { boot_rate: config.boot_rate, boot_concurrency: config.boot_concurrency };
        let sessions = Sessions::open(db.clone(), connector, Clock::system(), lifecycle.clone(), settings).await?;
        let api = Api {
            sessions,
            keys: Keys::new(token),
            db: db.clone(),
            clock: Clock::system(),
            lifecycle: lifecycle.clone(),
            metrics: telemetry::start_metrics(),
        };
        Ok(Self { api, db, lifecycle, grace: config.shutdown_grace, claim })
    }

    /// Serves until `stop` resolves, then shuts down phase by phase. False if a phase hit its limit or a task died.
    ///
    /// # Errors
    /// The listener fails.
    pub async fn serve(self, listener: TcpListener, stop: impl Future<Output = ()>) -> Result<bool, Cause> {
        let acceptor = Patient(TcpAcceptor::from_tokio(listener)?);
        let doors = self.lifecycle.doors().clone();
        let server = poem::Server::new_with_acceptor(acceptor).name("waypost").run_with_graceful_shutdown(
            api::site(self.api),
            doors.clone().cancelled_owned(),
            Some(self.grace),
        );
        tokio::pin!(server);
        tokio::select! {
            ended = &mut server => return Err(ended.map_or_else(Cause::from, |()| "the listener ended".into())),
            () = stop => {}
        }
        info!("shutting down: no new requests");
        doors.cancel();
        server.await?;
        info!("shutting down: sessions");
        self.lifecycle.sessions().cancel();
        self.lifecycle.workers().cancel();
        let drained = tokio::time::timeout(self.grace, self.lifecycle.drained()).await.is_ok();
        if !drained {
            error!("{} tasks did not end within {} s", self.lifecycle.tasks_alive(), self.grace.as_secs());
        }
        // It is one of the connections that closing waits for.
        drop(self.claim);
        if let Err(error) = self.db.close().await {
            error!(error = chain(&error), "the database did not close cleanly");
        }
        info!("stopped");
        Ok(drained && !self.lifecycle.is_broken())
    }
}

async fn connect(database: &Database) -> Result<Db, Cause> {
    Ok(match database {
        Database::Sqlite { data_dir, synchronous } => {
            // Whoever reads the file is every account in it.
            DirBuilder::new().recursive(true).mode(0o700).create(data_dir)?;
            Db::sqlite(&data_dir.join("waypost.db"), *synchronous).await?
        }
        Database::Postgres { url, connections } => Db::postgres(url.expose_secret(), *connections).await?,
    })
}

/// An acceptor that waits after a failure instead of failing again at once.
struct Patient(TcpAcceptor);

impl Acceptor for Patient {
    type Io = TcpStream;

    fn local_addr(&self) -> Vec<LocalAddr> {
        self.0.local_addr()
    }

    async fn accept(&mut self) -> io::Result<(TcpStream, LocalAddr, RemoteAddr, http::uri::Scheme)> {
        let accepted = self.0.accept().await;
        if let Err(error) = &accepted {
            error!(error = chain(error), "a connection could not be accepted");
            tokio::time::sleep(ACCEPT_AGAIN).await;
        }
        accepted
    }
}
