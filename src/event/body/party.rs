//! Who takes part in what happens.

use async_graphql::SimpleObject;
use poem_openapi::Object;
use serde::{Deserialize, Serialize};

/// Somebody on WhatsApp, by every name that is known.
#[derive(Clone, PartialEq, Eq, Object, SimpleObject, Serialize, Deserialize)]
pub struct Party {
    /// The JID as it came, without a device: `15550100001@s.whatsapp.net` or `100000000000001@lid`.
    pub id: String,
    /// The LID, `100000000000001@lid`. Null when it is not known.
    pub lid: Option<String>,
    /// Phone number, digits only. Null when it is not known.
    pub phone_number: Option<String>,
    /// The name that they show to others. Null when it is not known.
    pub push_name: Option<String>,
}
