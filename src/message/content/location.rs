//! Places.

use async_graphql::InputObject;
use poem_openapi::Object;
use serde::Serialize;

/// A place.
#[derive(Clone, Debug, PartialEq, Object, InputObject, Serialize)]
#[oai(example, skip_serializing_if_is_none)]
#[graphql(name = "LocationContentInput")]
pub struct LocationContent {
    /// Degrees north, from -90 to 90.
    pub latitude: f64,
    /// Degrees east, from -180 to 180.
    pub longitude: f64,
    /// Its name, at most 1,000 characters.
    pub name: Option<String>,
    /// Its address, at most 1,000 characters.
    pub address: Option<String>,
}
