//! Other names of operations in REST.

use crate::error::ErrorKind;

/// An operation under another path.
#[derive(Clone, Copy, Debug)]
pub struct Alias {
    /// Its `operationId`.
    rest: &'static str,
    /// Its `operationId` below `/sessions/{session_id}`, if it is there as well.
    below_session: Option<&'static str>,
    /// What can go wrong with it in particular. None: as the operation itself.
    failures: Option<&'static [ErrorKind]>,
}

/// A name of an operation in REST.
#[derive(Clone, Copy, Debug)]
pub struct RestName {
    /// The `operationId`.
    pub rest: &'static str,
    /// The `operationId` below `/sessions/{session_id}`, if it is there as well.
    pub below_session: Option<&'static str>,
    /// What can go wrong with it in particular.
    pub failures: &'static [ErrorKind],
    /// Whether it is an alias.
    pub is_alias: bool,
}

/// An alias of the operation in whose row it stands.
pub(super) const fn alias(rest: &'static str) -> Alias {
    Alias { rest, below_session: None, failures: None }
}

impl Alias {
    pub(super) const fn also_below_session(self, name: &'static str) -> Self {
        Self { below_session: Some(name), ..self }
    }

    pub(super) const fn failing(self, failures: &'static [ErrorKind]) -> Self {
        Self { failures: Some(failures), ..self }
    }

    /// Its name, for an operation that fails in these ways.
    pub(super) fn name(&self, failures: &'static [ErrorKind]) -> RestName {
        let Self { rest, below_session, failures: own } = *self;
        RestName { rest, below_session, failures: own.unwrap_or(failures), is_alias: true }
    }
}
