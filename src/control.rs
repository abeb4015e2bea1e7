//! A thread of its own for what has to work while every worker is held up: the signals, the end of the process, and the
//! first bytes of connections.
//!
//! It must never wait for the workers, for the database, or for a reader of the log.

use std::io;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tokio::runtime::{Builder, Handle};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::terminal;

/// How many times its grace a shutdown may take. Its five phases have four together, the last two half a grace each, and
/// at most an eighth more for what is cut, and say themselves when they had their time: that is to come first.
const GRACES: u32 = 5;
/// Longest wait for the last line to be written.
const LAST_LINE_LIMIT: Duration = Duration::from_millis(500);

/// The control thread. It lives as long as the process.
#[derive(Debug)]
pub struct Control {
    runtime: Handle,
    stop: CancellationToken,
}

impl Control {
    /// Starts it. `grace` is what each phase of a shutdown may take.
    ///
    /// # Errors
    /// The system gives no thread, or takes no handlers.
    pub fn start(grace: Duration) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let control = Self { runtime: runtime.handle().clone(), stop: CancellationToken::new() };
        let signals = {
            let _inside = runtime.enter();
            Signals::new()?
        };
        let watch = watch(signals, control.stop.clone(), grace * GRACES);
        thread::Builder::new().name("control".to_owned()).spawn(move || runtime.block_on(watch))?;
        Ok(control)
    }

    /// Its runtime. What runs there must never block.
    pub fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// Fires at the first request to stop. Who begins a shutdown for another reason fires it: from then on the time of the
    /// shutdown counts.
    pub fn stop(&self) -> &CancellationToken {
        &self.stop
    }
}

/// The signals that ask the process to stop.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    /// None where somebody (`nohup`) wants it to be ignored.
    hang_up: Option<Signal>,
}

impl Signals {
    fn new() -> io::Result<Self> {
        let hang_up = if is_hang_up_ignored() { None } else { Some(signal(SignalKind::hangup())?) };
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())?, hang_up })
    }

    /// Waits for the next one, whichever it is.
    async fn next(&mut self) {
        let hang_up = async {
            match &mut self.hang_up {
                Some(signal) => signal.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            _ = hang_up => {}
        }
    }
}

/// Whether the process was started with SIGHUP ignored. Unknown is no.
fn is_hang_up_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    // Signal 1 is the lowest bit.
    ignored.is_some_and(|mask| mask & 1 == 1)
}

/// Passes the first request to stop on. The second one ends the process at once, and so does the end of its time.
async fn watch(mut signals: Signals, stop: CancellationToken, limit: Duration) {
    let (mut requests, mut until) = (0, None);
    loop {
        tokio::select! {
            () = signals.next() => {
                requests += 1;
                if requests > 1 {
                    end("stopped at once".to_owned());
                }
                stop.cancel();
            }
            () = stop.cancelled(), if until.is_none() => until = Some(Instant::now() + limit),
            () = passed(until) => end(format!("the shutdown did not end within {} s", limit.as_secs())),
        }
    }
}

async fn passed(until: Option<Instant>) {
    match until {
        Some(until) => tokio::time::sleep_until(until).await,
        None => std::future::pending().await,
    }
}

/// Ends the process, whatever its other threads do. One of them may hold the lock of the output for ever: nobody waits for
/// that line for long.
fn end(why: String) -> ! {
    let (told, is_told) = mpsc::channel();
    let telling = thread::Builder::new().spawn(move || {
        terminal::complain(format_args!("waypost: {why}"));
        let _ = told.send(()); // Nobody waits any more.
    });
    if telling.is_ok() {
        let _ = is_told.recv_timeout(LAST_LINE_LIMIT);
    }
    std::process::exit(1)
}
