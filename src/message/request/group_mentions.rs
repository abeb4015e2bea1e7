//! Whom a message to a group mentions. Phones show a mention only if it names a member as the group itself does, by LID or by number,
//! in the list and in the text alike; clients need not know which.

use std::collections::HashMap;

use crate::error::{Error, Result};
use crate::message::lookup::person::Person;
use crate::whatsapp::operation::group::GroupFacts;

/// Those who are mentioned, as the group knows them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::message) struct Mentioned {
    /// Their JIDs, each once.
    pub(in crate::message) jids: Vec<String>,
    /// What may stand in the text behind an `@`, and what is to stand there.
    pub(in crate::message) spellings: Vec<(String, String)>,
}

/// Those who are mentioned in a group. `others` has the other JIDs of people, as far as they are known. Of a group of which nothing is
/// known, all are taken as they are named.
///
/// # Errors
/// `Invalid`: somebody is not in the group.
pub(in crate::message) fn mentioned_in_group(
    mentions: &[Person],
    facts: Option<&GroupFacts>,
    others: &HashMap<String, String>,
) -> Result<Mentioned> {
    let mut found = Mentioned::default();
    for mention in mentions {
        let named = mention.jid();
        let mut names = vec![named.as_str()];
        names.extend(others.get(&named).map(String::as_str));
        let jid = match facts {
            Some(facts) => {
                let member = facts.member(&names);
                let member = member.ok_or_else(|| Error::invalid("mentions", "must only have members of the group"))?;
                names.extend([Some(member.jid.as_str()), member.other.as_deref()].into_iter().flatten());
                member.jid.clone()
            }
            None => named.clone(),
        };
        for name in names.iter().filter(|name| facts.is_some() && **name != jid) {
            let spelling = (user(name).to_owned(), user(&jid).to_owned());
            if !found.spellings.contains(&spelling) {
                found.spellings.push(spelling);
            }
        }
        if !found.jids.contains(&jid) {
            found.jids.push(jid);
        }
    }
    Ok(found)
}

/// A text in which those who are mentioned are written as the group knows them.
pub(in crate::message) fn spelled(text: &str, spellings: &[(String, String)]) -> String {
    let mut written = String::with_capacity(text.len());
    let mut parts = text.split('@');
    written.extend(parts.next());
    for part in parts {
        written.push('@');
        let digits = part.find(|char: char| !char.is_ascii_digit()).unwrap_or(part.len());
        let (named, rest) = part.split_at(digits);
        let spelling = spellings.iter().find(|(from, _)| from == named).map_or(named, |(_, to)| to.as_str());
        written.push_str(spelling);
        written.push_str(rest);
    }
    written
}

fn user(jid: &str) -> &str {
    jid.split('@').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::whatsapp::operation::group::GroupMember;

    const NUMBER: &str = "15550100077@s.whatsapp.net";
    const LID: &str = "100000000000077@lid";

    fn group(jid: &str, other: Option<&str>) -> GroupFacts {
        let members = vec![GroupMember { jid: jid.to_owned(), other: other.map(str::to_owned), is_admin: false }];
        GroupFacts { is_lid_addressed: true, is_announcement: false, expiration: None, members }
    }

    fn people(names: &[&str]) -> Vec<Person> {
        names.iter().map(|name| Person::parse("mentions", name).expect(name)).collect()
    }

    #[test]
    fn a_member_is_mentioned_as_the_group_knows_them() {
        let known = HashMap::from([(NUMBER.to_owned(), LID.to_owned()), (LID.to_owned(), NUMBER.to_owned())]);
        let to_lid = vec![("15550100077".to_owned(), "100000000000077".to_owned())];
        let to_number = vec![("100000000000077".to_owned(), "15550100077".to_owned())];
        let rows = [
            (group(LID, Some(NUMBER)), HashMap::new(), LID, &to_lid),
            (group(LID, None), known.clone(), LID, &to_lid),
            (group(NUMBER, Some(LID)), HashMap::new(), NUMBER, &to_number),
            (group(NUMBER, None), known, NUMBER, &to_number),
        ];
        for (facts, others, jid, spellings) in rows {
            for names in [&["15550100077"][..], &[LID], &[LID, NUMBER]] {
                let mentions = people(names);
                // Whose other name nobody knows is found by the one that the group has.
                if facts.members[0].other.is_none() && others.is_empty() && mentions[0].jid() != jid {
                    continue;
                }
                let found = mentioned_in_group(&mentions, Some(&facts), &others).expect("they are in it");
                assert_eq!((found.jids, &found.spellings), (vec![jid.to_owned()], spellings), "{names:?}");
            }
        }
    }

    #[test]
    fn who_is_not_in_the_group_is_refused_unless_nobody_knows_who_is() {
        let mentions = people(&["15550100079"]);
        let refusal = mentioned_in_group(&mentions, Some(&group(LID, None)), &HashMap::new()).expect_err("no member");
        assert_eq!(refusal.to_string(), "`mentions` must only have members of the group");
        let found = mentioned_in_group(&mentions, None, &HashMap::new()).expect("nobody knows");
        assert_eq!(found, Mentioned { jids: vec!["15550100079@s.whatsapp.net".to_owned()], spellings: Vec::new() });
    }

    #[test]
    fn the_text_has_the_same_names() {
        let spellings = [("15550100077".to_owned(), "100000000000077".to_owned())];
        let rows = [
            ("@15550100077, tea?", "@100000000000077, tea?"),
            ("tea, @15550100077", "tea, @100000000000077"),
            ("@15550100077@15550100077", "@100000000000077@100000000000077"),
            ("@155501000771", "@155501000771"),
            ("15550100077", "15550100077"),
            ("a@b @", "a@b @"),
            ("", ""),
        ];
        for (text, written) in rows {
            assert_eq!(spelled(text, &spellings), written);
        }
    }

    proptest! {
        #[test]
        fn nothing_but_whole_names_changes(text in "[@0-9a-z\u{1f44d} ]{0,40}") {
            prop_assert_eq!(&spelled(&text, &[]), &text);
            let twice = [("1".to_owned(), "22".to_owned()), ("22".to_owned(), "1".to_owned())];
            prop_assert_eq!(&spelled(&spelled(&text, &twice), &twice), &text);
        }
    }
}
