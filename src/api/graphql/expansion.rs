//! How large a document is with its fragments spread, found without spreading them.
//!
//! The framework spreads fragments to learn what they amount to, and compares with its limits when it is done. Here each
//! fragment is measured once, those that it spreads before it, so that the work grows with the text and not with what the
//! text amounts to. The recursion below goes into brackets alone, of which `guard` allows 64.

mod argument;
mod spreading;

use std::collections::HashMap;

use async_graphql::parser::types::{
    Directive, ExecutableDocument, Field, OperationDefinition, OperationType, Selection, SelectionSet,
};
use async_graphql::{Name, Positioned};

use crate::api::graphql::limit::{DIRECTIVES_MAX, RECURSION_MAX, Refusal};

/// Most operations of a document. One is done at a time, but all are validated.
const OPERATIONS_MAX: usize = 100;
/// Most variables of an operation. The framework looks for each use among all of them.
const VARIABLES_MAX: usize = 100;
/// Most arguments at one place. The framework compares those of fields that are to be merged each with each.
const ARGUMENTS_MAX: usize = 32;
/// Most fields and fragments that all operations and fragments amount to, each with what it spreads.
const SELECTIONS_MAX: usize = 5_000;
/// Most values of arguments, counted in the same way.
const VALUES_MAX: usize = 20_000;
/// Most fields that the framework looks at when it merges those of the same name, in every selection anew.
const MERGES_MAX: usize = 20_000;
/// Most fields of an operation under another name.
const ALIASES_MAX: usize = 30;
/// Most fields at the root of an operation.
const ROOT_FIELDS_MAX: usize = 20;
/// Most fields and fragments of an operation that are about the schema. The usual tools ask for some 240 at their start.
// The framework answers each mention of a field, also of the same one, and makes no pause: 4,900 names of all types took a debug
// build one and a half seconds.
const INTROSPECTION_MAX: usize = 500;
/// Most fields of an answer about the schema, by a generous guess. The usual tools come to two thirds.
const INTROSPECTION_ANSWER_MAX: usize = 400_000;
/// How many items the lists of the schema about itself have, at least on the average.
const SCHEMA_LISTS: &[(&str, usize)] = &[
    ("types", 150),
    ("fields", 10),
    ("args", 2),
    ("inputFields", 5),
    ("enumValues", 10),
    ("possibleTypes", 10),
    ("interfaces", 2),
    ("directives", 5),
];

/// What a selection amounts to, with the fragments that it spreads. Sums stop at the largest number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Size {
    /// Fields and fragments at every depth.
    pub(super) selections: usize,
    /// Deepest nesting, fragments included.
    pub(super) nesting: usize,
    /// Fields under another name.
    pub(super) aliases: usize,
    /// Fields of the selection itself.
    pub(super) fields: usize,
    /// Values of arguments, of fields and directives.
    pub(super) values: usize,
    /// What is looked at to merge the fields of the selection itself.
    pub(super) merges: usize,
    /// Those of the selections that are about the schema.
    introspection: usize,
    /// Fields of the answer to those.
    introspection_answer: usize,
    /// Fields of the answer to all selections, if all were about the schema.
    schema_answer: usize,
}

impl Size {
    /// Takes in what stands beside it.
    fn beside(&mut self, other: Self) {
        self.selections = self.selections.saturating_add(other.selections);
        self.nesting = self.nesting.max(other.nesting);
        self.aliases = self.aliases.saturating_add(other.aliases);
        self.fields = self.fields.saturating_add(other.fields);
        self.values = self.values.saturating_add(other.values);
        self.merges = self.merges.saturating_add(other.merges);
        self.introspection = self.introspection.saturating_add(other.introspection);
        self.introspection_answer = self.introspection_answer.saturating_add(other.introspection_answer);
        self.schema_answer = self.schema_answer.saturating_add(other.schema_answer);
    }

