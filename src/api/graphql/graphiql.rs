//! GraphiQL, a page to try the graph out. Its scripts come from a CDN, each with its hash: what was changed does not run.
//!
//! A page of our own, since async-graphql's asks for whatever React 18 is at the moment and checks nothing.

use crate::api::fixed::{self, Policy};

const SCRIPT: &str = include_str!("graphiql.js");

/// The page.
pub fn page() -> String {
    include_str!("graphiql.html").replacen("/*script*/", SCRIPT, 1)
}

/// What the page may do: run its own script and those of the CDN, and ask this server.
pub fn policy() -> Policy {
    let cdn = "https://cdn.jsdelivr.net/npm/";
    Policy {
        scripts: format!("{} {cdn}", fixed::hash(SCRIPT)),
        styles: format!("'unsafe-inline' {cdn}"),
        pictures: "data:",
        fonts: format!("data: {cdn}"),
    }
}
