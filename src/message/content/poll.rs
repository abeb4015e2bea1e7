//! Polls.

use async_graphql::InputObject;
use poem_openapi::Object;
use serde::Serialize;

/// A poll.
#[derive(Clone, PartialEq, Eq, Object, InputObject, Serialize)]
#[oai(example, skip_serializing_if_is_none)]
#[graphql(name = "PollContentInput")]
pub struct PollContent {
    /// What it asks, 1 to 255 characters.
    pub question: String,
    /// What can be chosen: 2 to 12 different options of 1 to 100 characters.
    pub options: Vec<String>,
    /// How many options each person may choose; 0 is any number. 1 when absent.
    pub max_choices: Option<u32>,
}
