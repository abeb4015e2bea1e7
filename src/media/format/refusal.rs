//! Why a file cannot be sent as what it was given for.

use std::io;

/// Why a file cannot be sent as what it was given for. The sentences are for the client, behind the name of its field.
#[derive(Debug)]
pub enum Refusal {
    /// It is of another format, broken, or has what phones do not take.
    Unsupported(String),
    /// It is larger than it may be.
    TooLarge(String),
    /// The file could not be read or written here.
    Disk(io::Error),
}

impl Refusal {
    /// It is of another format, broken, or has what phones do not take.
    pub fn unsupported(rule: impl Into<String>) -> Self {
        Self::Unsupported(rule.into())
    }

    /// It ends before its end.
    pub fn cut_off() -> Self {
        Self::unsupported("must be a whole file: it ends in the middle")
    }
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            // Of a file on a disk: it has fewer bytes than it says.
            io::ErrorKind::UnexpectedEof => Self::cut_off(),
            _ => Self::Disk(error),
        }
    }
}
