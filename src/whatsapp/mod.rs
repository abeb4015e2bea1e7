//! The WhatsApp library. Nobody outside this folder names it.

pub mod device_store;
