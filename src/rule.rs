//! Rules that values of several rooms keep. Each refusal names the field and the rule.

use crate::error::{Error, Result};

/// Longest name, characters.
pub const NAME_MAX: usize = 100;

/// A name: 1 to 100 printable characters.
///
/// # Errors
/// `Invalid`.
pub fn name(field: &str, text: &str) -> Result<String> {
    let name = text.trim();
    if name.is_empty() {
        return Err(Error::invalid(field, "must not be empty"));
    }
    if name.chars().count() > NAME_MAX {
        return Err(Error::invalid(field, format!("must have at most {NAME_MAX} characters")));
    }
    if name.chars().any(char::is_control) {
        return Err(Error::invalid(field, "must not have control characters"));
    }
    Ok(name.to_owned())
}
