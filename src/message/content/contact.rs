//! Contacts.

use async_graphql::InputObject;
use poem_openapi::Object;
use serde::Serialize;

/// Contacts.
#[derive(Clone, PartialEq, Eq, Object, InputObject, Serialize)]
#[oai(example)]
#[graphql(name = "ContactContentInput")]
pub struct ContactContent {
    /// Who they are, 1 to 100.
    pub contacts: Vec<NewContact>,
}

/// A contact: a name and phone numbers, or a name and a card that you wrote.
#[derive(Clone, PartialEq, Eq, Object, InputObject, Serialize)]
#[oai(example, skip_serializing_if_is_none)]
#[graphql(name = "NewContactInput")]
pub struct NewContact {
    /// The name that it is shown with, at most 256 characters.
    pub name: String,
    /// Its phone numbers, 1 to 20. Needed unless there is a `vcard`.
    pub phones: Option<Vec<NewPhone>>,
    /// Where they work, at most 256 characters.
    pub organization: Option<String>,
    /// The whole card, as vCard text of at most 64 KiB, sent as it is. Then there are no `phones` and no `organization`. A number can be
    /// tapped if its line says who it is on WhatsApp: `TEL;waid=15550100077:+1 555 010-0077`.
    pub vcard: Option<String>,
}

/// A phone number of a contact.
#[derive(Clone, PartialEq, Eq, Object, InputObject, Serialize)]
#[oai(example, skip_serializing_if_is_none)]
#[graphql(name = "NewPhoneInput")]
pub struct NewPhone {
    /// The number with its country code, in any usual spelling.
    pub number: String,
    /// What kind of number it is, in vCard's words: `CELL`, `WORK`, `HOME`; 1 to 20 letters, digits and hyphens. `CELL` when absent.
    #[oai(rename = "type")]
    #[graphql(name = "type")]
    #[serde(rename = "type")]
    pub phone_type: Option<String>,
}
