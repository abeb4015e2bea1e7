//! Connections, from the moment in which they come until they end.
//!
//! ```text
//! accept ─> newcomer ──first bytes──> admitted ──> HTTP on the workers ──> closed
//!           (control thread)            │
//!              └─ /livez is answered    └─ at the bound, the one that waits longest makes room
//! ```
//!
//! Nobody has shown a key here yet. So each stage has a bound in number and in time, together well below the descriptors
//! that the process may have: the database, the sessions and the webhooks always find some. The first stage runs on the
//! control thread and waits for nothing but bytes: it never asks the database and never waits for a worker.

mod activity;
mod answer;
mod connection;
pub mod limits;
mod newcomer;
mod registry;
mod stream;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use poem::web::LocalAddr;
use poem::{Endpoint, Response};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tracing::error;

use crate::api::listener::connection::{Accepted, Served};
use crate::api::listener::limits::Limits;
use crate::api::listener::newcomer::{FirstBytes, Newcomer, Newcomers};
use crate::api::listener::registry::Connections;
use crate::error::chain;
use crate::lifecycle::{Lifecycle, ShutdownPhase};

/// Wait after the system refused to accept a connection: out of descriptors, it would refuse the next one too.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// Takes connections and hands them to the workers.
pub struct Listener<E> {
    site: Arc<E>,
    local: LocalAddr,
    limits: Limits,
    newcomers: Newcomers,
    connections: Connections,
    lifecycle: Lifecycle,
    workers: Handle,
}

impl<E: Endpoint<Output = Response> + 'static> Listener<E> {
    /// Nothing is taken yet. `workers` is the runtime on which requests are answered.
    pub fn new(site: E, local: SocketAddr, limits: Limits, lifecycle: Lifecycle, workers: Handle) -> Self {
        Self {
            site: Arc::new(site),
            local: LocalAddr(local.into()),
            limits,
            newcomers: Newcomers::new(limits.newcomers_max),
            connections: Connections::new(limits.connections_max, limits.leaving_max),
            lifecycle,
            workers,
        }
    }

    /// Takes connections until a shutdown begins. Runs on the control thread.
    pub async fn run(self, listener: std::net::TcpListener) {
        let listener = match TcpListener::from_std(listener) {
            Ok(listener) => listener,
            Err(error) => return error!(error = chain(&error), "the listener cannot be watched"),
        };
        let this = Arc::new(self);
        let stopping = this.lifecycle.doors().clone();
        loop {
            let accepted = tokio::select! {
                () = stopping.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((tcp, peer)) => {
                    let newcomer = this.newcomers.enter();
                    // It ends with the shutdown, with its bytes or with its time.
                    this.lifecycle.host(ShutdownPhase::Doors, Arc::clone(&this).receive(tcp, peer, newcomer));
                }
                Err(error) => {
                    error!(error = chain(&error), "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_AGAIN).await;
                }
            }
        }
    }

    /// Waits for the first bytes of a connection, and sends it where they say.
    async fn receive(self: Arc<Self>, tcp: TcpStream, peer: SocketAddr, newcomer: Newcomer) {
        let stopping = self.lifecycle.doors();
        let first = tokio::select! {
            () = newcomer.lost() => return,
            () = stopping.cancelled() => return,
            first = tokio::time::timeout(self.limits.timing.head, newcomer::first_bytes(&tcp)) => first,
        };
        match first {
            Ok(Ok(Some(FirstBytes::Liveness(head)))) => {
                // Whoever does not take a few bytes in that time is not there.
                let _ = tokio::time::timeout(self.limits.timing.head, answer::liveness(tcp, &head)).await;
            }
            Ok(Ok(Some(FirstBytes::Others(bytes)))) => self.hand_over(tcp, peer, bytes),
            // It hung up, or it had its time.
            Ok(Ok(None) | Err(_)) | Err(_) => {}
        }
    }

    /// Gives a connection to the workers, if there is room.
    fn hand_over(&self, tcp: TcpStream, peer: SocketAddr, begun: Vec<u8>) {
        let Some(slot) = self.connections.admit() else {
            metrics::counter!("waypost_connections_refused_total").increment(1);
            // A few bytes into an empty buffer. Who does not get them sees the connection end.
            let _ = tcp.try_write(&answer::crowded());
            return;
        };
        stream::limit(&tcp, self.limits.timing.take);
        let Ok(tcp) = tcp.into_std() else { return };
        let accepted = Accepted { tcp, begun: begun.into(), local: self.local.clone(), peer, slot };
        let served = Served {
            site: Arc::clone(&self.site),
            timing: self.limits.timing,
            stopping: self.lifecycle.doors().clone(),
            cut: self.lifecycle.hard().clone(),
        };
        self.lifecycle.host_connection(&self.workers, served.serve(accepted));
    }
}
