//! What is sent that has no file, and what is done with it, under the paths of the contract.

pub mod body;
pub mod rest;

mod examples;
