//! Sessions through both doors.

pub mod graphql;
pub mod live;
pub mod node;
pub mod pair_code;
pub mod qr;
pub mod rest;

mod examples;
