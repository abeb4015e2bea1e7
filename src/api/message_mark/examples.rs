//! What the document shows of what is done with messages. Values, so that a new field breaks the build here.

use poem_openapi::types::Example;

use crate::message::action::action_types::{NewForward, NewPin, StarredMessage};
use crate::message::content::contact::{ContactContent, NewContact, NewPhone};
use crate::message::content::location::LocationContent;

impl Example for LocationContent {
    fn example() -> Self {
        let (name, address) = (Some("Harbour".to_owned()), Some("Pier 4".to_owned()));
        Self { latitude: 38.7223, longitude: -9.1393, name, address }
    }
}

impl Example for NewPhone {
    fn example() -> Self {
        Self { number: "+1 555 010-0078".to_owned(), phone_type: Some("WORK".to_owned()) }
    }
}

impl Example for NewContact {
    fn example() -> Self {
        Self {
            name: "Ada".to_owned(),
            phones: Some(vec![NewPhone::example()]),
            organization: Some("Tea Ltd".to_owned()),
            vcard: None,
        }
    }
}

impl Example for ContactContent {
    fn example() -> Self {
        Self { contacts: vec![NewContact::example()] }
    }
}

impl Example for NewForward {
    fn example() -> Self {
        Self { to: "+1 555 010-0078".to_owned(), chat: None, sender: None }
    }
}

impl Example for NewPin {
    fn example() -> Self {
        Self { days: Some(7), chat: None, sender: None }
    }
}

impl Example for StarredMessage {
    fn example() -> Self {
        Self {
            message_id: "3EB0C431C26A1916E07E5B".to_owned(),
            chat: "15550100077@s.whatsapp.net".to_owned(),
            is_starred: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::reply::is_written_as_documented;

    #[test]
    fn every_answer_is_written_as_the_document_says() {
        is_written_as_documented::<StarredMessage>();
    }
}
