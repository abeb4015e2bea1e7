//! How much one request may ask for. Each refusal has a code that tells which limit it hit.

use async_graphql::{ObjectType, Response, SchemaBuilder, ServerError, SubscriptionType};

/// Deepest nesting of fields. The introspection query of the usual tools has 14 levels.
const DEPTH_MAX: usize = 20;
/// Most fields, those of a list counted once for each item that it may have.
const COMPLEXITY_MAX: usize = 5_000;
/// Most directives at one place.
pub(super) const DIRECTIVES_MAX: usize = 10;
/// Deepest nesting of selections, those of fragments included.
pub(super) const RECURSION_MAX: usize = 32;

/// The codes of the refusals here.
pub(super) const CODES: &[&str] = &[
    "alias_limit",
    "complexity_limit",
    "depth_limit",
    "directive_limit",
    "document_limit",
    "graphql_invalid",
    "root_field_limit",
    "subscription_limit",
    "variable_limit",
];

/// The limits that the framework keeps. It expands fragments to find out, so `expansion` must have come first.
pub(super) fn apply<Q, M, S>(builder: SchemaBuilder<Q, M, S>) -> SchemaBuilder<Q, M, S>
where
    Q: ObjectType + 'static,
    M: ObjectType + 'static,
    S: SubscriptionType + 'static,
{
    builder
        .limit_depth(DEPTH_MAX)
        .limit_complexity(COMPLEXITY_MAX)
        .limit_directives(DIRECTIVES_MAX)
        .limit_recursive_depth(RECURSION_MAX)
}

/// The code of a refusal that the framework made.
pub(super) fn code(message: &str) -> &'static str {
    match message {
        "Query is nested too deep." => "depth_limit",
        "Query is too complex." => "complexity_limit",
        _ if message.starts_with("The recursion depth") => "depth_limit",
        _ if message.starts_with("The number of directives") => "directive_limit",
        _ => "graphql_invalid",
    }
}

/// Why a request is turned down before anything of it is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    code: &'static str,
    message: String,
}

impl Refusal {
    /// A limit that is broken.
    pub(super) fn new(code: &'static str, message: String) -> Self {
        Self { code, message }
    }

    /// The document is too large, in whatever way the message says.
    pub(super) fn document(message: String) -> Self {
        Self::new("document_limit", message)
    }

    /// The document is nested too deep.
    pub(super) fn depth(message: String) -> Self {
        Self::new("depth_limit", message)
    }

    /// The document is none.
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new("graphql_invalid", message.into())
    }

    #[cfg(test)]
    pub(super) fn code(&self) -> &'static str {
        self.code
    }
}

impl From<Refusal> for Box<Response> {
    fn from(Refusal { code, message }: Refusal) -> Self {
        let mut error = ServerError::new(message, None);
        error.extensions.get_or_insert_default().set("code", code);
        Self::new(Response::from_errors(vec![error]))
    }
}
