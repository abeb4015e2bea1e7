//! Why the file of a message is not here, as whoever asked for it is told.

use std::time::Duration;

use crate::error::{Error, ErrorKind};
use crate::whatsapp::operation::media::NotTransferred;

/// When it is worth to ask again for what broke off.
const ASK_AGAIN: Duration = Duration::from_secs(5);

/// Why the file of a message is not here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::message) enum FetchFailure {
    /// The session is not logged in.
    Offline,
    /// The connection ended, or the servers did not go on.
    Interrupted,
    /// WhatsApp does not have it any more, and the phone does not either.
    Gone,
    /// WhatsApp does not have it any more, and the phone did not answer.
    NoAnswer,
    /// What came is not what the message said.
    Corrupt,
    /// It could not be kept here.
    NotKept,
    /// The server stops.
    Stopping,
    /// Too many are being fetched.
    Crowded,
}

impl FetchFailure {
    /// Whether the same would come of another try.
    pub(in crate::message) fn is_final(self) -> bool {
        matches!(self, Self::Gone | Self::Corrupt)
    }
}

impl From<NotTransferred> for FetchFailure {
    fn from(why: NotTransferred) -> Self {
        match why {
            NotTransferred::Gone => Self::Gone,
            NotTransferred::Corrupt => Self::Corrupt,
            NotTransferred::Local => Self::NotKept,
            NotTransferred::Interrupted | NotTransferred::Refused => Self::Interrupted,
        }
    }
}

impl From<FetchFailure> for Error {
    fn from(failure: FetchFailure) -> Self {
        match failure {
            FetchFailure::Offline => {
                let detail = "the file was not fetched before, and the session is not logged in";
                Self::new(ErrorKind::SessionNotConnected, detail)
            }
            FetchFailure::Interrupted => {
                let detail = "the connection to WhatsApp or to its media servers ended before the file was here";
                Self::new(ErrorKind::Upstream, detail).retry_in(ASK_AGAIN)
            }
            FetchFailure::Gone => {
                Self::new(ErrorKind::MediaGone, "neither WhatsApp nor the phone has the file any more")
            }
            FetchFailure::NoAnswer => {
                let detail =
                    "WhatsApp does not have the file any more, and the phone, which may have it, did not answer";
                Self::new(ErrorKind::UpstreamTimeout, detail)
            }
            FetchFailure::Corrupt => {
                Self::new(ErrorKind::Upstream, "what WhatsApp has is not the file that the message names")
            }
            FetchFailure::NotKept => {
                Self::new(ErrorKind::Unavailable, "the file could not be kept here").retry_in(ASK_AGAIN)
            }
            FetchFailure::Stopping => Self::new(ErrorKind::ShuttingDown, "the server is shutting down"),
            FetchFailure::Crowded => {
                Self::new(ErrorKind::Unavailable, "too many files are being fetched").retry_in(ASK_AGAIN)
            }
        }
    }
}
