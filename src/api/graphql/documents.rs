//! What a request may ask: its document, read within the limits. The only place where documents are parsed.
//!
//! Documents are remembered: a client asks the same few again and again, and to read one costs as much as to answer it.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::parser::parse_query;
use async_graphql::parser::types::{ExecutableDocument, OperationType};
use async_graphql::{Name, Request, Response, ServerError, Value};
use parking_lot::RwLock;

use crate::api::graphql::answer_order::{self, AnswerOrder};
use crate::api::graphql::variables::Uses;
use crate::api::graphql::{expansion, guard};

/// Tokens and selections of all documents that are remembered. A parsed token takes some 200 bytes. Values belong into
/// variables; a client that writes them into the document has as many documents as values, and must not fill the memory.
const REMEMBERED_MAX: usize = 32 * 1024;
/// Longest document that is remembered, bytes.
const DOCUMENT_BYTES_MAX: usize = 8 * 1024;

/// A document that keeps the limits.
#[derive(Debug)]
pub(super) struct Document {
    parsed: ExecutableDocument,
    uses: Uses,
    orders: HashMap<Option<Name>, AnswerOrder>,
    /// What it takes to remember it: its tokens and its selections.
    weight: usize,
}

impl Document {
    /// Reads a document.
    ///
    /// # Errors
    /// The limit that it breaks, or what the parser says.
    pub(super) fn read(text: &str) -> Result<Self, Box<Response>> {
        let scan = guard::scan(text)?;
        let parsed = parse_query(text).map_err(|error| Response::from_errors(vec![ServerError::from(error)]))?;
        let expansion = expansion::measure(&parsed)?;
        let orders = answer_order::orders(&parsed);
        let weight = scan.tokens + expansion.total.selections;
        Ok(Self { uses: Uses::new(&parsed, expansion.uses), parsed, orders, weight })
    }

    /// Gives a request this document, which is its own.
    ///
    /// # Errors
    /// `variable_limit`.
    pub(super) fn give(&self, request: &mut Request) -> Result<(), Box<Response>> {
        self.uses.check(&request.variables)?;
        request.set_parsed_query(self.parsed.clone());
        Ok(())
    }

    /// Whether one of its operations changes something.
    pub(super) fn has_mutation(&self) -> bool {
        self.parsed.operations.iter().any(|(_, operation)| operation.node.ty == OperationType::Mutation)
    }

    /// Brings the answer of an operation into the order of the document.
    pub(super) fn arrange(&self, operation: Option<&str>, answer: &mut Value) {
        let named = operation.and_then(|name| self.orders.get(&Some(Name::new(name))));
        let only = self.orders.values().next().filter(|_| self.orders.len() == 1);
        if let Some(order) = named.or(only) {
            order.apply(answer);
        }
    }
}

/// The documents of this process that keep the limits.
#[derive(Clone, Default)]
pub(super) struct Documents(Arc<RwLock<Remembered>>);

#[derive(Default)]
struct Remembered {
    documents: HashMap<String, Arc<Document>>,
    weight: usize,
}

impl Documents {
    /// The document with this text.
    ///
    /// # Errors
    /// As [`Document::read`].
    pub(super) fn read(&self, text: &str) -> Result<Arc<Document>, Box<Response>> {
        let known = self.0.read().documents.get(text).cloned();
        if let Some(document) = known {
            return Ok(document);
        }
        let document = Arc::new(Document::read(text)?);
        self.remember(text, &document);
        Ok(document)
    }

    fn remember(&self, text: &str, document: &Arc<Document>) {
        if text.len() > DOCUMENT_BYTES_MAX {
            return;
        }
        let mut known = self.0.write();
        if known.weight + document.weight > REMEMBERED_MAX {
            // All at once: those that matter are back with their next request.
            *known = Remembered::default();
        }
        if known.documents.insert(text.to_owned(), Arc::clone(document)).is_none() {
            known.weight += document.weight;
        }
    }
}

#[cfg(test)]
mod fuzz;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_is_known_and_no_more_than_fits() {
        let documents = Documents::default();
        let knows = |text: &str| documents.0.read().documents.contains_key(text);
        documents.read("{ version }").expect("it is one");
        documents.read("{ broken").expect_err("it does not end");
        let long = format!("{{ version {} }}", " ".repeat(DOCUMENT_BYTES_MAX));
        documents.read(&long).expect("it is one");
        assert!(knows("{ version }") && !knows("{ broken") && !knows(&long));
        let large = |number: usize| format!("{{ v{number}: version {} }}", "version ".repeat(900));
        for number in 0..100 {
            documents.read(&large(number)).expect_err("it has too many fields at its root");
        }
        let large = |number: usize| format!("{{ me {{ v{number}: name {} }} }}", "name ".repeat(900));
        for number in 0..100 {
            documents.read(&large(number)).expect("it is one");
            assert!(documents.0.read().weight <= REMEMBERED_MAX);
        }
        assert!(knows(&large(99)) && !knows(&large(0)));
        documents.read(&large(99)).expect("it is known");
        let weights: usize = documents.0.read().documents.values().map(|document| document.weight).sum();
        assert_eq!(documents.0.read().weight, weights);
    }
}
