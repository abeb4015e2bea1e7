//! Waypost from outside: one binary, one file per subject.

mod device_store;
mod support;
