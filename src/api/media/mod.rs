//! Files that are handed in to be sent: their bytes over REST alone, all else through both doors.

pub mod graphql;
pub mod rest;

mod examples;
mod form;
mod upload;

/// The media type of bytes that say nothing of themselves. A path that takes it takes files, which may take their time.
pub(in crate::api) const BYTES: &str = "application/octet-stream";
