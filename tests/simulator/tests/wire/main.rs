//! The unmodified client against the simulator: it must not be able to tell, and nothing it says may be unknown.

#![allow(clippy::disallowed_methods)]
// Some futures of the client nest very deeply.
#![recursion_limit = "256"]

mod acknowledgement;
mod companion;
mod contents;
mod control;
mod delivery;
mod faults;
mod group_sends;
mod groups;
mod history;
mod kinds;
mod loopback;
mod media;
mod media_control;
mod media_hosts;
mod media_retry;
mod media_transfer;
mod messages;
mod pairing;
mod people;
mod queries;
mod receipts;
mod restrictions;
mod retries;
mod rules;
mod strict;
mod timers;
