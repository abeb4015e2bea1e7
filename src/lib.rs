//! Waypost: a server through which teams run many WhatsApp accounts.
#![doc = include_str!("ARCHITECTURE.md")]

pub mod clock;
pub mod db;
pub mod error;
pub mod whatsapp;
