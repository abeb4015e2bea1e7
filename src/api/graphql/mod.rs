//! The GraphQL door: the same services as REST's, in one graph. Translates, and nothing else.

mod answer_order;
mod documents;
mod expansion;
mod failure;
pub mod graph;
pub(super) mod graphiql;
mod guard;
pub(super) mod http;
mod limit;
mod me;
mod node;
pub(super) mod resolver;
pub(super) mod socket;
pub(super) mod stream;
mod variables;
