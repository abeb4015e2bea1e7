//! What the document shows of polls and events. Values, so that a new field breaks the build here.

use entity::timestamp::Timestamp;
use entity::words::message::Attendance;
use poem_openapi::types::Example;

use crate::event::body::party::Party;
use crate::message::action::action_types::{NewAttendance, NewVote};
use crate::message::content::event::EventContent;
use crate::message::content::location::LocationContent;
use crate::message::content::poll::PollContent;
use crate::message::view::vote_types::{MessageVotes, OptionVotes};

fn voter() -> Party {
    Party {
        id: "15550100077@s.whatsapp.net".to_owned(),
        lid: Some("100000000000077@lid".to_owned()),
        phone_number: Some("15550100077".to_owned()),
        push_name: None,
    }
}

impl Example for PollContent {
    fn example() -> Self {
        let options = ["Black", "Green"].map(str::to_owned).to_vec();
        Self { question: "Which tea?".to_owned(), options, max_choices: Some(1) }
    }
}

impl Example for EventContent {
    fn example() -> Self {
        Self {
            name: "Tea".to_owned(),
            description: Some("With cake".to_owned()),
            start_at: Timestamp::from_millis(1_767_229_200_000),
            end_at: Some(Timestamp::from_millis(1_767_236_400_000)),
            location: Some(LocationContent::example()),
            call: None,
        }
    }
}

impl Example for NewVote {
    fn example() -> Self {
        Self { options: vec!["Black".to_owned()], chat: None, sender: None }
    }
}

impl Example for NewAttendance {
    fn example() -> Self {
        Self { answer: Attendance::Going, extra_guests: Some(1), chat: None, sender: None }
    }
}

impl Example for OptionVotes {
    fn example() -> Self {
        Self {
            option: Some("Black".to_owned()),
            option_sha256: "c6cfe6e4f129a34671d10c1bbe158eff05197d388727e331951b0ec2637c194e".to_owned(),
            count: 1,
            voters: vec![voter()],
        }
    }
}

impl Example for MessageVotes {
    fn example() -> Self {
        Self {
            message_id: "3EB0C431C26A1916E07E5B".to_owned(),
            chat: "15550100077@s.whatsapp.net".to_owned(),
            question: Some("Which tea?".to_owned()),
            max_choices: 1,
            options: vec![OptionVotes::example()],
            voter_count: 1,
            unreadable: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::reply::is_written_as_documented;

    #[test]
    fn every_answer_is_written_as_the_document_says() {
        is_written_as_documented::<MessageVotes>();
        is_written_as_documented::<OptionVotes>();
    }
}
