//! Messages that are forwarded, pinned, kept and starred, through both doors.

pub mod graphql;
pub mod rest;

mod examples;
