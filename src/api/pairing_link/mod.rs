//! Pairing links through both doors, and the page to which they lead.

pub mod graphql;
pub mod page;
pub mod rest;

mod examples;
