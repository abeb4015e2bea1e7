//! The limit of the GraphQL interface: poem and async-graphql with one field that is always the same, and nothing else.

use std::net::SocketAddr;

use async_graphql::{EmptyMutation, EmptySubscription, Object, Request, Response, Schema};
use poem::listener::TcpListener;
use poem::web::{Data, Json};
use poem::{EndpointExt, Route, Server, handler, post};

type Graph = Schema<Query, EmptyMutation, EmptySubscription>;

struct Query;

#[Object]
impl Query {
    /// Always the same.
    async fn version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }
}

/// The child's life: until it is killed.
#[tokio::main]
pub(crate) async fn run(listen: SocketAddr) -> anyhow::Result<()> {
    let graph = Schema::new(Query, EmptyMutation, EmptySubscription);
    let route = Route::new().at("/graphql", post(answer)).data(graph);
    Ok(Server::new(TcpListener::bind(listen)).run(route).await?)
}

#[handler]
async fn answer(Data(graph): Data<&Graph>, Json(request): Json<Request>) -> Json<Response> {
    Json(graph.execute(request).await)
}
