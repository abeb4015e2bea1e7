//! A SQLite file: its connections, what runs batches on it, and waiting for its disk.

pub(super) mod batch_runner;
mod checkpoints;
pub(super) mod connection;
pub(super) mod disk;
