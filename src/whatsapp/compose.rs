//! The protobufs of what this server sends. All of them are made here, whole, before they are sent: the library adds nothing that
//! would be another one when the same message is sent again. One file for each family of contents; what they share is in `parts`.

mod action;
mod album;
mod chat;
mod contact;
mod event;
mod forward;
mod location;
mod media;
mod parts;
mod poll;
mod reworded;
mod text;

pub mod reading;

pub use action::{edit, reaction, revoke};
pub use album::{album, album_size, in_album};
pub use chat::{keep, pin, timer};
pub use contact::{Contact, contacts};
pub use event::{Event, attendance, event};
pub use forward::{Unforwardable, forward, forwardable};
pub use location::{Location, location};
pub use media::{FileAddress, FileContent, ShownAs, filled, media, moved};
pub use parts::{Context, Quote, SECRET_BYTES, Sealing, Target};
pub use poll::{Poll, option_sha256, poll, vote};
pub use reworded::reworded;
pub use text::{Preview, Text, text};
