//! Lines for whoever started the program. The only writer to its output, beside the log.
//!
//! An output that takes nothing (a full disk, a pipe whose reader has gone) must not end a server that works.

use std::fmt::Display;
use std::io::{self, Write};

/// Writes a line to the output.
pub fn say(line: impl Display) {
    let _ = writeln!(io::stdout().lock(), "{line}"); // See above.
}

/// Writes a line to where errors go.
pub fn complain(line: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{line}"); // See above.
}
