//! What a failure looks like in GraphQL: the code that REST has for it, and nothing that is not for the client.

use async_graphql::{Response, ServerError};

use crate::api::error;
use crate::api::graphql::limit;
use crate::error::Error;

/// Most failures that an answer tells.
const FAILURES_MAX: usize = 100;
/// Longest message, bytes. The parser repeats the line that it does not understand.
const MESSAGE_BYTES_MAX: usize = 4 * 1024;

/// Gives every failure in an answer its code, the request's name and, where it is known, the wait until it may succeed.
/// Resolvers fail with our own error only, so what has another source is the framework's word about the document.
pub(super) fn explained(mut response: Response, request_id: &str) -> Response {
    // One for each word that is wrong would be a hundred times the document.
    response.errors.truncate(FAILURES_MAX);
    for failure in &mut response.errors {
        shorten(&mut failure.message);
        let retry_after = failure.source::<Error>().and_then(error::retry_after_seconds);
        let message_id = failure.source::<Error>().and_then(Error::message).map(|failed| failed.message_id.clone());
        let code = match failure.source::<Error>() {
            Some(error) => {
                let (code, message) = error::shown(error, request_id, spelling);
                failure.message = message;
                code.to_owned()
            }
            None => own_code(failure).unwrap_or_else(|| limit::code(&failure.message).to_owned()),
        };
        let extensions = failure.extensions.get_or_insert_default();
        extensions.set("code", code);
        extensions.set("requestId", request_id);
        if let Some(seconds) = retry_after {
            extensions.set("retryAfter", seconds);
        }
        if let Some(id) = message_id {
            extensions.set("messageId", id);
        }
    }
    response
}

/// Fields that have another name than in REST.
const OTHER_NAMES: &[(&str, &str)] = &[("limit", "first"), ("q", "filter.query")];

/// How GraphQL spells a field of REST.
fn spelling(field: &str) -> String {
    if let Some((_, name)) = OTHER_NAMES.iter().find(|(rest, _)| *rest == field) {
        return (*name).to_owned();
    }
    let mut words = field.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| {
        let mut letters = word.chars();
        let capital = letters.next().map(|letter| letter.to_ascii_uppercase());
        name + &capital.into_iter().chain(letters).collect::<String>()
    })
}

fn shorten(message: &mut String) {
    if message.len() > MESSAGE_BYTES_MAX {
        message.truncate(message.floor_char_boundary(MESSAGE_BYTES_MAX));
        message.push('…');
    }
}

/// The code of a refusal that was made with one.
fn own_code(failure: &ServerError) -> Option<String> {
    match failure.extensions.as_ref()?.get("code")? {
        async_graphql::Value::String(code) => Some(code.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use async_graphql::{EmptyMutation, Object, Request, Schema, Subscription};
    use futures::stream::{self, Stream, StreamExt};
    use serde_json::Value;

    use super::*;
    use crate::error::{ErrorKind, Result};

    /// Fails in the way that the request's data says.
    struct Fails;

    fn failure(ctx: &async_graphql::Context<'_>) -> Error {
        Error::new(*ctx.data_unchecked::<ErrorKind>(), "what the client may read").because("SELECT secret FROM cause")
    }

    #[Object]
    impl Fails {
        async fn ask(&self, ctx: &async_graphql::Context<'_>) -> Result<bool> {
            Err(failure(ctx))
        }
    }

    struct FailsToo;

    #[Subscription]
    impl FailsToo {
        async fn follow(&self, ctx: &async_graphql::Context<'_>) -> Result<impl Stream<Item = bool> + use<>> {
            Err::<stream::Empty<bool>, _>(failure(ctx))
        }
    }

    async fn over_rest(kind: ErrorKind) -> (u16, String, Value) {
        let error = Error::new(kind, "what the client may read").because("SELECT secret FROM cause");
        let response = error::answer(&error.into());
        let status = response.status().as_u16();
        let text = response.into_body().into_string().await.expect("it is a text");
        (status, text.clone(), serde_json::from_str(&text).expect("it is JSON"))
    }

    #[test]
    fn a_field_has_the_name_that_it_has_in_the_graph() {
        let rows = [
            ("limit", "first"),
            ("q", "filter.query"),
            ("overlap_seconds", "overlapSeconds"),
            ("webhook.url", "webhook.url"),
            ("filter.sessions", "filter.sessions"),
            ("phoneNumber", "phoneNumber"),
        ];
        for (rest, graph) in rows {
            assert_eq!(spelling(rest), graph);
        }
    }

    #[tokio::test]
    async fn every_kind_of_failure_is_the_same_through_both_doors() {
        let schema = Schema::new(Fails, EmptyMutation, FailsToo);
        let mut seen = BTreeSet::new();
        for kind in ErrorKind::ALL {
            let (status, text, problem) = over_rest(*kind).await;
            assert!((400..600).contains(&status), "{kind:?}");
            assert_eq!(problem["status"], status, "{kind:?}");
            let asked = schema.execute(Request::new("{ ask }").data(*kind)).await;
            let followed = schema.execute_stream(Request::new("subscription { follow }").data(*kind));
            let followed = followed.collect::<Vec<_>>().await.remove(0);
            for answer in [asked, followed] {
                let answer = serde_json::to_value(explained(answer, "order-4711")).expect("it is JSON");
                let failure = &answer["errors"][0];
                assert_eq!(failure["extensions"]["code"], problem["code"], "{kind:?}");
                assert_eq!(failure["message"], problem["detail"], "{kind:?}");
                assert_eq!(failure["extensions"]["requestId"], "order-4711", "{kind:?}");
                assert!(!answer.to_string().contains("SELECT"), "{kind:?}: {answer}");
            }
            assert!(!text.contains("SELECT"), "{kind:?}: {text}");
            seen.insert(problem["code"].as_str().expect("a code").to_owned());
        }
        assert_eq!(seen.len(), ErrorKind::ALL.len());
    }
}