    /// As a fragment: one selection more, one level deeper.
    fn spread(self) -> Self {
        let (selections, nesting) = (self.selections.saturating_add(1), self.nesting.saturating_add(1));
        Self { selections, nesting, merges: self.merges.saturating_add(1), ..self }
    }

    /// As what a field asks for, which has so many values.
    fn below(self, field: &Field, values: usize) -> Self {
        let name = field.name.node.as_str();
        let items = SCHEMA_LISTS.iter().find(|(list, _)| *list == name).map_or(1, |(_, items)| *items);
        let is_about_schema = matches!(name, "__schema" | "__type");
        Self {
            selections: self.selections.saturating_add(1),
            nesting: if field.selection_set.node.items.is_empty() { 0 } else { self.nesting.saturating_add(1) },
            aliases: self.aliases.saturating_add(usize::from(field.alias.is_some())),
            fields: 1,
            values: self.values.saturating_add(values),
            merges: 1 + values,
            introspection: if is_about_schema { self.selections } else { 0 },
            introspection_answer: if is_about_schema { self.schema_answer } else { 0 },
            schema_answer: self.schema_answer.saturating_mul(items).saturating_add(1),
        }
    }
}

/// What a document amounts to.
#[derive(Debug)]
pub(super) struct Expansion {
    /// Everything, each operation and each fragment with what it spreads.
    pub(super) total: Size,
    /// How often the value of each variable is taken.
    pub(super) uses: HashMap<Name, usize>,
    /// Selections, arguments and values that were looked at: what the measuring has cost.
    #[cfg(test)]
    pub(super) steps: usize,
}

/// Measures a document, and keeps it to the limits.
///
/// # Errors
/// The limit that it breaks, or `graphql_invalid`.
pub(super) fn measure(document: &ExecutableDocument) -> Result<Expansion, Refusal> {
    if document.operations.iter().len() > OPERATIONS_MAX {
        return Err(Refusal::document(format!("The document has more than {OPERATIONS_MAX} operations.")));
    }
    let order = spreading::order(document)?;
    let mut measuring = Measuring { fragments: HashMap::with_capacity(order.len()), ..Measuring::default() };
    for (name, fragment) in &order {
        let size = measuring.definition(&fragment.directives, &fragment.selection_set.node)?;
        measuring.fragments.insert(name, size);
    }
    for (_, operation) in document.operations.iter() {
        let size = measuring.operation(&operation.node)?;
        check_operation(&operation.node, size)?;
    }
    Ok(Expansion {
        total: measuring.total,
        uses: spreading::uses(document, &order),
        #[cfg(test)]
        steps: measuring.steps,
    })
}

/// The limits of one operation.
fn check_operation(operation: &OperationDefinition, size: Size) -> Result<(), Refusal> {
    if size.fields > ROOT_FIELDS_MAX {
        let message = format!("An operation has more than {ROOT_FIELDS_MAX} fields at its root.");
        return Err(Refusal::new("root_field_limit", message));
    }
    if size.aliases > ALIASES_MAX {
        return Err(Refusal::new("alias_limit", format!("An operation has more than {ALIASES_MAX} aliases.")));
    }
    if size.introspection > INTROSPECTION_MAX || size.introspection_answer > INTROSPECTION_ANSWER_MAX {
        return Err(Refusal::new("complexity_limit", "An operation asks too much about the schema.".to_owned()));
    }
    let is_one_field =
        matches!(&operation.selection_set.node.items[..], [one] if matches!(one.node, Selection::Field(_)));
    // The framework follows the fields at the root alone, and each costs what a subscription costs.
    if operation.ty == OperationType::Subscription && !is_one_field {
        return Err(Refusal::invalid("A subscription has exactly one field at its root, and no fragment."));
    }
    Ok(())
}

/// The measuring of one document.
#[derive(Default)]
struct Measuring<'a> {
    /// The fragments that are measured.
    fragments: HashMap<&'a str, Size>,
    total: Size,
    /// Selections, arguments and values that were looked at: what the measuring has cost.
    #[cfg(test)]
    steps: usize,
}

