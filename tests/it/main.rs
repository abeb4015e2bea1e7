//! Waypost from outside: one binary, one file per subject.
//!
//! Built with the `sandbox` feature it drives the real server against the simulator. Built without it, it proves that
//! a normal build refuses the simulator.

#[cfg(feature = "sandbox")]
mod aliases;
#[cfg(feature = "sandbox")]
mod authentication;
#[cfg(feature = "sandbox")]
mod bad_requests;
#[cfg(feature = "sandbox")]
mod bad_sockets;
#[cfg(feature = "sandbox")]
mod blocked_workers;
mod boundaries;
mod certificate;
#[cfg(feature = "sandbox")]
mod chats;
#[cfg(feature = "sandbox")]
mod commands;
#[cfg(feature = "sandbox")]
mod connection_limits;
#[cfg(feature = "sandbox")]
mod crash;
#[cfg(feature = "sandbox")]
mod cross_origin;
#[cfg(feature = "sandbox")]
mod dead_letters;
#[cfg(feature = "sandbox")]
mod deleted_session;
mod device_store;
#[cfg(feature = "sandbox")]
mod disappearing;
#[cfg(feature = "sandbox")]
mod event_order;
#[cfg(feature = "sandbox")]
mod event_types;
#[cfg(feature = "sandbox")]
mod fairness;
#[cfg(feature = "sandbox")]
mod graphql;
#[cfg(feature = "sandbox")]
mod graphql_limits;
#[cfg(feature = "sandbox")]
mod groups_out;
#[cfg(feature = "sandbox")]
mod headers;
#[cfg(feature = "sandbox")]
mod journal;
#[cfg(feature = "sandbox")]
mod journal_doors;
mod journal_values;
#[cfg(feature = "sandbox")]
mod kept_connections;
#[cfg(feature = "sandbox")]
mod key_text;
#[cfg(feature = "sandbox")]
mod keys;
#[cfg(feature = "sandbox")]
mod kinds;
#[cfg(feature = "sandbox")]
mod lanes;
#[cfg(feature = "sandbox")]
mod limits;
#[cfg(feature = "sandbox")]
mod link_previews;
#[cfg(feature = "sandbox")]
mod long_lists;
#[cfg(feature = "sandbox")]
mod long_time;
#[cfg(feature = "sandbox")]
mod lookups;
#[cfg(feature = "sandbox")]
mod matrix;
#[cfg(feature = "sandbox")]
mod media;
#[cfg(feature = "sandbox")]
mod media_in;
#[cfg(feature = "sandbox")]
mod media_out;
#[cfg(feature = "sandbox")]
mod mentions;
#[cfg(feature = "sandbox")]
mod message_actions;
#[cfg(feature = "sandbox")]
mod message_files;
#[cfg(feature = "sandbox")]
mod message_lists;
#[cfg(feature = "sandbox")]
mod message_loss;
#[cfg(feature = "sandbox")]
mod message_receipts;
mod migrations;
#[cfg(feature = "sandbox")]
mod operations;
#[cfg(feature = "sandbox")]
mod owed_deliveries;
#[cfg(feature = "sandbox")]
mod pairing;
#[cfg(feature = "sandbox")]
mod pairing_links;
#[cfg(feature = "sandbox")]
mod pairing_page;
#[cfg(feature = "sandbox")]
mod presence;
#[cfg(feature = "sandbox")]
mod proxies;
#[cfg(feature = "sandbox")]
mod qr_pictures;
#[cfg(feature = "sandbox")]
mod reconnect;
#[cfg(feature = "sandbox")]
mod refusals;
#[cfg(feature = "sandbox")]
mod refused_messages;
#[cfg(feature = "sandbox")]
mod replay;
#[cfg(feature = "sandbox")]
mod restart;
#[cfg(feature = "sandbox")]
mod restrictions;
#[cfg(feature = "sandbox")]
mod secrets;
#[cfg(feature = "sandbox")]
mod sending;
#[cfg(feature = "sandbox")]
mod session_deletion;
#[cfg(feature = "sandbox")]
mod session_life;
#[cfg(feature = "sandbox")]
mod session_search;
#[cfg(feature = "sandbox")]
mod session_stream;
#[cfg(feature = "sandbox")]
mod sessions;
#[cfg(feature = "sandbox")]
mod shutdown;
#[cfg(feature = "sandbox")]
mod start;
#[cfg(feature = "sandbox")]
mod storage_failure;
mod support;
#[cfg(feature = "sandbox")]
mod telemetry;
#[cfg(feature = "sandbox")]
mod uncertain_commit;
#[cfg(feature = "sandbox")]
mod unusual_messages;
#[cfg(feature = "sandbox")]
mod unwritable;
#[cfg(feature = "sandbox")]
mod votes;
#[cfg(feature = "sandbox")]
mod webhook_all;
#[cfg(feature = "sandbox")]
mod webhook_authority;
#[cfg(feature = "sandbox")]
mod webhook_changes;
#[cfg(feature = "sandbox")]
mod webhook_doors;
#[cfg(feature = "sandbox")]
mod webhooks;
#[cfg(feature = "sandbox")]
mod whatsapp_faults;
