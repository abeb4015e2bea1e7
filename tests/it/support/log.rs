//! What a test's own thread logs as an error.

use std::io;
use std::sync::{Arc, Mutex};

use tracing::Level;
use tracing::subscriber::DefaultGuard;

/// The errors of this thread, and of all tasks on a runtime that has no other.
pub struct Errors {
    lines: Lines,
    _guard: DefaultGuard,
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("nobody panics").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Errors {
    /// Keeps them from now on.
    pub fn keep() -> Self {
        let lines = Lines::default();
        let kept = lines.clone();
        let log = tracing_subscriber::fmt().with_max_level(Level::ERROR).with_ansi(false);
        let log = log.with_writer(move || kept.clone()).finish();
        Self { lines, _guard: tracing::subscriber::set_default(log) }
    }

    /// All that were logged.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.lines.0.lock().expect("nobody panics")).into_owned()
    }
}
