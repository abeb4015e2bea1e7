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

impl Scope {
    /// Every scope, in order.
    pub const ALL: &[Self] = &[Self::SessionsRead, Self::SessionsWrite, Self::SessionsPair, Self::MetricsRead];

    /// The word as it is written everywhere.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SessionsRead => "sessions:read",
            Self::SessionsWrite => "sessions:write",
            Self::SessionsPair => "sessions:pair",
            Self::MetricsRead => "metrics:read",
        }
    }
}

impl Caller {
    /// What this caller may do.
    pub fn scopes(&self) -> impl Iterator<Item = Scope> + '_ {
        Scope::ALL.iter().copied().filter(|scope| self.allows(*scope))
    }

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
    pub fn allows(&self, scope: Scope) -> bool {
        match scope {
            Scope::SessionsRead | Scope::SessionsWrite | Scope::SessionsPair | Scope::MetricsRead => true,
        }
    }
}
