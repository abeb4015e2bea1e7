//! The tables of Waypost, one file each, and the closed sets of words and ids that the whole project shares.
//!
//! No queries and no logic: those live in the `store.rs` of each subject.

pub mod ids;
pub mod session;
pub mod timestamp;
pub mod webhook;
pub mod words;
