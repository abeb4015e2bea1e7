//! What a failure looks like in GraphQL: the code that REST has for it, and nothing that is not for the client.

use async_graphql::{Response, ServerError};

use crate::api::error;
use crate::api::graphql::limit;
use crate::error::Error;

/// Gives every failure in an answer its code and the request's name. Resolvers fail with our own error only, so what has
/// another source is the framework's word about the document.
pub(super) fn explained(mut response: Response, request_id: &str) -> Response {
    for failure in &mut response.errors {
        let code = match failure.source::<Error>() {
            Some(error) => {
                let (code, message) = error::shown(error, request_id);
                failure.message = message;
                code.to_owned()
            }
            None => own_code(failure).unwrap_or_else(|| limit::code(&failure.message).to_owned()),
        };
        let extensions = failure.extensions.get_or_insert_default();
        extensions.set("code", code);
        extensions.set("requestId", request_id);
    }
    response
}

/// The code of a refusal that was made with one.
fn own_code(failure: &ServerError) -> Option<String> {
    match failure.extensions.as_ref()?.get("code")? {
        async_graphql::Value::String(code) => Some(code.clone()),
        _ => None,
    }
}
