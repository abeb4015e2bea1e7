//! What is done to messages, through both doors.

pub mod graphql;
pub mod rest;

mod examples;
