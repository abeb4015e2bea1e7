//! What is told in chats beside messages, and whether somebody is there, through both doors.

pub mod graphql;
pub mod rest;

mod examples;