impl<'a> Measuring<'a> {
    fn step(&mut self, _steps: usize) {
        #[cfg(test)]
        {
            self.steps += _steps;
        }
    }

    fn operation(&mut self, operation: &'a OperationDefinition) -> Result<Size, Refusal> {
        if operation.variable_definitions.len() > VARIABLES_MAX {
            return Err(Refusal::document(format!("An operation has more than {VARIABLES_MAX} variables.")));
        }
        let mut values = 0_usize;
        for variable in &operation.variable_definitions {
            values += 1 + self.directives(&variable.node.directives)?;
            if let Some(default) = &variable.node.default_value {
                values += argument::count(&default.node);
            }
        }
        self.total.values = self.total.values.saturating_add(values);
        self.definition(&operation.directives, &operation.selection_set.node)
    }

    /// An operation or a fragment, and with it all that came before.
    fn definition(&mut self, directives: &'a [Positioned<Directive>], set: &'a SelectionSet) -> Result<Size, Refusal> {
        let mut size = self.selection(set)?;
        size.values = size.values.saturating_add(self.directives(directives)?);
        if size.nesting > RECURSION_MAX {
            let message =
                format!("The document has more than {RECURSION_MAX} selections in one another, fragments spread.");
            return Err(Refusal::depth(message));
        }
        // What is looked at to merge was summed up for each selection.
        self.total.beside(Size { merges: 0, ..size });
        for (count, most, what) in [
            (self.total.selections, SELECTIONS_MAX, "fields and fragments"),
            (self.total.values, VALUES_MAX, "arguments and values"),
            (self.total.merges, MERGES_MAX, "fields that could be merged"),
        ] {
            if count > most {
                return Err(Refusal::document(format!("The document amounts to more than {most} {what}.")));
            }
        }
        Ok(size)
    }

    fn selection(&mut self, set: &'a SelectionSet) -> Result<Size, Refusal> {
        let mut size = Size::default();
        for selection in &set.items {
            self.step(1);
            let values = self.directives(selection.node.directives())?;
            let mut one = match &selection.node {
                Selection::Field(field) => self.field(&field.node)?,
                Selection::InlineFragment(fragment) => self.selection(&fragment.node.selection_set.node)?.spread(),
                // One that is not there amounts to nothing, and the framework says that it is not.
                Selection::FragmentSpread(spread) => {
                    self.fragments.get(spread.node.fragment_name.node.as_str()).copied().unwrap_or_default().spread()
                }
            };
            one.values = one.values.saturating_add(values);
            size.beside(one);
        }
        self.total.merges = self.total.merges.saturating_add(size.merges);
        Ok(size)
    }

    fn field(&mut self, field: &'a Field) -> Result<Size, Refusal> {
        let below = self.selection(&field.selection_set.node)?;
        few_arguments(field.arguments.len())?;
        let values = argument::of_field(field, &mut |_| {});
        self.step(values);
        Ok(below.below(field, values))
    }

    /// How many values the directives at one place have, themselves included.
    fn directives(&mut self, directives: &'a [Positioned<Directive>]) -> Result<usize, Refusal> {
        if directives.len() > DIRECTIVES_MAX {
            let message = format!("There are more than {DIRECTIVES_MAX} directives at one place.");
            return Err(Refusal::new("directive_limit", message));
        }
        let mut values = directives.len();
        for directive in directives {
            few_arguments(directive.node.arguments.len())?;
            values += argument::of_directive(&directive.node, &mut |_| {});
        }
        self.step(values);
        Ok(values)
    }
}

fn few_arguments(count: usize) -> Result<(), Refusal> {
    match count > ARGUMENTS_MAX {
        true => Err(Refusal::document(format!("There are more than {ARGUMENTS_MAX} arguments at one place."))),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests;
