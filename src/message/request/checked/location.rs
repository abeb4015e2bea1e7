//! Checks places.

use crate::error::{Error, Result};
use crate::message::content::location::LocationContent;
use crate::message::rules::{LABEL_MAX, label};
use crate::whatsapp::compose::Location;

/// A place that can be sent. `field` is what it is called.
///
/// # Errors
/// `Invalid`.
pub(in crate::message) fn location(field: &str, content: LocationContent) -> Result<Location> {
    let LocationContent { latitude, longitude, name, address } = content;
    within(&format!("{field}.latitude"), latitude, 90.0)?;
    within(&format!("{field}.longitude"), longitude, 180.0)?;
    let checked = |what: &str, text: Option<String>| {
        text.map(|text| label(&format!("{field}.{what}"), text, LABEL_MAX)).transpose()
    };
    Ok(Location { latitude, longitude, name: checked("name", name)?, address: checked("address", address)? })
}

fn within(field: &str, degrees: f64, most: f64) -> Result<()> {
    // Also what is no number is not in it.
    if (-most..=most).contains(&degrees) {
        return Ok(());
    }
    Err(Error::invalid(field, format!("must be from -{most} to {most}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_on_the_globe() {
        let refusal = |latitude, longitude| {
            let content = LocationContent { latitude, longitude, name: None, address: None };
            location("content", content).err().map(|error| error.to_string())
        };
        for (latitude, longitude) in [(90.0, 180.0), (-90.0, -180.0), (0.0, 0.0)] {
            assert_eq!(refusal(latitude, longitude), None);
        }
        for latitude in [90.000_1, -91.0, f64::NAN, f64::INFINITY] {
            assert_eq!(refusal(latitude, 0.0).as_deref(), Some("`content.latitude` must be from -90 to 90"));
        }
        assert_eq!(refusal(0.0, 180.5).as_deref(), Some("`content.longitude` must be from -180 to 180"));
        let name = Some("x".repeat(1_001));
        let long = LocationContent { latitude: 0.0, longitude: 0.0, name, address: None };
        let refusal = location("content", long).expect_err("it is long").to_string();
        assert_eq!(refusal, "`content.name` must have 1 to 1000 characters, and none that only controls");
    }
}
