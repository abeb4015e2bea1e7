//! What the tests stand on.

#[cfg(feature = "sandbox")]
pub(crate) mod browser;
pub(crate) mod database;
#[cfg(feature = "sandbox")]
pub(crate) mod door;
#[cfg(feature = "sandbox")]
pub(crate) mod events;
#[cfg(feature = "sandbox")]
pub(crate) mod graph;
#[cfg(feature = "sandbox")]
pub(crate) mod journal;
#[cfg(feature = "sandbox")]
pub(crate) mod looks;
#[cfg(feature = "sandbox")]
pub(crate) mod receiver;
#[cfg(feature = "sandbox")]
pub(crate) mod server;
#[cfg(feature = "sandbox")]
pub(crate) mod small_disk;
#[cfg(feature = "sandbox")]
pub(crate) mod tables;
#[cfg(feature = "sandbox")]
pub(crate) mod webhook;
#[cfg(feature = "sandbox")]
pub(crate) mod world;
