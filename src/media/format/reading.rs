//! Reading as much as there is.

use std::io::{ErrorKind, Read};

use crate::media::format::refusal::Refusal;

/// Reads until the buffer is full or there is no more. How many bytes were read.
///
/// # Errors
/// The disk does not give them.
pub fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> Result<usize, Refusal> {
    let mut count = 0;
    while count < buffer.len() {
        match reader.read(&mut buffer[count..]) {
            Ok(0) => break,
            Ok(more) => count += more,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(Refusal::Disk(error)),
        }
    }
    Ok(count)
}
