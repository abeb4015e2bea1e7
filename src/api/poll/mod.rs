//! Polls and events, and what people answer to them, through both doors.

pub mod graphql;
pub mod rest;

mod examples;
