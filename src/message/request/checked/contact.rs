//! Checks contacts, and writes their cards.

use crate::account::PhoneNumber;
use crate::error::{Error, Result};
use crate::message::content::contact::{ContactContent, NewContact, NewPhone};
use crate::message::rules::{CONTACT_NAME_MAX, CONTACTS_MAX, PHONE_TYPE_MAX, PHONES_MAX, label};
use crate::message::vcard::{self, CardPhone};
use crate::whatsapp::compose::Contact;

/// Bytes of all cards of one message, at most: so many are kept of a message, to be forwarded.
const CARDS_MAX: usize = 200 * 1024;

/// Contacts that can be sent.
///
/// # Errors
/// `Invalid`.
pub(in crate::message) fn contacts(content: ContactContent) -> Result<Vec<Contact>> {
    let ContactContent { contacts } = content;
    if !(1..=CONTACTS_MAX).contains(&contacts.len()) {
        return Err(Error::invalid("content.contacts", format!("must have 1 to {CONTACTS_MAX} contacts")));
    }
    let contacts: Vec<_> = contacts.into_iter().map(contact).collect::<Result<_>>()?;
    if contacts.iter().map(|contact| contact.vcard.len()).sum::<usize>() > CARDS_MAX {
        let rule = format!("must have cards of at most {CARDS_MAX} bytes together");
        return Err(Error::invalid("content.contacts", rule));
    }
    Ok(contacts)
}

fn contact(new: NewContact) -> Result<Contact> {
    let NewContact { name, phones, organization, vcard } = new;
    let name = label("content.contacts.name", name, CONTACT_NAME_MAX)?;
    if let Some(vcard) = vcard {
        if phones.is_some() || organization.is_some() {
            let rule = "must not be there beside `phones` or `organization`";
            return Err(Error::invalid("content.contacts.vcard", rule));
        }
        return match vcard::fault(&vcard) {
            Some(rule) => Err(Error::invalid("content.contacts.vcard", rule)),
            None => Ok(Contact { name, vcard }),
        };
    }
    let phones = phones.unwrap_or_default();
    if !(1..=PHONES_MAX).contains(&phones.len()) {
        let rule = format!("must have 1 to {PHONES_MAX} numbers, unless there is a `vcard`");
        return Err(Error::invalid("content.contacts.phones", rule));
    }
    let phones: Vec<_> = phones.into_iter().map(phone).collect::<Result<_>>()?;
    let organization =
        organization.map(|text| label("content.contacts.organization", text, CONTACT_NAME_MAX)).transpose()?;
    let vcard = vcard::card(&name, &phones, organization.as_deref());
    Ok(Contact { name, vcard })
}

fn phone(new: NewPhone) -> Result<CardPhone> {
    let NewPhone { number, phone_type } = new;
    let number = PhoneNumber::parse("content.contacts.phones.number", &number)?;
    let kind = phone_type.unwrap_or_else(|| "CELL".to_owned());
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if !(1..=PHONE_TYPE_MAX).contains(&kind.len()) || !kind.bytes().all(is_token) {
        let rule = format!("must have 1 to {PHONE_TYPE_MAX} letters, digits and hyphens");
        return Err(Error::invalid("content.contacts.phones.type", rule));
    }
    Ok(CardPhone { digits: number.digits().to_owned(), kind })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ada() -> NewContact {
        let phone = NewPhone { number: "+1 555 010-0077".to_owned(), phone_type: None };
        NewContact { name: "Ada".to_owned(), phones: Some(vec![phone]), organization: None, vcard: None }
    }

    fn refusal(contact: NewContact) -> Option<String> {
        contacts(ContactContent { contacts: vec![contact] }).err().map(|error| error.to_string())
    }

    #[test]
    fn a_contact_has_numbers_or_a_card_of_the_clients() {
        let written = contacts(ContactContent { contacts: vec![ada()] }).expect("it keeps the rules");
        assert!(written[0].vcard.contains("TEL;type=CELL;waid=15550100077:+15550100077\r\n"));
        let card = "BEGIN:VCARD\nVERSION:3.0\nFN:Ada\nEND:VCARD";
        let given = NewContact { phones: None, vcard: Some(card.to_owned()), ..ada() };
        let taken = contacts(ContactContent { contacts: vec![given.clone()] }).expect("it keeps the rules");
        assert_eq!(taken, [Contact { name: "Ada".to_owned(), vcard: card.to_owned() }]);
        let both = NewContact { vcard: Some(card.to_owned()), ..ada() };
        let rule = "`content.contacts.vcard` must not be there beside `phones` or `organization`";
        assert_eq!(refusal(both).as_deref(), Some(rule));
        let none = NewContact { vcard: Some("x".to_owned()), ..given };
        let rule = "`content.contacts.vcard` must begin with `BEGIN:VCARD` and end with `END:VCARD`";
        assert_eq!(refusal(none).as_deref(), Some(rule));
    }

    #[test]
    fn what_breaks_a_rule_is_refused_with_its_field() {
        let rule = "`content.contacts.phones` must have 1 to 20 numbers, unless there is a `vcard`";
        for phones in [None, Some(Vec::new())] {
            assert_eq!(refusal(NewContact { phones, ..ada() }).as_deref(), Some(rule));
        }
        let phone = |number: &str, kind: &str| {
            let phone = NewPhone { number: number.to_owned(), phone_type: Some(kind.to_owned()) };
            refusal(NewContact { phones: Some(vec![phone]), ..ada() })
        };
        assert_eq!(phone("15550100077", "work"), None);
        assert!(phone("call me", "work").is_some_and(|rule| rule.starts_with("`content.contacts.phones.number` ")));
        let rule = "`content.contacts.phones.type` must have 1 to 20 letters, digits and hyphens";
        for kind in ["", "a;b", "a:b", &"x".repeat(21)] {
            assert_eq!(phone("15550100077", kind).as_deref(), Some(rule), "{kind}");
        }
        let rule = "`content.contacts` must have 1 to 100 contacts";
        for count in [0, 101] {
            let content = ContactContent { contacts: vec![ada(); count] };
            assert_eq!(contacts(content).err().map(|error| error.to_string()).as_deref(), Some(rule));
        }
    }
}
