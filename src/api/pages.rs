//! The paths beside the operations: what each takes, who may ask, and what answers.

use std::sync::Arc;

use poem::endpoint::BoxEndpoint;
use poem::http::Uri;
use poem::{EndpointExt, RouteMethod, get, post};

use crate::api::fixed::{self, JSON, MadeOnce};
use crate::api::graphql::graph::Graph;
use crate::api::graphql::socket::opening;
use crate::api::graphql::{graphiql, http, stream};
use crate::api::pairing_link::page;
use crate::api::{document, health};

/// One path.
pub(super) struct Page {
    /// As it is written.
    pub(super) path: &'static str,
    /// What it takes; HEAD goes with GET.
    pub(super) methods: &'static [&'static str],
    /// Who may ask.
    access: Access,
    /// What answers. None where it is switched off.
    endpoint: fn(&Source) -> Option<BoxEndpoint<'static>>,
}

/// Who may ask, and who else may have the answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    /// Whoever has a key.
    Key,
    /// Whoever has a key, or comes with a ticket for a stream.
    KeyOrTicket,
    /// Everyone who reaches the port; what is answered is for one caller at one moment all the same. A socket brings its key in
    /// its first message, and is nothing until then. The pairing page's visitors have a link instead of a key.
    Open,
    /// Everyone who reaches the port, and all get the same.
    Same,
}

/// Every such path.
pub(super) const PAGES: &[Page] = &[
    Page { path: "/livez", methods: GET, access: Access::Open, endpoint: |_| Some(get(health::livez).boxed()) },
    Page { path: "/readyz", methods: GET, access: Access::Open, endpoint: |_| Some(get(health::readyz).boxed()) },
    Page { path: "/metrics", methods: GET, access: Access::Key, endpoint: |_| Some(get(health::metrics).boxed()) },
    Page {
        path: "/openapi.json",
        methods: GET,
        access: Access::Same,
        endpoint: |source| Some(source.json.clone().boxed()),
    },
    Page {
        path: "/openapi-3.0.json",
        methods: GET,
        access: Access::Same,
        endpoint: |source| Some(source.older.clone().boxed()),
    },
    Page { path: "/swagger-ui", methods: GET, access: Access::Same, endpoint: swagger },
    Page { path: "/swagger-ui/", methods: GET, access: Access::Same, endpoint: swagger },
    Page {
        path: "/graphql",
        methods: &["GET", "POST"],
        access: Access::Key,
        endpoint: |source| Some(get(http::get).post(http::post).data(source.graph.clone()).boxed()),
    },
    Page {
        path: "/graphql/stream",
        methods: &["GET", "POST"],
        access: Access::KeyOrTicket,
        endpoint: |source| Some(get(stream::events).post(stream::events).data(source.graph.clone()).boxed()),
    },
    Page {
        path: "/graphql/ws",
        methods: GET,
        access: Access::Open,
        endpoint: |source| Some(get(opening::upgrade).data(source.graph.clone()).boxed()),
    },
    Page {
        path: "/graphiql",
        methods: GET,
        access: Access::Same,
        endpoint: |source| source.has_graphiql.then(|| fixed::page(graphiql::page(), graphiql::policy()).boxed()),
    },
    Page {
        path: "/pair",
        methods: GET,
        access: Access::Same,
        endpoint: |_| Some(fixed::page(page::page(), page::policy()).boxed()),
    },
    Page { path: "/pair/live", methods: POST, access: Access::Open, endpoint: |_| Some(post(page::live).boxed()) },
    Page { path: "/pair/code", methods: POST, access: Access::Open, endpoint: |_| Some(post(page::code).boxed()) },
];

const GET: &[&str] = &["GET"];
const POST: &[&str] = &["POST"];

impl Page {
    /// Whether it is a stream, which can be opened with a ticket.
    pub(super) fn takes_ticket(&self) -> bool {
        self.access == Access::KeyOrTicket
    }
}

/// What the pages are made of.
pub(super) struct Source {
    graph: Graph,
    has_graphiql: bool,
    json: Arc<RouteMethod>,
    older: Arc<RouteMethod>,
    /// One for both spellings of its path: those who take it at the same time share it.
    swagger: Arc<RouteMethod>,
}

impl Source {
    /// The pages of a server that is reached there.
    pub(super) fn new(graph: Graph, has_graphiql: bool, public_url: Option<&str>) -> Self {
        let json = MadeOnce::new(document::document_at, public_url);
        let older = MadeOnce::new(document::document_3_0_at, public_url);
        let swagger = fixed::page_around(json.clone(), document::page, document::policy());
        Self { graph, has_graphiql, json: fixed::once(json, JSON), older: fixed::once(older, JSON), swagger }
    }

    /// What answers at this path.
    pub(super) fn endpoint(&self, page: &Page) -> Option<BoxEndpoint<'static>> {
        (page.endpoint)(self)
    }
}

fn swagger(source: &Source) -> Option<BoxEndpoint<'static>> {
    Some(source.swagger.clone().boxed())
}

/// Whether everyone who reaches the port may ask for this.
pub(super) fn is_open(uri: &Uri) -> bool {
    find(uri.path()).is_some_and(|page| matches!(page.access, Access::Open | Access::Same))
}

/// Whether this is the same for everybody: whatever else is answered is for one caller at one moment.
pub(super) fn is_same_for_all(path: &str) -> bool {
    find(path).is_some_and(|page| page.access == Access::Same)
}

fn find(path: &str) -> Option<&'static Page> {
    PAGES.iter().find(|page| page.path == path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_named_here_is_open() {
        let is_open = |path: &str| super::is_open(&path.parse().expect("a path"));
        for open in
            ["/livez", "/readyz", "/openapi.json", "/swagger-ui/", "/graphiql", "/graphql/ws", "/pair", "/pair/code"]
        {
            assert!(is_open(open), "{open}");
        }
        for closed in ["/metrics", "/graphql", "/graphql/stream", "/api/v1/sessions", "/pair/", "/nowhere", "/"] {
            assert!(!is_open(closed), "{closed}");
        }
        let same = PAGES.iter().filter(|page| is_same_for_all(page.path)).map(|page| page.path).collect::<Vec<_>>();
        assert_eq!(same, ["/openapi.json", "/openapi-3.0.json", "/swagger-ui", "/swagger-ui/", "/graphiql", "/pair"]);
    }
}
