//! What a client sees that is not on this host: addresses that begin where people reach the server, and, for pages of other
//! sites that were allowed, the words that a browser wants.
//!
//! Keys come in headers that only a page's own script can set. So nothing here ever allows cookies or other credentials.

use poem::http::{HeaderValue, Method, StatusCode, header};
use poem::{Request, Response};

/// The methods that a page of another site may use.
const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE");
/// The headers that it may send.
const HEADERS: HeaderValue = HeaderValue::from_static(
    "Authorization, X-API-Key, Content-Type, Accept, Last-Event-ID, X-Request-Id, Idempotency-Key, Prefer, Range, If-Range, \
     If-None-Match",
);
/// The headers that it may read beside the usual ones.
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "Location, Retry-After, X-Request-Id, Allow, WWW-Authenticate, Idempotent-Replayed, ETag, Accept-Ranges, Content-Range, \
     Content-Disposition, File-State",
);
/// Seconds that a browser may remember all that: the longest that the common ones do. src: Chromium, two hours.
const REMEMBERED: HeaderValue = HeaderValue::from_static("7200");

/// How the server is seen from elsewhere.
pub(super) struct Outside {
    /// Where it is reached, without a slash at the end.
    base: Option<String>,
    origins: Vec<HeaderValue>,
}

impl Outside {
    /// The server that is reached there, by pages of these origins.
    pub(super) fn new(base: Option<&str>, origins: &[String]) -> Self {
        let base = base.map(|base| base.trim_end_matches('/').to_owned());
        Self { base, origins: origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()).collect() }
    }

    /// The origin of the page that asks, if it may.
    pub(super) fn allowed(&self, request: &Request) -> Option<HeaderValue> {
        let origin = request.headers().get(header::ORIGIN)?;
        self.origins.iter().find(|allowed| *allowed == origin).cloned()
    }

    /// The answer to a browser that asks whether it may ask. It shows no key, so it is answered before one is wanted.
    pub(super) fn preflight(&self, request: &Request) -> Option<Response> {
        let is_preflight = request.method() == Method::OPTIONS
            && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        let origin = self.allowed(request).filter(|_| is_preflight)?;
        let mut response = Response::builder().status(StatusCode::NO_CONTENT).finish();
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HEADERS);
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, REMEMBERED);
        self.dress(&mut response, Some(origin));
        Some(response)
    }

    /// Makes an answer fit for who asked: a page of this origin, or anybody.
    pub(super) fn dress(&self, response: &mut Response, origin: Option<HeaderValue>) {
        let headers = response.headers_mut();
        if let (Some(base), Some(location)) = (&self.base, headers.get(header::LOCATION))
            && let Some(path) = location.to_str().ok().filter(|path| path.starts_with('/'))
            && let Ok(whole) = HeaderValue::from_str(&format!("{base}{path}"))
        {
            headers.insert(header::LOCATION, whole);
        }
        if self.origins.is_empty() {
            return;
        }
        // For caches: what one origin may read is not what another one may.
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
        if let Some(origin) = origin {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        }
    }
}
