//! Which paths there are and what each takes: for the `Allow` of a 405 and for the labels of the metrics.

use std::collections::BTreeSet;

use poem::http::HeaderValue;
use poem_openapi::OpenApi;

use crate::api::rest::SessionsApi;

/// Where the REST door stands.
pub(super) const REST: &str = "/api/v1";
/// The pages beside it. They can only be read.
const PAGES: &[&str] = &["/livez", "/readyz", "/metrics", "/openapi.json", "/swagger-ui", "/swagger-ui/"];

/// Every path of the server.
#[derive(Debug)]
pub(super) struct Routes(Vec<Known>);

/// One path.
#[derive(Debug)]
pub(super) struct Known {
    /// As it is written in the document: `/api/v1/sessions/{session_id}`.
    pub(super) template: String,
    /// The methods that it takes.
    pub(super) allow: HeaderValue,
}

impl Routes {
    /// Collects them from the API's own description, so that none is forgotten.
    pub(super) fn new() -> Self {
        let pages = PAGES.iter().map(|page| Known::new((*page).to_owned(), ["GET".to_owned()].into()));
        let operations = SessionsApi::meta().into_iter().flat_map(|api| api.paths).map(|path| {
            let methods = path.operations.iter().map(|operation| operation.method.to_string()).collect();
            Known::new(format!("{REST}{}", path.path), methods)
        });
        Self(pages.chain(operations).collect())
    }

    /// The path that this one is an instance of.
    pub(super) fn find(&self, path: &str) -> Option<&Known> {
        self.0.iter().find(|known| known.fits(path))
    }
}

impl Known {
    fn new(template: String, mut methods: BTreeSet<String>) -> Self {
        if methods.contains("GET") {
            methods.insert("HEAD".to_owned());
        }
        let allow = methods.into_iter().collect::<Vec<_>>().join(", ");
        Self { template, allow: HeaderValue::from_str(&allow).expect("names of methods are letters") }
    }

    fn fits(&self, path: &str) -> bool {
        let (mut parts, mut wanted) = (path.split('/'), self.template.split('/'));
        loop {
            match (parts.next(), wanted.next()) {
                (None, None) => return true,
                (Some(part), Some(want)) if part == want || (want.starts_with('{') && !part.is_empty()) => {}
                _ => return false,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_finds_its_template_and_its_methods() {
        let routes = Routes::new();
        let found =
            |path| routes.find(path).map(|known| (known.template.as_str(), known.allow.to_str().expect("text")));
        assert_eq!(found("/api/v1/sessions"), Some(("/api/v1/sessions", "GET, HEAD, POST")));
        assert_eq!(found("/api/v1/sessions/shop"), Some(("/api/v1/sessions/{session_id}", "DELETE, GET, HEAD, PATCH")));
        assert_eq!(found("/api/v1/sessions/shop/connect"), Some(("/api/v1/sessions/{session_id}/connect", "POST")));
        assert_eq!(found("/livez"), Some(("/livez", "GET, HEAD")));
        for nowhere in ["/", "/api/v1", "/api/v1/sessions/", "/api/v1/sessions/a/b", "/livez/x"] {
            assert_eq!(found(nowhere), None, "{nowhere}");
        }
    }
}
