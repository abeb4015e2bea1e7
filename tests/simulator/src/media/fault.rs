//! What can go wrong with requests to the media hosts. Only decides what is to happen to the next ones; `upload.rs` and
//! `download.rs` let it happen.

use serde::{Deserialize, Serialize};

use crate::media::MediaState;
use crate::simulator::Simulator;

/// Requests that one call may spoil.
const MOST_FAULTS: usize = 10_000;

/// What becomes of a request instead of being answered.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum MediaFault {
    /// 401, and the token that came with it is good for nothing more: only a new `media_conn` helps.
    Unauthorized,
    /// Any status: 403, 404, 410, 429, 500, 503, 507, ..
    Status {
        /// The status.
        code: u16,
    },
    /// The answer, or the reading of an upload, comes to a stop in the middle, and the connection stays open.
    Stall {
        /// Bytes of the body that still pass.
        after_bytes: u64,
    },
    /// The connection ends in the middle: a download is shorter than its head says, an upload is reset.
    CutOff {
        /// Bytes of the body that still pass.
        after_bytes: u64,
    },
    /// A download has one wrong bit in its middle; an upload is refused with 400, as if the bit had flipped on its way.
    WrongHash,
    /// The answer comes late.
    Delayed {
        /// How late, milliseconds.
        ms: u64,
    },
    /// Nothing goes wrong. In between others it lets a request pass.
    None,
}

/// What a request to a media host is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaOperation {
    /// A file, or the rest of one.
    Upload,
    /// The question how much of a file has arrived.
    ResumeCheck,
    /// A stored file, or a part of it.
    Download,
}

/// A fault that waits for its request.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct PlannedFault {
    /// The requests that it may happen to.
    pub operation: MediaOperation,
    /// The host that it happens at, counted from 0; any when it is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<usize>,
    /// What happens.
    #[serde(flatten)]
    pub fault: MediaFault,
}

impl MediaState {
    /// What is to become of a request: the first fault that fits.
    pub(crate) fn next_fault(&mut self, operation: MediaOperation, host: usize) -> MediaFault {
        let fits = |planned: &PlannedFault| {
            planned.operation == operation && planned.host.is_none_or(|planned| planned == host)
        };
        let index = self.faults.iter().position(fits);
        let planned = index.and_then(|index| self.faults.remove(index));
        planned.map_or(MediaFault::None, |planned| planned.fault)
    }
}

impl Simulator {
    /// Lets something go wrong with the next `count` requests of a kind, at one of the hosts or at any, after those that
    /// were spoiled before.
    pub fn spoil_media(&self, operation: MediaOperation, host: Option<usize>, fault: MediaFault, count: usize) {
        let planned = PlannedFault { operation, host, fault };
        let faults = &mut self.world.media.state.lock().faults;
        faults.extend(std::iter::repeat_n(planned, count.min(MOST_FAULTS)));
    }

    /// Lets nothing go wrong with them after all.
    pub fn clear_media_faults(&self) {
        self.world.media.state.lock().faults.clear();
    }

    /// What is still to go wrong, in order.
    pub fn media_faults(&self) -> Vec<PlannedFault> {
        self.world.media.state.lock().faults.iter().copied().collect()
    }

    /// Takes back every token for uploads that was given out: whoever has one gets 401 until it asks again.
    pub fn expire_media_auth(&self) {
        self.world.media.state.lock().revoke_all();
    }

    /// Lets the hosts lose every file, as they do after two or three weeks: they answer `status`, 404 or 410. The phones
    /// still have them.
    pub fn expire_files(&self, status: u16) {
        self.world.media.state.lock().store.expire_all(status);
    }

    /// The same with one file. `false` when there is none at the path.
    pub fn expire_file(&self, direct_path: &str, status: u16) -> bool {
        self.world.media.state.lock().store.expire(direct_path, status)
    }
}
