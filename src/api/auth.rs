//! Key to caller. Every path wants a key, but for those that are listed here.

use poem::http::Uri;
use poem::{Request, RequestBody, Result};
use poem_openapi::registry::{MetaSecurityScheme, Registry};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};

use crate::caller::Caller;
use crate::error::{Error, ErrorKind};
use crate::key::Keys;

/// Paths that are open to everyone who reaches the port.
///
/// A socket brings its key in its first message, and is nothing until then. The pairing page's visitors have a link
/// instead of a key.
const OPEN: &[&str] = &[
    "/livez",
    "/readyz",
    "/openapi.json",
    "/openapi-3.0.json",
    "/swagger-ui",
    "/swagger-ui/",
    "/graphiql",
    "/graphql/ws",
    "/pair",
    "/pair/live",
    "/pair/code",
];

/// Who makes this request.
///
/// # Errors
/// `Unauthenticated`.
pub fn caller(keys: &Keys, request: &Request) -> Result<Caller, Error> {
    let Some(token) = token(request) else {
        let detail = "no key came with the request: send `Authorization: Bearer ..` or `X-API-Key`";
        return Err(Error::new(ErrorKind::Unauthenticated, detail));
    };
    keys.admit(token)
}

/// The token that a request shows.
pub fn token(request: &Request) -> Option<&str> {
    request.header("authorization").and_then(bearer).or_else(|| request.header("x-api-key"))
}

/// The token in `Bearer ..`, as a header or a socket's first message has it.
pub fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// Whether everyone may ask for this.
pub fn is_open(uri: &Uri) -> bool {
    OPEN.contains(&uri.path())
}

/// The caller, as a handler gets it; in the document, the two ways to send a key.
pub struct Asks(pub Caller);

impl<'a> ApiExtractor<'a> for Asks {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        let scheme = |ty, description| MetaSecurityScheme {
            ty,
            description: Some(description),
            name: None,
            key_in: None,
            scheme: None,
            bearer_format: None,
            flows: None,
            openid_connect_url: None,
        };
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

    async fn from_request(
        request: &'a Request,
        _body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> Result<Self> {
        let caller = request.extensions().get::<Caller>().cloned();
        Ok(Self(caller.ok_or_else(|| Error::new(ErrorKind::Unauthenticated, "no key came with the request"))?))
    }
}
