//! Which failures each operation has: exactly those, each set of them once in the document.

use poem::http::StatusCode;
use serde_json::{Map, Value, json};

use crate::api::error::{self, PROBLEM_JSON};
use crate::api::operation::{self, Operation};
use crate::error::ErrorKind;

/// What every operation can fail with.
const ALWAYS: &[ErrorKind] =
    &[ErrorKind::Unauthenticated, ErrorKind::Forbidden, ErrorKind::Internal, ErrorKind::ShuttingDown];

/// What can be wrong with a body before it is looked at.
const OF_BODY: &[StatusCode] =
    &[StatusCode::BAD_REQUEST, StatusCode::PAYLOAD_TOO_LARGE, StatusCode::UNSUPPORTED_MEDIA_TYPE];

/// What a message that was written down can fail with, so that there is something to look at.
const OF_MESSAGE: &[ErrorKind] = &[
    ErrorKind::RecipientNotOnWhatsapp,
    ErrorKind::RecipientNotFound,
    ErrorKind::RecipientUnreachable,
    ErrorKind::AccountRestricted,
    ErrorKind::NewChatLimit,
    ErrorKind::MediaGone,
    ErrorKind::InvalidMessage,
    ErrorKind::NotAllowed,
    ErrorKind::Rejected,
];

/// One failure: its status, its code, and what it is called.
type Failure = (StatusCode, &'static str, &'static str);

/// The operation's own failures. One below a session has those of its session as well.
fn own(operation_id: &str) -> Option<Vec<ErrorKind>> {
    operation::all().flat_map(Operation::rest_names).find_map(|name| {
        if name.rest == operation_id {
            return Some(name.failures.to_vec());
        }
        let is_below_session = name.below_session == Some(operation_id);
        is_below_session.then(|| [&[ErrorKind::SessionNotFound][..], name.failures].concat())
    })
}

fn all(operation: &Value, method: &str) -> Option<Vec<Failure>> {
    let kinds = own(operation["operationId"].as_str()?)?;
    let mut failures: Vec<Failure> = kinds.iter().chain(ALWAYS).flat_map(|kind| error::rows(*kind)).collect();
    failures.extend(error::http_row(StatusCode::GATEWAY_TIMEOUT));
    // Those without a body in the document take one all the same, and want JSON in it.
    if matches!(method, "post" | "patch" | "put") {
        failures.extend(OF_BODY.iter().filter_map(|status| error::http_row(*status)));
    }
    failures.sort_by_key(|(status, code, _)| (status.as_u16(), *code));
    failures.dedup();
    Some(failures)
}

/// Replaces the failures of every operation by references to those that it has.
///
/// # Panics
/// An operation is not in the table.
pub(super) fn tell(document: &mut Value) {
    let mut shared = Map::new();
    let paths = document["paths"].as_object_mut().into_iter().flat_map(|paths| paths.values_mut());
    for path in paths {
        for (method, operation) in path.as_object_mut().into_iter().flatten() {
            let failures = all(operation, method)
                .unwrap_or_else(|| panic!("the failures of {} are in no table", operation["operationId"]));
            let Some(responses) = operation["responses"].as_object_mut() else { continue };
            for of_one_status in failures.chunk_by(|one, other| one.0 == other.0) {
                let name = name(of_one_status);
                let reference = json!({ "$ref": format!("#/components/responses/{name}") });
                responses.insert(of_one_status[0].0.as_u16().to_string(), reference);
                shared.entry(name).or_insert_with(|| response(of_one_status));
            }
        }
    }
    shared.sort_keys();
    document["components"]["responses"] = Value::Object(shared);
}

fn name(failures: &[Failure]) -> String {
    failures.iter().map(|(_, code, _)| *code).collect::<Vec<_>>().join(".")
}

fn response(failures: &[Failure]) -> Value {
    let sentences: Vec<_> = failures.iter().map(|(_, code, title)| format!("`{code}`: {title}.")).collect();
    let header = |description: &str, kind: &str| json!({ "description": description, "required": true, "schema": { "type": kind } });
    let mut headers = Map::new();
    headers.insert("X-Request-Id".to_owned(), header("The request's name in the server's log.", "string"));
    match failures[0].0 {
        StatusCode::UNAUTHORIZED => {
            headers.insert("WWW-Authenticate".to_owned(), header("`Bearer`.", "string"));
        }
        StatusCode::TOO_MANY_REQUESTS => {
            headers.insert("Retry-After".to_owned(), header("Seconds to wait.", "integer"));
        }
        _ => {}
    }
    if failures.iter().any(|(_, code, _)| OF_MESSAGE.iter().any(|kind| error::row(*kind).1 == *code)) {
        let mut location = header("Where the message is, if it was written down before.", "string");
        location["required"] = json!(false);
        headers.insert("Location".to_owned(), location);
    }
    json!({
        "description": sentences.join(" "),
        "headers": headers,
        "content": { PROBLEM_JSON: { "schema": { "$ref": "#/components/schemas/Problem" } } },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::document::document;

    #[test]
    fn each_operation_says_the_failures_that_it_has_and_no_others() {
        let document: Value = serde_json::from_str(&document()).expect("it is JSON");
        let statuses = |path: &str, method: &str| {
            let responses = document["paths"][path][method]["responses"].as_object().expect("an object").clone();
            responses.keys().map(|status| status.parse().expect("a status")).collect::<Vec<u16>>()
        };
        assert_eq!(statuses("/api/v1/events", "get"), [200, 401, 403, 410, 422, 500, 503, 504]);
        assert_eq!(statuses("/api/v1/keys", "post"), [201, 400, 401, 403, 413, 415, 422, 500, 503, 504]);
        assert_eq!(statuses("/api/v1/sessions/{session_id}/status", "get"), [200, 401, 403, 404, 500, 503, 504]);
        let pair = statuses("/api/v1/sessions/{session_id}/pair", "post");
        assert_eq!(pair, [200, 400, 401, 403, 404, 409, 413, 415, 422, 429, 500, 502, 503, 504]);
        let shared = document["components"]["responses"].as_object().expect("an object");
        let codes = &shared["key_not_found"]["description"];
        assert_eq!(*codes, "`key_not_found`: No such key.");
    }

    #[test]
    fn the_table_has_no_operation_that_is_not_there() {
        let document = document();
        let names = operation::all().flat_map(Operation::rest_names);
        for id in names.flat_map(|name| [Some(name.rest), name.below_session]).flatten() {
            assert!(document.contains(&format!("\"operationId\": \"{id}\"")), "{id}");
        }
    }
}
