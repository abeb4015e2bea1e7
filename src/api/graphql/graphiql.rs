//! GraphiQL, a page to try the graph out. Its scripts come from a CDN, each with its hash: what was changed does not run.
//!
//! A page of our own, since async-graphql's asks for whatever React 18 is at the moment and checks nothing.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use poem::http::{HeaderMap, HeaderName, HeaderValue, header};
use sha2::{Digest, Sha256};

const SCRIPT: &str = include_str!("graphiql.js");

/// The page.
pub fn page() -> String {
    include_str!("graphiql.html").replacen("/*script*/", SCRIPT, 1)
}

/// What goes with the page: it may run its own script and those of the CDN, and ask this server.
pub fn headers() -> HeaderMap {
    let own = STANDARD.encode(Sha256::digest(SCRIPT));
    let cdn = "https://cdn.jsdelivr.net/npm/";
    let policy = format!(
        "default-src 'none'; script-src 'sha256-{own}' {cdn}; style-src 'unsafe-inline' {cdn}; font-src data: {cdn}; \
         img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    let policy = HeaderValue::from_str(&policy).expect("a hash in base64 is text");
    let fixed = |name: HeaderName, value| (name, HeaderValue::from_static(value));
    HeaderMap::from_iter([
        (header::CONTENT_SECURITY_POLICY, policy),
        fixed(header::REFERRER_POLICY, "no-referrer"),
        fixed(header::CACHE_CONTROL, "no-cache"),
    ])
}
