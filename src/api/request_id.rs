//! Names each request: the client's own name if it is a sane one, else a new one.

use poem::http::HeaderName;
use poem::{Endpoint, IntoResponse, Request, Response, Result};
use tracing::Instrument;

/// The header that carries it, both ways.
pub(super) const HEADER: HeaderName = HeaderName::from_static("x-request-id");
/// Longest name that is taken from a client, characters.
const LENGTH_MAX: usize = 64;

tokio::task_local! {
    static CURRENT: String;
}

/// The name of the request that this task works on.
pub(super) fn current() -> String {
    CURRENT.try_with(Clone::clone).unwrap_or_default()
}

/// The name that a client gave its request if it is a sane one, else a new one.
pub(super) fn given_or_made(given: Option<&str>) -> String {
    let given = given
        .filter(|id| !id.is_empty() && id.len() <= LENGTH_MAX)
        .filter(|id| id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)));
    given.map_or_else(|| format!("{:032x}", rand::random::<u128>()), str::to_owned)
}

/// Runs a request under its name.
pub(super) async fn named<E: Endpoint>(endpoint: E, request: Request) -> Result<Response> {
    let id = given_or_made(request.header(&HEADER));
    let span = tracing::debug_span!("request", request.id = %id, method = %request.method());
    let mut response = CURRENT
        .scope(id.clone(), async { endpoint.call(request).await.map(IntoResponse::into_response) })
        .instrument(span)
        .await?;
    if let Ok(value) = id.parse() {
        response.headers_mut().insert(HEADER, value);
    }
    Ok(response)
}
