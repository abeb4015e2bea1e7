//! Checks polls.

use std::collections::HashSet;

use crate::error::{Error, Result};
use crate::message::content::poll::PollContent;
use crate::message::rules::{OPTION_MAX, OPTIONS_MAX, OPTIONS_MIN, QUESTION_MAX, label};
use crate::whatsapp::compose::Poll;

/// A poll that can be sent.
///
/// # Errors
/// `Invalid`.
pub(in crate::message) fn poll(content: PollContent) -> Result<Poll> {
    let PollContent { question, options, max_choices } = content;
    let question = label("content.question", question, QUESTION_MAX)?;
    if !(OPTIONS_MIN..=OPTIONS_MAX).contains(&options.len()) {
        let rule = format!("must have {OPTIONS_MIN} to {OPTIONS_MAX} options");
        return Err(Error::invalid("content.options", rule));
    }
    let count = u32::try_from(options.len()).map_err(Error::internal)?;
    let options: Vec<_> =
        options.into_iter().map(|option| label("content.options", option, OPTION_MAX)).collect::<Result<_>>()?;
    let mut seen = HashSet::new();
    // A vote names an option by a hash of its words.
    if !options.iter().all(|option| seen.insert(option)) {
        return Err(Error::invalid("content.options", "must have no option twice"));
    }
    let max_choices = max_choices.unwrap_or(1);
    if max_choices > count {
        return Err(Error::invalid("content.max_choices", "must not be more than there are options"));
    }
    Ok(Poll { question, options, max_choices })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(question: &str, options: &[&str], max_choices: Option<u32>) -> Result<Poll, String> {
        let options = options.iter().map(|option| (*option).to_owned()).collect();
        let content = PollContent { question: question.to_owned(), options, max_choices };
        poll(content).map_err(|error| error.to_string())
    }

    #[test]
    fn a_poll_has_two_to_twelve_options_that_differ() {
        assert_eq!(asked("tea?", &["yes", "no"], None).map(|poll| poll.max_choices), Ok(1));
        assert_eq!(asked("tea?", &["yes", "no"], Some(0)).map(|poll| poll.max_choices), Ok(0));
        let count = Err("`content.options` must have 2 to 12 options".to_owned());
        assert_eq!(asked("tea?", &["yes"], None), count);
        assert_eq!(asked("tea?", &[""; 13], None), count);
        let twice = asked("tea?", &["yes", "yes"], None);
        assert_eq!(twice, Err("`content.options` must have no option twice".to_owned()));
        let many = asked("tea?", &["yes", "no"], Some(3));
        assert_eq!(many, Err("`content.max_choices` must not be more than there are options".to_owned()));
        let long = "x".repeat(101);
        let rule = |field: &str, most: usize| {
            Err(format!("`content.{field}` must have 1 to {most} characters, and none that only controls"))
        };
        assert_eq!(asked("tea?", &["yes", &long], None), rule("options", 100));
        assert_eq!(asked(" ", &["yes", "no"], None), rule("question", 255));
    }
}
