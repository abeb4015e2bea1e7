//! Each fault and what the client makes of it.
