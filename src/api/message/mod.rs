//! Messages through both doors.

pub mod graphql;
pub mod location;
pub mod rest;
pub mod sent;

mod examples;
