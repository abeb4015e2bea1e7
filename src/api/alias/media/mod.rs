//! Messages with files under the paths and the names of the contract.

pub mod body;
pub mod rest;
