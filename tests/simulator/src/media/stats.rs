//! What the media hosts have seen.

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;

use crate::media::fault::{MediaFault, MediaOperation};
use crate::simulator::Simulator;

/// Requests that are remembered one by one; the oldest go first.
const KEPT_REQUESTS: usize = 1000;

/// Counters of the media hosts since the simulator was started.
#[derive(Clone, Debug, Default, Serialize)]
pub struct MediaStats {
    /// Answers to `media_conn`.
    pub connections_told: u64,
    /// Files that were stored; those that were stored before are not counted again.
    pub stored: u64,
    /// Requests by what they are.
    pub requests: BTreeMap<MediaOperation, u64>,
    /// Answers by status.
    pub statuses: BTreeMap<u16, u64>,
    /// Bytes of bodies of uploads.
    pub received_bytes: u64,
    /// Bytes of bodies of downloads that were promised, whether they arrived or not.
    pub sent_bytes: u64,
    /// The last 1000 requests, oldest first.
    pub log: VecDeque<MediaRequest>,
}

/// A request to a media host.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct MediaRequest {
    /// What it is.
    pub operation: MediaOperation,
    /// The host, counted from 0.
    pub host: usize,
    /// The answer's status; none when there was no answer.
    pub status: Option<u16>,
    /// The hash of the encrypted file, as the URL spells it; empty when the file is not known.
    pub token: String,
    /// The first byte of the file that the body has.
    pub offset: u64,
    /// Bytes of the body: received, or promised.
    pub bytes: u64,
    /// What went wrong with it on purpose.
    pub fault: MediaFault,
}

impl MediaStats {
    pub(crate) fn note(&mut self, request: MediaRequest) {
        *self.requests.entry(request.operation).or_default() += 1;
        if let Some(status) = request.status {
            *self.statuses.entry(status).or_default() += 1;
        }
        match request.operation {
            MediaOperation::Upload => self.received_bytes += request.bytes,
            MediaOperation::Download => self.sent_bytes += request.bytes,
            MediaOperation::ResumeCheck => {}
        }
        self.log.push_back(request);
        if self.log.len() > KEPT_REQUESTS {
            self.log.pop_front();
        }
    }
}

impl Simulator {
    /// What the media hosts have seen.
    pub fn media_stats(&self) -> MediaStats {
        self.world.media.state.lock().stats.clone()
    }
}
