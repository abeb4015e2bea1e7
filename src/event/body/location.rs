//! Where something is.

use async_graphql::SimpleObject;
use poem_openapi::Object;
use serde::{Deserialize, Serialize};

/// A place.
#[derive(Clone, PartialEq, Object, SimpleObject, Serialize, Deserialize)]
pub struct MessageLocation {
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
    /// Its name.
    pub name: Option<String>,
    /// Its address.
    pub address: Option<String>,
    /// Whether the sender shares where they are as they move.
    pub is_live: bool,
}
