//! Operations under the paths and the names of the contract: for clients that were written for it. Each is a row of the table of
//! operations under another path, and makes the same call; here its words are only translated.

pub mod body;
pub mod kind;
pub mod media;
pub mod reply;
pub mod rest;

mod around;
mod examples;
