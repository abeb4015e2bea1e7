//! What is asked of WhatsApp through a session's [`Client`](crate::whatsapp::client::Client), one file per family. An operation is a
//! function of that client and passes one of its ways to run, which keeps the number under way, the time limit and the end of the
//! connection. Its library's types and errors go no further than its file.
//!
//! An operation is dropped wherever it awaits, when its time is up or its connection ends. So it writes nothing of ours: whoever
//! asked for it does, and learns from [`Interrupted`](crate::whatsapp::client::Interrupted) whether WhatsApp may have heard of it.
//!
//! What is no operation, and why:
//! - A session's device, as the API shows it, is known here: WhatsApp is not asked, and it is shown offline, too.
//! - That nobody is there ([`presence`](crate::whatsapp)) answers what the library says by itself, at each login, before the session
//!   counts as logged in. Nobody waits for it.
//! - To end a socket, or to give up an outstanding pair code, asks WhatsApp nothing: it is the life of the connection, and so the
//!   actor's.

mod linked_device;
mod pair_code;
