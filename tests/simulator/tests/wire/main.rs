//! The unmodified client against the simulator: it must not be able to tell, and nothing it says may be unknown.

#![allow(clippy::disallowed_methods)]
// Some futures of the client nest very deeply.
#![recursion_limit = "256"]

mod companion;
mod control;
mod faults;
mod messages;
mod pairing;
mod queries;
mod strict;
