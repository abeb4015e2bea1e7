//! Contacts: one message for one of them, another one for several.

use waproto::buffa::MessageField;
use waproto::whatsapp as wa;
use waproto::whatsapp::message::{ContactMessage, ContactsArrayMessage};

use crate::whatsapp::compose::parts::{Context, written};

/// A contact that is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// The name that it is shown with.
    pub name: String,
    /// The whole card, as vCard text.
    pub vcard: String,
}

/// The protobuf of contacts.
pub fn contacts(contacts: &[Contact], context: &Context) -> Vec<u8> {
    let message = match contacts {
        [one] => {
            let content = ContactMessage { context_info: context.info(), ..card(one) };
            wa::Message { contact_message: MessageField::some(content), ..Default::default() }
        }
        several => {
            let content = ContactsArrayMessage {
                display_name: several.first().map(|first| first.name.clone()),
                contacts: several.iter().map(card).collect(),
                context_info: context.info(),
            };
            wa::Message { contacts_array_message: MessageField::some(content), ..Default::default() }
        }
    };
    written(message, context.secret)
}

fn card(contact: &Contact) -> ContactMessage {
    ContactMessage {
        display_name: Some(contact.name.clone()),
        vcard: Some(contact.vcard.clone()),
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use waproto::codec::message_decode;

    use super::*;

    #[test]
    fn one_contact_and_several_are_messages_of_their_own() {
        let contact = |name: &str| Contact { name: name.to_owned(), vcard: format!("BEGIN:VCARD {name}") };
        let context = Context { expiration: Some(604_800), ..Context::default() };
        let one = message_decode(&contacts(&[contact("Ada")], &context)).expect("it is a message");
        assert_eq!(one.contact_message.display_name.as_deref(), Some("Ada"));
        assert_eq!(one.contact_message.vcard.as_deref(), Some("BEGIN:VCARD Ada"));
        assert_eq!(one.contact_message.context_info.expiration, Some(604_800));
        assert!(!one.contacts_array_message.is_set());
        let two = contacts(&[contact("Ada"), contact("Bob")], &context);
        let two = message_decode(&two).expect("it is a message").contacts_array_message;
        assert_eq!((two.display_name.as_deref(), two.context_info.expiration), (Some("Ada"), Some(604_800)));
        let names: Vec<_> = two.contacts.iter().map(|card| card.display_name.as_deref()).collect();
        assert_eq!(names, [Some("Ada"), Some("Bob")]);
        assert!(two.contacts.iter().all(|card| !card.context_info.is_set()));
    }
}
