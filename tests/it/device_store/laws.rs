//! Each law of the library's storage, on the reference and on both databases.

use std::ops::RangeInclusive;

use bytes::Bytes;

use super::{On, Stage};

mod app_sync;
mod device;
mod messages;
mod protocol;
mod signal;

/// Pre-keys with these ids, about as long as real ones.
fn pre_keys(ids: RangeInclusive<u32>) -> Vec<(u32, Bytes)> {
    ids.map(|id| (id, Bytes::from(vec![u8::try_from(id % 251).unwrap(); 74]))).collect()
}
