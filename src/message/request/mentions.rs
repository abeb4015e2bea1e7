//! Whom a message mentions: those who are in the chat. Phones show a mention of anybody else as digits that lead nowhere.

use crate::account::Identity;
use crate::error::{Error, Result};
use crate::message::lookup::person::Person;

/// Who is in a chat of two.
pub(in crate::message) struct Chat<'a> {
    /// The account.
    pub(in crate::message) own: &'a Identity,
    /// The other one, as the client calls them.
    pub(in crate::message) to: &'a Person,
    /// All JIDs of the other one that are known. The first is the one under which messages reach them: where numbers have two
    /// spellings, it is not that of the number that the client knows.
    pub(in crate::message) names: &'a [String],
}

/// The JIDs of those who are mentioned, each once.
///
/// # Errors
/// `Invalid`: somebody is not in the chat.
pub(in crate::message) fn mentioned(mentions: Vec<Person>, chat: &Chat<'_>) -> Result<Vec<String>> {
    let mut jids = Vec::with_capacity(mentions.len());
    for mention in mentions {
        let jid = jid(&mention, chat);
        let jid = jid.ok_or_else(|| Error::invalid("mentions", "must only have people who are in the chat"))?;
        if !jids.contains(&jid) {
            jids.push(jid);
        }
    }
    Ok(jids)
}

/// What somebody is called in a chat. None if they are not in it.
fn jid(mention: &Person, Chat { own, to, names }: &Chat<'_>) -> Option<String> {
    let jid = mention.jid();
    if mention.is(own) || names.contains(&jid) {
        return Some(jid);
    }
    if mention == *to { names.first().cloned() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::PhoneNumber;

    const NUMBER: &str = "15550100077@s.whatsapp.net";
    const LID: &str = "100000000000077@lid";

    #[test]
    fn both_are_in_a_chat_of_two_by_every_name_that_is_known_and_nobody_else_is() {
        let person = |text: &str| Person::parse("mentions", text).expect(text);
        let phone_number = PhoneNumber::parse("phone_number", "15550100001").expect("a number");
        let own = Identity { phone_number, lid: Some("100000000000001@lid".to_owned()), device_id: 1 };
        let names = [NUMBER.to_owned(), LID.to_owned()];
        // The client knows the number in another spelling, which WhatsApp has told.
        let to = person("15550100078");
        let chat = Chat { own: &own, to: &to, names: &names };
        let rows = [
            ("15550100001", Some("15550100001@s.whatsapp.net")),
            ("100000000000001@lid", Some("100000000000001@lid")),
            ("+1 555 010-0077", Some(NUMBER)),
            (LID, Some(LID)),
            ("15550100078", Some(NUMBER)),
            ("15550100079", None),
            ("100000000000079@lid", None),
        ];
        for (mention, jid) in rows {
            let found = mentioned(vec![person(mention)], &chat);
            assert_eq!(found.ok(), jid.map(|jid| vec![jid.to_owned()]), "{mention}");
        }
        let twice = ["15550100077", "15550100078", NUMBER].map(person).to_vec();
        assert_eq!(mentioned(twice, &chat).ok(), Some(vec![NUMBER.to_owned()]));
        let refusal =
            mentioned(vec![person("15550100077"), person("15550100079")], &chat).expect_err("one is not in it");
        assert_eq!(refusal.to_string(), "`mentions` must only have people who are in the chat");
    }
}
