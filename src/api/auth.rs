//! Key to caller. Every path wants a key, but for the pages that are open.

use poem::http::Method;
use poem::{Request, RequestBody, Result};
use poem_openapi::registry::{MetaSecurityScheme, Registry};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};

use crate::caller::Caller;
use crate::error::{Error, ErrorKind};
use crate::key::Keys;

/// What a ticket is called in the address that it stands in, and in the document.
pub(super) const TICKET: &str = "ticket";

/// Who makes this request.
///
/// # Errors
/// `Unauthenticated`.
pub fn caller(keys: &Keys, request: &Request) -> Result<Caller, Error> {
    let Some(token) = token(request) else {
        if let Some(ticket) = ticket(request) {
            return keys.redeem_ticket(ticket);
        }
        let detail = "no key came with the request: send `Authorization: Bearer ..` or `X-API-Key`";
        return Err(Error::new(ErrorKind::Unauthenticated, detail));
    };
    keys.admit(token)
}

/// The token that a request shows.
pub fn token(request: &Request) -> Option<&str> {
    request.header("authorization").and_then(bearer).or_else(|| request.header("x-api-key"))
}

/// What a request has whose path is that of a stream: its address may hold a ticket.
#[derive(Clone, Copy, Debug)]
pub(super) struct TakesTicket;

/// The ticket in the address of a stream. Nothing else can be had with one.
fn ticket(request: &Request) -> Option<&str> {
    if request.method() != Method::GET || request.data::<TakesTicket>().is_none() {
        return None;
    }
    // A ticket is letters and digits: nothing of it is ever escaped.
    request.uri().query()?.split('&').find_map(|part| part.strip_prefix(TICKET)?.strip_prefix('='))
}

/// The token in `Bearer ..`, as a header or a socket's first message has it.
pub fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// The caller, as a handler gets it; in the document, the two ways to send a key.
pub struct Asks(pub Caller);

/// The same for a stream, which also takes a ticket: `Routes` learns from the document which paths have one.
pub struct AsksForStream(pub Caller);

impl Asks {
    fn of(request: &Request) -> Result<Caller> {
        let caller = request.extensions().get::<Caller>().cloned();
        Ok(caller.ok_or_else(|| Error::new(ErrorKind::Unauthenticated, "no key came with the request"))?)
    }
}

impl<'a> ApiExtractor<'a> for Asks {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        let bearer = MetaSecurityScheme { scheme: Some("bearer"), ..scheme("http", "A key, or the admin token.") };
        registry.create_security_scheme("bearer", bearer);
        let header = MetaSecurityScheme {
            name: Some("X-API-Key"),
            key_in: Some("header"),
            ..scheme("apiKey", "The same, for clients that cannot send the other header.")
        };
        registry.create_security_scheme("api_key", header);
    }

    fn security_schemes() -> Vec<&'static str> {
        vec!["bearer", "api_key"]
    }

    async fn from_request(request: &'a Request, _: &mut RequestBody, _: ExtractParamOptions<()>) -> Result<Self> {
        Self::of(request).map(Self)
    }
}

impl<'a> ApiExtractor<'a> for AsksForStream {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        Asks::register(registry);
        let ticket = MetaSecurityScheme {
            name: Some(TICKET),
            key_in: Some("query"),
            ..scheme("apiKey", "A ticket, for `EventSource`, which can send no header. Opens one stream.")
        };
        registry.create_security_scheme(TICKET, ticket);
    }

    fn security_schemes() -> Vec<&'static str> {
        vec!["bearer", "api_key", TICKET]
    }

    async fn from_request(request: &'a Request, _: &mut RequestBody, _: ExtractParamOptions<()>) -> Result<Self> {
        Asks::of(request).map(Self)
    }
}

fn scheme(ty: &'static str, description: &'static str) -> MetaSecurityScheme {
    MetaSecurityScheme {
        ty,
        description: Some(description),
        name: None,
        key_in: None,
        scheme: None,
        bearer_format: None,
        flows: None,
        openid_connect_url: None,
    }
}
