//! What the document shows of these paths. Values, so that a new field breaks the build here.

use poem_openapi::types::Example;

use crate::api::alias::kind::body::{
    ContactBody, ContactCard, ContactPhone, ForwardBody, LocationBody, PinBody, PollBody, VoteBody,
};

fn to() -> String {
    "+1 555 010-0077".to_owned()
}

fn message_id() -> String {
    "3EB0C431C26A1916E07E5B".to_owned()
}

impl Example for LocationBody {
    fn example() -> Self {
        Self {
            to: to(),
            latitude: 38.7223,
            longitude: -9.1393,
            name: Some("Harbour".to_owned()),
            address: None,
            reply_to: None,
            send_at: None,
        }
    }
}

impl Example for ContactPhone {
    fn example() -> Self {
        Self { number: "+1 555 010-0078".to_owned(), phone_type: Some("WORK".to_owned()) }
    }
}

impl Example for ContactCard {
    fn example() -> Self {
        Self { display_name: "Ada".to_owned(), phones: vec![ContactPhone::example()], organization: None }
    }
}

impl Example for ContactBody {
    fn example() -> Self {
        Self { to: to(), contact: Some(ContactCard::example()), contacts: None, reply_to: None, send_at: None }
    }
}

impl Example for PollBody {
    fn example() -> Self {
        Self {
            to: to(),
            name: "Which tea?".to_owned(),
            options: ["Black", "Green"].map(str::to_owned).to_vec(),
            selectable_count: Some(1),
            reply_to: None,
            send_at: None,
        }
    }
}

impl Example for VoteBody {
    fn example() -> Self {
        Self { to: to(), message_id: message_id(), options: vec!["Black".to_owned()] }
    }
}

impl Example for PinBody {
    fn example() -> Self {
        Self { chat: to(), message_id: message_id(), duration_seconds: 604_800 }
    }
}

impl Example for ForwardBody {
    fn example() -> Self {
        Self { to: "+1 555 010-0078".to_owned(), message_id: message_id() }
    }
}
