//! Waypost from outside: one binary, one file per subject.
//!
//! Built with the `sandbox` feature it drives the real server against the simulator. Built without it, it proves that
//! a normal build refuses the simulator.

#[cfg(feature = "sandbox")]
mod answers;
mod boundaries;
#[cfg(feature = "sandbox")]
mod browsers;
mod certificate;
#[cfg(feature = "sandbox")]
mod commands;
#[cfg(feature = "sandbox")]
mod connections;
#[cfg(feature = "sandbox")]
mod contents;
#[cfg(feature = "sandbox")]
mod control;
#[cfg(feature = "sandbox")]
mod crash;
mod device_store;
#[cfg(feature = "sandbox")]
mod doubt;
#[cfg(feature = "sandbox")]
mod fairness;
#[cfg(feature = "sandbox")]
mod faults;
#[cfg(feature = "sandbox")]
mod files;
#[cfg(feature = "sandbox")]
mod foreign;
#[cfg(feature = "sandbox")]
mod gone;
#[cfg(feature = "sandbox")]
mod graphql;
#[cfg(feature = "sandbox")]
mod graphql_limits;
#[cfg(feature = "sandbox")]
mod headers;
#[cfg(feature = "sandbox")]
mod journal;
#[cfg(feature = "sandbox")]
mod journal_ways;
#[cfg(feature = "sandbox")]
mod kept_connections;
#[cfg(feature = "sandbox")]
mod keys;
#[cfg(feature = "sandbox")]
mod lanes;
#[cfg(feature = "sandbox")]
mod life;
#[cfg(feature = "sandbox")]
mod live;
#[cfg(feature = "sandbox")]
mod long_lists;
#[cfg(feature = "sandbox")]
mod losses;
#[cfg(feature = "sandbox")]
mod matrix;
#[cfg(feature = "sandbox")]
mod operations;
#[cfg(feature = "sandbox")]
mod order;
#[cfg(feature = "sandbox")]
mod owed;
#[cfg(feature = "sandbox")]
mod page;
#[cfg(feature = "sandbox")]
mod pairing;
#[cfg(feature = "sandbox")]
mod pairing_links;
#[cfg(feature = "sandbox")]
mod patience;
#[cfg(feature = "sandbox")]
mod pictures;
#[cfg(feature = "sandbox")]
mod presence;
#[cfg(feature = "sandbox")]
mod refusals;
#[cfg(feature = "sandbox")]
mod removal;
#[cfg(feature = "sandbox")]
mod replay;
#[cfg(feature = "sandbox")]
mod requests;
#[cfg(feature = "sandbox")]
mod restart;
#[cfg(feature = "sandbox")]
mod secrets;
#[cfg(feature = "sandbox")]
mod sessions;
#[cfg(feature = "sandbox")]
mod shutdown;
#[cfg(feature = "sandbox")]
mod sockets;
#[cfg(feature = "sandbox")]
mod start;
#[cfg(feature = "sandbox")]
mod storage;
mod support;
mod tables;
#[cfg(feature = "sandbox")]
mod telemetry;
#[cfg(feature = "sandbox")]
mod unwritable;
mod values;
#[cfg(feature = "sandbox")]
mod vocabulary;
#[cfg(feature = "sandbox")]
mod votes;
#[cfg(feature = "sandbox")]
mod weather;
#[cfg(feature = "sandbox")]
mod webhook_all;
#[cfg(feature = "sandbox")]
mod webhook_changes;
#[cfg(feature = "sandbox")]
mod webhook_powers;
#[cfg(feature = "sandbox")]
mod webhook_ways;
#[cfg(feature = "sandbox")]
mod webhooks;
