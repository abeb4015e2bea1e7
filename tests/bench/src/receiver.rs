//! The other end of the webhooks, a process of its own on one thread: answers at once, remembers what came in which order,
//! and counts. It never asks who posts: it listens on loopback for as long as a run.
//!
//! Webhooks go to one port: `/ok` answers 200, `/dead` takes the request and does not answer until the next order, `/fail`
//! answers 500. Another port, which is always there, is for the bench: `POST /control {"mode": "up" | "dead" | "fail" |
//! "down"}` makes all paths the same, or closes the first port and all its connections; `POST /reset` forgets everything;
//! `GET /report`, `GET /count`, `GET /latencies` (each with `?except=<session>`) and `GET /arrivals/<session>` tell what came.

pub(crate) mod ledger;
pub(crate) mod process;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use poem::http::StatusCode;
use poem::listener::TcpListener;
use poem::web::{Data, Json, Path, Query};
use poem::{Body, EndpointExt, Request, Route, Server, get, handler, post};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::process::Glance;
use crate::receiver::ledger::{Count, Ledger, Post, Report};
use crate::wall_clock::unix_micros;

/// How the receiver behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mode {
    /// Each path does as it is called.
    Up,
    /// No path answers until the next order.
    Dead,
    /// All paths answer 500.
    Fail,
    /// Nobody listens.
    Down,
}

/// What the bench can order.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) mode: Mode,
}

/// A session that a question leaves out.
#[derive(Debug, Deserialize)]
struct Except {
    except: Option<String>,
}

/// Everything that the handlers share.
struct Desk {
    ledger: Mutex<Ledger>,
    mode: watch::Sender<Mode>,
    /// Requests that are open and get no answer.
    held: AtomicU64,
}

/// How one post is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Accept,
    Never,
    Refuse,
    NotFound,
}

/// The child's life: until it is killed.
pub(crate) fn run(listen: SocketAddr, control: SocketAddr) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let ledger = Mutex::new(Ledger::default());
        let desk = Arc::new(Desk { ledger, mode: watch::Sender::new(Mode::Up), held: AtomicU64::new(0) });
        tokio::try_join!(take_webhooks(listen, &desk), obey(control, &desk)).map(drop)
    })
}

/// Listens whenever the mode allows it.
async fn take_webhooks(listen: SocketAddr, desk: &Arc<Desk>) -> anyhow::Result<()> {
    let mut mode = desk.mode.subscribe();
    loop {
        mode.wait_for(|mode| *mode != Mode::Down).await?;
        let mut until_down = mode.clone();
        let down = async move {
            let _ = until_down.wait_for(|mode| *mode == Mode::Down).await; // The desk keeps the sender.
        };
        let route = Route::new().at("/:path", post(take)).data(Arc::clone(desk));
        // Without any grace: open connections break off, as they do when a machine goes away.
        Server::new(TcpListener::bind(listen)).run_with_graceful_shutdown(route, down, Some(Duration::ZERO)).await?;
    }
}

async fn obey(control: SocketAddr, desk: &Arc<Desk>) -> anyhow::Result<()> {
    let route = Route::new()
        .at("/control", post(switch))
        .at("/reset", post(reset))
        .at("/report", get(report))
        .at("/count", get(count))
        .at("/latencies", get(latencies))
        .at("/arrivals/:session", get(arrivals))
        .data(Arc::clone(desk));
    Ok(Server::new(TcpListener::bind(control)).run(route).await?)
}

impl Desk {
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, path: &str) -> Answer {
        match (*self.mode.borrow(), path) {
            (Mode::Dead, _) | (_, "dead") => Answer::Never,
            (Mode::Fail, _) | (_, "fail") => Answer::Refuse,
            (_, "ok") => Answer::Accept,
            _ => Answer::NotFound,
        }
    }
}

/// Counts an open request until it is let go.
struct Held<'a>(&'a AtomicU64);

impl<'a> Held<'a> {
    fn new(held: &'a AtomicU64) -> Self {
        held.fetch_add(1, Ordering::Relaxed);
        Self(held)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[handler]
async fn take(Path(path): Path<String>, Data(desk): Data<&Arc<Desk>>, request: &Request, body: Body) -> StatusCode {
    let at_micros = unix_micros();
    let Ok(body) = body.into_bytes().await else { return StatusCode::BAD_REQUEST };
    match desk.answer(&path) {
        Answer::Accept => {
            let webhook_id = request.header("webhook-id");
            match desk.ledger().note(&Post { webhook_id, body: &body, at_micros }) {
                Ok(()) => StatusCode::OK,
                Err(_) => StatusCode::BAD_REQUEST,
            }
        }
        Answer::Never => {
            let _held = Held::new(&desk.held);
            // Whoever posts gives up long before; poem does not notice.
            let _ = desk.mode.subscribe().changed().await;
            StatusCode::SERVICE_UNAVAILABLE
        }
        Answer::Refuse => {
            desk.ledger().refuse();
            StatusCode::INTERNAL_SERVER_ERROR
        }
        Answer::NotFound => StatusCode::NOT_FOUND,
    }
}

#[handler]
fn switch(Data(desk): Data<&Arc<Desk>>, Json(order): Json<Order>) -> Json<Order> {
    desk.mode.send_replace(order.mode);
    Json(order)
}

#[handler]
fn reset(Data(desk): Data<&Arc<Desk>>) {
    *desk.ledger() = Ledger::default();
}

#[handler]
fn report(Data(desk): Data<&Arc<Desk>>, Query(Except { except }): Query<Except>) -> poem::Result<Json<Report>> {
    let glance = Glance::of("self").map_err(|error| poem::Error::from_string(error.to_string(), FAILED))?;
    let held = desk.held.load(Ordering::Relaxed);
    Ok(Json(Report { held, threads: glance.threads, ..desk.ledger().report(except.as_deref()) }))
}

/// What is answered where this process cannot look at itself.
const FAILED: StatusCode = StatusCode::INTERNAL_SERVER_ERROR;

#[handler]
fn count(Data(desk): Data<&Arc<Desk>>, Query(Except { except }): Query<Except>) -> Json<Count> {
    Json(Count { held: desk.held.load(Ordering::Relaxed), ..desk.ledger().count(except.as_deref()) })
}

#[handler]
fn latencies(Data(desk): Data<&Arc<Desk>>, Query(Except { except }): Query<Except>) -> Json<Vec<u32>> {
    Json(desk.ledger().latencies(except.as_deref()))
}

#[handler]
fn arrivals(Path(session): Path<String>, Data(desk): Data<&Arc<Desk>>) -> Json<Vec<(u64, String)>> {
    Json(desk.ledger().arrivals(&session))
}
