//! The protobufs of what this server sends. All of them are made here, whole, before they are sent: the library adds nothing that
//! would be another one when the same message is sent again. One file for each family of contents; what they share is in `parts`.

mod action;
mod media;
mod parts;
mod text;

pub mod reading;

pub use action::{edit, reaction, revoke};
pub use media::{FileAddress, FileContent, ShownAs, filled, media};
pub use parts::{Context, Quote, SECRET_BYTES, Target};
pub use text::{Preview, Text, text};
