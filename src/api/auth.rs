//! Key to caller. Every path wants a key, but for those that are listed here.

use poem::http::Uri;
use poem::{Request, RequestBody, Result};
use poem_openapi::registry::{MetaSecurityScheme, Registry};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::caller::Caller;
use crate::error::{Error, ErrorKind};

/// Paths that are open to everyone who reaches the port.
///
/// A socket brings its key in its first message, and is nothing until then.
const OPEN: &[&str] = &["/livez", "/readyz", "/openapi.json", "/swagger-ui", "/swagger-ui/", "/graphql/ws"];

/// The keys that are let in. Only their digests are kept.
#[derive(Clone, Debug)]
pub struct Keys {
    admin: [u8; 32],
}

impl Keys {
    /// Lets the admin token in.
    pub fn new(admin: &SecretString) -> Self {
        Self { admin: digest(admin.expose_secret()) }
    }

    /// Who makes this request.
    ///
    /// # Errors
    /// `Unauthenticated`.
    pub fn caller(&self, request: &Request) -> Result<Caller, Error> {
        let bearer = request.header("authorization").and_then(bearer);
        let Some(token) = bearer.or_else(|| request.header("x-api-key")) else {
            let detail = "no key came with the request: send `Authorization: Bearer ..` or `X-API-Key`";
            return Err(Error::new(ErrorKind::Unauthenticated, detail));
        };
        self.holder(token)
    }

    /// Who says this of himself: `Bearer ..`, as a socket's first message has it.
    ///
    /// # Errors
    /// `Unauthenticated`.
    pub fn bearer(&self, authorization: &str) -> Result<Caller, Error> {
        self.holder(bearer(authorization).unwrap_or_default())
    }

    fn holder(&self, token: &str) -> Result<Caller, Error> {
        // The digests are compared, so the time says nothing about the token.
        if digest(token).ct_eq(&self.admin).into() {
            Ok(Caller::admin())
        } else {
            Err(Error::new(ErrorKind::Unauthenticated, "the key is not valid"))
        }
    }
}

fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
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
        let bearer = MetaSecurityScheme { scheme: Some("bearer"), ..scheme("http", "The admin token.") };
        registry.create_security_scheme("bearer", bearer);
        let header = MetaSecurityScheme {
            name: Some("X-API-Key"),
            key_in: Some("header"),
            ..scheme("apiKey", "The admin token, for clients that cannot send the other header.")
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
