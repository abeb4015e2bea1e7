//! Keys and stream tickets through both doors.

pub mod graphql;
pub mod rest;

mod examples;
