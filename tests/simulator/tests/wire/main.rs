//! The unmodified client against the simulator: it must not be able to tell, and nothing it says may be unknown.

#![allow(clippy::disallowed_methods)]

mod companion;
mod faults;
mod messages;
mod pairing;
