//! Waypost: a server through which teams run many WhatsApp accounts.
#![doc = include_str!("ARCHITECTURE.md")]

pub mod command;
pub mod config;

pub mod app;

pub mod telemetry;

pub mod terminal;

pub mod control;

pub mod lifecycle;
pub mod message;

pub mod clock;

pub mod crash;

pub mod db;

pub mod error;

pub mod caller;

pub mod account;

pub mod token;

pub mod rule;

pub mod page;

pub mod egress;

pub mod media;

pub mod api;

pub mod key;

pub mod event;

pub mod session;

pub mod webhook;

pub mod pairing_link;

pub mod whatsapp;
