//! What happens on the sessions: the journal that it is written to, and the ways to read it.

pub mod bus;
pub mod journal;
pub mod store;
