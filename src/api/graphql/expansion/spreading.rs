//! Which fragment spreads which: an order in which each comes after those that it spreads, and how often each comes.

use std::collections::{HashMap, HashSet};

use async_graphql::parser::types::{Directive, ExecutableDocument, FragmentDefinition, Selection, SelectionSet};
use async_graphql::{Name, Positioned};

use crate::api::graphql::expansion::argument;
use crate::api::graphql::limit::Refusal;

/// The fragments of a document with their names.
pub(super) type Fragments<'a> = Vec<(&'a str, &'a FragmentDefinition)>;

/// The fragments, each after all that it spreads.
///
/// # Errors
/// `graphql_invalid`: one spreads itself, in whatever way.
pub(super) fn order(document: &ExecutableDocument) -> Result<Fragments<'_>, Refusal> {
    // How many fragments each one waits for, and who waits for it.
    let mut waiting: HashMap<&str, usize> = HashMap::with_capacity(document.fragments.len());
    let mut users: HashMap<&str, Vec<&str>> = HashMap::with_capacity(document.fragments.len());
    for (name, fragment) in &document.fragments {
        let mut spread: HashSet<&str> = HashSet::new();
        each(&fragment.node.selection_set.node, &mut |part| {
            if let Part::Spread(other) = part {
                spread.insert(other);
            }
        });
        spread.retain(|other| document.fragments.contains_key(*other));
        waiting.insert(name.as_str(), spread.len());
        for other in spread {
            users.entry(other).or_default().push(name.as_str());
        }
    }
    let mut ready: Vec<&str> = waiting.iter().filter(|(_, count)| **count == 0).map(|(name, _)| *name).collect();
    let mut ordered = Vec::with_capacity(document.fragments.len());
    while let Some(name) = ready.pop() {
        ordered.push((name, &document.fragments[name].node));
        waiting.remove(name);
        for user in users.remove(name).unwrap_or_default() {
            if let Some(count) = waiting.get_mut(user) {
                *count -= 1;
                if *count == 0 {
                    ready.push(user);
                }
            }
        }
    }
    match waiting.is_empty() {
        true => Ok(ordered),
        false => Err(Refusal::invalid("The document has fragments that spread one another in a circle.")),
    }
}

/// How often each variable's value is taken with all fragments spread. `order` is that of [`order`].
pub(super) fn uses(document: &ExecutableDocument, order: &Fragments<'_>) -> HashMap<Name, usize> {
    // Once for itself: each fragment is validated by itself, too.
    let mut times: HashMap<&str, usize> = order.iter().map(|(name, _)| (*name, 1)).collect();
    let mut uses: HashMap<Name, usize> = HashMap::new();
    let operations = document.operations.iter().map(|(_, operation)| {
        let operation = &operation.node;
        (None, &operation.directives, &operation.selection_set.node)
    });
    // Each before all that it spreads: how often it comes is known by then.
    let fragments = order.iter().rev();
    let fragments = fragments.map(|(name, fragment)| (Some(*name), &fragment.directives, &fragment.selection_set.node));
    for (name, directives, set) in operations.chain(fragments) {
        let often = name.map_or(1, |name| times[name]);
        let mut add = |part: Part<'_>| {
            let count = match part {
                Part::Spread(other) => times.get_mut(other),
                Part::Variable(name) => Some(uses.entry(name).or_default()),
            };
            if let Some(count) = count {
                *count = count.saturating_add(often);
            }
        };
        in_directives(directives, &mut add);
        each(set, &mut add);
    }
    uses
}

/// What leads out of a selection.
enum Part<'a> {
    Spread(&'a str),
    Variable(Name),
}

/// Tells of every part of a selection.
fn each<'a>(set: &'a SelectionSet, tell: &mut impl FnMut(Part<'a>)) {
    for selection in &set.items {
        in_directives(selection.node.directives(), tell);
        match &selection.node {
            Selection::Field(field) => {
                argument::of_field(&field.node, &mut |name| tell(Part::Variable(name)));
                each(&field.node.selection_set.node, tell);
            }
            Selection::InlineFragment(fragment) => each(&fragment.node.selection_set.node, tell),
            Selection::FragmentSpread(spread) => tell(Part::Spread(spread.node.fragment_name.node.as_str())),
        }
    }
}

fn in_directives<'a>(directives: &'a [Positioned<Directive>], tell: &mut impl FnMut(Part<'a>)) {
    for directive in directives {
        argument::of_directive(&directive.node, &mut |name| tell(Part::Variable(name)));
    }
}
