//! Messages through both doors.

pub mod file;
pub mod graphql;
pub mod location;
pub mod rest;
pub mod sent;

mod examples;
mod file_name;
mod file_range;
mod media_examples;
