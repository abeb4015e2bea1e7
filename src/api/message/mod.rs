//! Messages through both doors.

pub mod graphql;
pub mod rest;
pub mod sent;

mod examples;
