//! The files of messages, fetched from WhatsApp.

pub mod file_types;

pub(super) mod eager_files;
pub(super) mod fetch_failure;
pub(super) mod fetches;
pub(super) mod opening;
