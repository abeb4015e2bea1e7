//! What the document shows of what is done to messages. Values, so that a new field breaks the build here.

use poem_openapi::types::Example;

use crate::message::types::{MessagePlace, NewEdit, NewReaction};

impl Example for NewReaction {
    fn example() -> Self {
        Self { emoji: "\u{1f44d}".to_owned(), chat: None, sender: None }
    }
}

impl Example for NewEdit {
    fn example() -> Self {
        Self { text: "Your tea is ready at seven".to_owned(), chat: None, sender: None }
    }
}

impl Example for MessagePlace {
    fn example() -> Self {
        Self { chat: Some("+1 555 010-0077".to_owned()), sender: Some("+1 555 010-0077".to_owned()) }
    }
}
