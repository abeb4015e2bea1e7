//! Who is asking and what they may do; not how they proved it.

use crate::error::{Error, ErrorKind, Result};

/// Something that a key may be allowed to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Look at sessions, their state and their device.
    SessionsRead,
    /// Create, change, connect, disconnect, log out and delete sessions.
    SessionsWrite,
    /// See QR codes and ask for pair codes.
    SessionsPair,
    /// Read what is measured about the server.
    MetricsRead,
}

/// Who is asking. Made by a door from the key that came with the request.
#[derive(Clone, Debug)]
pub struct Caller(());

impl Caller {
    /// The holder of the admin token, who may do everything.
    pub fn admin() -> Self {
        Self(())
    }

    /// Refuses unless this caller may do it.
    ///
    /// # Errors
    /// `Forbidden`.
    pub fn require(&self, scope: Scope) -> Result<()> {
        match self {
            Self(()) if self.allows(scope) => Ok(()),
            Self(()) => Err(Error::new(ErrorKind::Forbidden, "this key does not allow the operation")),
        }
    }

    /// The admin token is the only key there is, and it allows everything.
    fn allows(&self, scope: Scope) -> bool {
        match scope {
            Scope::SessionsRead | Scope::SessionsWrite | Scope::SessionsPair | Scope::MetricsRead => true,
        }
    }
}
