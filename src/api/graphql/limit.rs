//! How much one request may ask for. Each refusal has a code that tells which limit it hit.

use async_graphql::parser::types::{ExecutableDocument, Selection, SelectionSet};
use async_graphql::{ObjectType, Positioned, Request, Response, SchemaBuilder, ServerError, SubscriptionType};

/// Deepest nesting. The introspection query of the usual tools has 14 levels.
const DEPTH_MAX: usize = 20;
/// Most fields, those of a list counted once for each item that it may have.
const COMPLEXITY_MAX: usize = 5_000;
/// Most fields under another name.
const ALIASES_MAX: usize = 30;
/// Most fields at the root of an operation.
const ROOT_FIELDS_MAX: usize = 20;
/// Most directives on one field.
const DIRECTIVES_MAX: usize = 10;
/// Deepest recursion of the document's grammar.
const RECURSION_MAX: usize = 32;

/// The codes of the refusals here.
pub(super) const CODES: &[&str] = &[
    "alias_limit",
    "complexity_limit",
    "depth_limit",
    "directive_limit",
    "graphql_invalid",
    "root_field_limit",
    "subscription_limit",
];

/// The limits that the framework keeps.
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

/// The limits that it does not. What cannot be parsed is left to it.
pub(super) fn check(request: &mut Request) -> Result<(), Box<Response>> {
    let Ok(document) = request.parsed_query() else { return Ok(()) };
    let refused = |code: &'static str, message: String| {
        let mut error = ServerError::new(message, None);
        error.extensions.get_or_insert_default().set("code", code);
        Err(Box::new(Response::from_errors(vec![error])))
    };
    if aliases(document) > ALIASES_MAX {
        return refused("alias_limit", format!("The request has more than {ALIASES_MAX} aliases."));
    }
    let roots = document.operations.iter().map(|(_, operation)| operation.node.selection_set.node.items.len());
    if roots.max().unwrap_or(0) > ROOT_FIELDS_MAX {
        return refused(
            "root_field_limit",
            format!("An operation has more than {ROOT_FIELDS_MAX} fields at its root."),
        );
    }
    Ok(())
}

fn aliases(document: &ExecutableDocument) -> usize {
    let operations = document.operations.iter().map(|(_, operation)| &operation.node.selection_set);
    let fragments = document.fragments.values().map(|fragment| &fragment.node.selection_set);
    operations.chain(fragments).map(aliases_in).sum()
}

fn aliases_in(set: &Positioned<SelectionSet>) -> usize {
    let in_one = |selection: &Positioned<Selection>| match &selection.node {
        Selection::Field(field) => usize::from(field.node.alias.is_some()) + aliases_in(&field.node.selection_set),
        Selection::InlineFragment(fragment) => aliases_in(&fragment.node.selection_set),
        Selection::FragmentSpread(_) => 0,
    };
    set.node.items.iter().map(in_one).sum()
}
