//! A process looked at while something is measured: threads and memory before, at most, and after.

use std::time::Duration;

use serde::Serialize;
use tokio::task::JoinSet;

use crate::process::{Glance, Process};

/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(50);

/// What was seen.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Seen {
    pub(crate) before: Glance,
    /// The most of each, not at one moment.
    pub(crate) peak: Glance,
    /// After a rest.
    pub(crate) after: Glance,
    /// Processor time from the first look until the measured part was over.
    pub(crate) cpu_seconds: f64,
}

/// A process that is being looked at.
pub(crate) struct Watch<'a> {
    process: &'a Process,
    before: Glance,
    cpu_before: Duration,
    cpu: Option<Duration>,
    peak: tokio::sync::watch::Receiver<Glance>,
    _looking: JoinSet<()>,
}

impl<'a> Watch<'a> {
    /// Begins to look.
    pub(crate) fn begin(process: &'a Process) -> anyhow::Result<Self> {
        let before = Glance::of(&process.number())?;
        let (sender, peak) = tokio::sync::watch::channel(before);
        let mut looking = JoinSet::new();
        looking.spawn(look(process.number(), sender));
        Ok(Self { process, before, cpu_before: process.cpu()?, cpu: None, peak, _looking: looking })
    }

    /// The measured part is over: later processor time is not in it.
    pub(crate) fn stop_clock(&mut self) -> anyhow::Result<()> {
        self.cpu = Some(self.process.cpu()?);
        Ok(())
    }

    /// Ends it, with a last look after so long a rest.
    pub(crate) async fn end(self, rest: Duration) -> anyhow::Result<Seen> {
        let cpu = self.cpu.map_or_else(|| self.process.cpu(), Ok)?;
        let cpu_seconds = cpu.saturating_sub(self.cpu_before).as_secs_f64();
        let peak = *self.peak.borrow();
        tokio::time::sleep(rest).await;
        Ok(Seen { before: self.before, peak, after: Glance::of(&self.process.number())?, cpu_seconds })
    }
}

/// Until the process is gone or nobody wants to know any more.
async fn look(process: String, peak: tokio::sync::watch::Sender<Glance>) {
    while let Ok(now) = Glance::of(&process) {
        peak.send_modify(|peak| {
            peak.threads = peak.threads.max(now.threads);
            peak.resident_bytes = peak.resident_bytes.max(now.resident_bytes);
        });
        tokio::time::sleep(PAUSE).await;
    }
}
