//! The order of an answer's fields: that of the document, as the specification has it. The framework puts down what is
//! ready first.

use std::cmp::Ordering;
use std::collections::HashMap;

use async_graphql::parser::types::{ExecutableDocument, Selection, SelectionSet};
use async_graphql::{Name, Value};

/// The fields of a selection with their places, each with the order of what it asks for. A field that several fragments
/// name has the place of the first, whichever of them fits the object.
#[derive(Debug, Default)]
pub(super) struct AnswerOrder(HashMap<Name, (usize, AnswerOrder)>);

/// The orders of the operations of a document.
///
/// The document must be within the limits of `expansion`: fragments are spread here.
pub(super) fn orders(document: &ExecutableDocument) -> HashMap<Option<Name>, AnswerOrder> {
    let operations = document.operations.iter();
    let ordered = operations.map(|(name, operation)| {
        let mut order = AnswerOrder::default();
        order.add(&operation.node.selection_set.node, document);
        (name.cloned(), order)
    });
    ordered.collect()
}

impl AnswerOrder {
    fn add(&mut self, set: &SelectionSet, document: &ExecutableDocument) {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) => {
                    let place = self.0.len();
                    let key = field.node.response_key().node.clone();
                    let (_, below) = self.0.entry(key).or_insert_with(|| (place, Self::default()));
                    below.add(&field.node.selection_set.node, document);
                }
                Selection::InlineFragment(fragment) => self.add(&fragment.node.selection_set.node, document),
                Selection::FragmentSpread(spread) => {
                    if let Some(fragment) = document.fragments.get(&spread.node.fragment_name.node) {
                        self.add(&fragment.node.selection_set.node, document);
                    }
                }
            }
        }
    }

    /// Brings the fields of an answer into this order. What is no selection of the document stays as it is.
    pub(super) fn apply(&self, answer: &mut Value) {
        match answer {
            _ if self.0.is_empty() => {}
            Value::Object(fields) => {
                if !fields.keys().is_sorted_by(|one, other| self.compare(one, other) != Ordering::Greater) {
                    fields.sort_by(|one, _, other, _| self.compare(one, other));
                }
                for (name, field) in fields.iter_mut() {
                    if let Some((_, below)) = self.0.get(name) {
                        below.apply(field);
                    }
                }
            }
            Value::List(items) => items.iter_mut().for_each(|item| self.apply(item)),
            _ => {}
        }
    }

    fn compare(&self, one: &Name, other: &Name) -> Ordering {
        let place = |name| self.0.get(name).map(|(place, _)| *place);
        place(one).cmp(&place(other))
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;
    use async_graphql::value;

    use super::*;

    fn ordered(document: &str, operation: Option<&str>, mut answer: Value) -> String {
        let document = parse_query(document).expect("it can be read");
        orders(&document)[&operation.map(Name::new)].apply(&mut answer);
        serde_json::to_string(&answer).expect("it is JSON")
    }

    #[test]
    fn fields_come_in_the_order_of_the_document_through_lists_and_fragments() {
        let document = "{ b: x ...F a ... { c } d { y x } } fragment F on Query { list { two ...G } e d { z } }
            fragment G on Item { one }";
        let answer = value!({
            "d": { "z": 3, "x": 2, "y": 1 }, "e": 4, "c": 5, "a": 6, "b": 7,
            "list": [{ "one": 1, "two": 2 }, null, { "two": 2, "one": 1 }],
        });
        assert_eq!(
            ordered(document, None, answer),
            r#"{"b":7,"list":[{"two":2,"one":1},null,{"two":2,"one":1}],"e":4,"d":{"z":3,"y":1,"x":2},"a":6,"c":5}"#
        );
    }

    #[test]
    fn each_operation_has_its_own_order_and_free_objects_keep_theirs() {
        let document = "query A { x y } query B { y x }";
        let answer = value!({ "x": { "q": 1, "p": 2 }, "y": null });
        assert_eq!(ordered(document, Some("A"), answer.clone()), r#"{"x":{"q":1,"p":2},"y":null}"#);
        assert_eq!(ordered(document, Some("B"), answer), r#"{"y":null,"x":{"q":1,"p":2}}"#);
    }
}
