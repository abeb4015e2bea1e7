//! One media host: its sockets, and which request goes where. Knows HTTP, and nothing of files.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use poem::http::uri::Scheme;
use poem::http::{Method, StatusCode, header};
use poem::web::{LocalAddr, RemoteAddr};
use poem::{Body, Response};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::media::{download, upload};
use crate::world::World;

/// A request without its body.
pub(super) struct Call {
    /// The host that it came to, counted from 0.
    pub(super) host: usize,
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) query: Query,
    /// Bytes of the body, when the client says so.
    pub(super) length: Option<u64>,
    /// The header `Range`.
    pub(super) range: Option<String>,
    /// Cancelled to reset the connection; cancelled when the simulator stops, too.
    pub(super) cut: CancellationToken,
}

/// The parameters of a URL, decoded.
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads what stands behind the first question mark. A second one begins another parameter: the paths that the hosts
    /// give out have parameters already, and some clients put theirs behind a question mark of their own.
    pub(super) fn parse(text: &str) -> Self {
        let pairs = text.split(['&', '?']).filter_map(|pair| pair.split_once('='));
        Self(pairs.map(|(name, value)| (name.to_owned(), percent_decoded(value))).collect())
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

fn percent_decoded(text: &str) -> String {
    let mut decoded = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let code = behind.get(..2).and_then(|code| std::str::from_utf8(code).ok());
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()).filter(|_| *first == b'%') {
            Some(byte) => {
                decoded.push(byte);
                rest = &behind[2..];
            }
            None => {
                decoded.push(*first);
                rest = behind;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

/// Serves a host until the simulator stops.
pub(crate) async fn serve(world: Arc<World>, host: usize, listener: TcpListener) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = world.stopping.cancelled() => return,
        };
        match accepted {
            Ok((tcp, _)) => {
                world.tasks.spawn(serve_connection(Arc::clone(&world), host, tcp));
            }
            Err(error) => {
                // Out of file descriptors, most likely: without a pause this would spin.
                tracing::warn!(error = %error, "a connection to a media host could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn serve_connection(world: Arc<World>, host: usize, tcp: TcpStream) {
    let _ = tcp.set_nodelay(true); // only slower without it
    let cut = world.stopping.child_token();
    let service = service_fn(|request: hyper::Request<Incoming>| {
        let (world, cut) = (Arc::clone(&world), cut.clone());
        async move { Ok::<_, Infallible>(hyper::Response::from(answer(world, host, cut, request).await)) }
    });
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(tcp), service);
    tokio::select! {
        // Its error is the client's: there is nobody left to tell.
        _ = &mut connection => {}
        () = cut.cancelled() => {
            let _ = connection.into_parts().io.inner().set_zero_linger(); // without it the end is an orderly one
        }
    }
}

async fn answer(world: Arc<World>, host: usize, cut: CancellationToken, request: hyper::Request<Incoming>) -> Response {
    let (local, remote) = (LocalAddr::default(), RemoteAddr::default());
    let mut request: poem::Request = (request, local, remote, Scheme::HTTP).into();
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let call = Call {
        host,
        method: request.method().clone(),
        path: request.uri().path().to_owned(),
        query: Query::parse(request.uri().query().unwrap_or_default()),
        length: header(header::CONTENT_LENGTH).and_then(|length| length.parse().ok()),
        range: header(header::RANGE),
        cut,
    };
    let body = request.take_body();
    // A task of its own: what has arrived of a file is kept, whatever becomes of the connection.
    let tasks = world.tasks.clone();
    let answering = tasks.spawn(async move { route(&world, &call, body).await });
    answering.await.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into()) // it never panics
}

async fn route(world: &Arc<World>, call: &Call, body: Body) -> Response {
    let is_read = matches!(call.method, Method::GET | Method::HEAD);
    if call.method == Method::POST && call.path.starts_with("/mms/") {
        return upload::answer(world, call, body).await;
    }
    if is_read && call.path.starts_with("/v/") {
        return download::answer(world, call).await;
    }
    world.state.lock().stats.add_unknown(format!("media host: {} {}", call.method, call.path));
    StatusCode::NOT_FOUND.into()
}

/// Waits as a fault says. `false` when the simulator stops meanwhile.
pub(super) async fn delay(call: &Call, ms: u64) -> bool {
    tokio::select! {
        () = tokio::time::sleep(Duration::from_millis(ms)) => true,
        () = call.cut.cancelled() => false,
    }
}

#[cfg(test)]
mod tests {
    use super::Query;

    #[test]
    fn parameters_are_read_as_clients_write_them() {
        let query = Query::parse("ccb=11-4&oe=6B&_nc_sid=5e03e0?auth=abc&token=a-_%3D");
        assert_eq!(query.get("_nc_sid"), Some("5e03e0"));
        assert_eq!((query.get("auth"), query.get("token")), (Some("abc"), Some("a-_=")));
        assert_eq!((query.get("hash"), Query::parse("a=%zz%4").get("a")), (None, Some("%zz%4")));
    }
}
