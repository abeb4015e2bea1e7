//! Webhooks and their deliveries through both doors.

pub mod below_session;
pub mod dead_letters;
pub mod graphql;
pub mod rest;

mod examples;
