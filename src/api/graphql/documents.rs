//! Documents that were read before. A client asks the same few again and again, and to read one costs as much as to
//! answer it.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::Request;
use async_graphql::parser::types::ExecutableDocument;
use parking_lot::RwLock;

/// Documents that are remembered. Values belong into variables; a client that writes them into the document has as many
/// documents as values, and must not fill the memory.
const DOCUMENTS_MAX: usize = 256;
/// Longest document that is remembered, bytes.
const DOCUMENT_BYTES_MAX: usize = 8 * 1024;

/// The documents of this process that keep the limits.
#[derive(Clone, Default)]
pub(super) struct Documents(Arc<RwLock<HashMap<String, ExecutableDocument>>>);

impl Documents {
    /// Gives the request its document, if it is known.
    pub(super) fn recall(&self, request: &mut Request) -> bool {
        let known = self.0.read().get(&request.query).cloned();
        let is_known = known.is_some();
        if let Some(document) = known {
            request.set_parsed_query(document);
        }
        is_known
    }

    /// Remembers the request's document. What cannot be read is not remembered.
    pub(super) fn remember(&self, request: &mut Request) {
        if request.query.len() > DOCUMENT_BYTES_MAX {
            return;
        }
        let query = request.query.clone();
        let Ok(document) = request.parsed_query().cloned() else { return };
        let mut known = self.0.write();
        if known.len() >= DOCUMENTS_MAX {
            // All at once: those that matter are back with their next request.
            known.clear();
        }
        known.insert(query, document);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_is_known_and_no_more_than_fits() {
        let documents = Documents::default();
        let ask = |query: &str| documents.recall(&mut Request::new(query));
        assert!(!ask("{ version }"));
        documents.remember(&mut Request::new("{ version }"));
        documents.remember(&mut Request::new("{ broken"));
        documents.remember(&mut Request::new(format!("{{ version {} }}", " ".repeat(DOCUMENT_BYTES_MAX))));
        assert!(ask("{ version }") && !ask("{ broken"));
        assert_eq!(documents.0.read().len(), 1);
        for number in 0..DOCUMENTS_MAX {
            documents.remember(&mut Request::new(format!("{{ v{number}: version }}")));
        }
        assert!(documents.0.read().len() <= DOCUMENTS_MAX);
        assert!(ask(&format!("{{ v{}: version }}", DOCUMENTS_MAX - 1)));
    }
}
