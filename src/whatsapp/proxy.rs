//! The operator's proxy, as curl and the HTTP client of this server know it: `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`.

use std::fmt;
use std::sync::Arc;

use anyhow::Context as _;
use http::Uri;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tower_service::Service as _;

/// The rule for a proxy's address.
const RULE: &str = "must be the address of a proxy: http://, https://, socks5:// or socks5h://, with user and password if it wants them";

/// Which connections go through a proxy.
#[derive(Clone, Default)]
pub struct ProxySettings(Option<Arc<Matcher>>);

impl fmt::Debug for ProxySettings {
    /// Without the address, which may have a password in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProxySettings").field("is_set", &self.0.is_some()).finish()
    }
}

impl ProxySettings {
    /// What the environment says: the values of `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`. An empty one says nothing.
    ///
    /// # Errors
    /// The name of the variable, and the rule that it breaks.
    pub fn new(https: &str, all: &str, no: &str) -> Result<Self, String> {
        for (name, value) in [("HTTPS_PROXY", https), ("ALL_PROXY", all)] {
            if !value.is_empty() && Matcher::builder().all(value).build().intercept(&any()).is_none_or(is_unknown) {
                return Err(format!("{name} {RULE}"));
            }
        }
        if https.is_empty() && all.is_empty() {
            return Ok(Self::default());
        }
        Ok(Self(Some(Arc::new(Matcher::builder().https(https).all(all).no(no).build()))))
    }

    /// Whether any connection does.
    pub(super) fn is_set(&self) -> bool {
        self.0.is_some()
    }

    /// The proxy on the way to a host. None if there is none.
    pub(super) fn towards(&self, host: &str, port: u16) -> Option<Proxy> {
        let target: Uri = format!("https://{host}:{port}").parse().ok()?;
        let found = self.0.as_ref()?.intercept(&target)?;
        Some(Proxy { found, target })
    }
}

/// Any address that there is a proxy for.
fn any() -> Uri {
    Uri::from_static("https://web.whatsapp.com")
}

fn is_unknown(found: Intercept) -> bool {
    !matches!(found.uri().scheme_str(), Some("http" | "https" | "socks5" | "socks5h"))
}

/// A proxy, and where it is to lead.
pub(super) struct Proxy {
    found: Intercept,
    target: Uri,
}

/// A connection through a proxy.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

impl Proxy {
    /// Connects through it. `tls` is for a proxy that is spoken to with TLS itself.
    pub(super) async fn connect(self, tls: ClientConfig) -> anyhow::Result<Box<dyn Stream>> {
        let Self { found, target } = self;
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        let proxy = found.uri().clone();
        if let Some("http" | "https") = proxy.scheme_str() {
            let mut tunnel = Tunnel::new(proxy, HttpsConnector::from((tcp, tls)));
            if let Some(auth) = found.basic_auth() {
                tunnel = tunnel.with_auth(auth.clone());
            }
            return Ok(Box::new(TokioIo::new(tunnel.call(target).await.context("the proxy did not let it through")?)));
        }
        // With `socks5h` the proxy looks the name up, with `socks5` this machine.
        let is_local = proxy.scheme_str() == Some("socks5");
        let mut socks = SocksV5::new(proxy, tcp).local_dns(is_local);
        if let Some((user, password)) = found.raw_auth() {
            socks = socks.with_auth(user.to_owned(), password.to_owned());
        }
        Ok(Box::new(TokioIo::new(socks.call(target).await.context("the proxy did not let it through")?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(settings: &ProxySettings, host: &str) -> Option<String> {
        settings.towards(host, 443).map(|proxy| proxy.found.uri().to_string())
    }

    #[test]
    fn the_environment_says_which_way_to_take() {
        let settings =
            ProxySettings::new("http://proxy.example:3128", "socks5://other.example:1080", "example.org, 10.0.0.0/8");
        let settings = settings.expect("it is one");
        assert_eq!(way(&settings, "web.whatsapp.com").as_deref(), Some("http://proxy.example:3128/"));
        for near in ["example.org", "a.example.org", "10.1.2.3"] {
            assert_eq!(way(&settings, near), None, "{near}");
        }
        let all = ProxySettings::new("", "socks5h://other.example:1080", "").expect("it is one");
        assert_eq!(way(&all, "web.whatsapp.com").as_deref(), Some("socks5h://other.example:1080/"));
        let none = ProxySettings::new("", "", "*").expect("it is none");
        assert_eq!(way(&none, "web.whatsapp.com"), None);
        // As curl has it.
        let short = ProxySettings::new("proxy.example:3128", "", "").expect("it is one");
        assert_eq!(way(&short, "web.whatsapp.com").as_deref(), Some("http://proxy.example:3128/"));
    }

    #[test]
    fn what_is_no_proxy_is_refused_by_name_and_without_its_password() {
        for bad in ["ftp://proxy.example", "socks4://proxy.example:1080", "http://", "a b", "://"] {
            let refusal = ProxySettings::new(bad, "", "").expect_err(bad);
            assert!(refusal.starts_with("HTTPS_PROXY must be the address of a proxy"), "{refusal}");
        }
        let refusal = ProxySettings::new("", "ftp://user:hidden@proxy.example", "").expect_err("it is none");
        assert!(refusal.starts_with("ALL_PROXY must be") && !refusal.contains("hidden"), "{refusal}");
        let shown = format!("{:?}", ProxySettings::new("http://user:hidden@proxy.example", "", "").expect("it is one"));
        assert_eq!(shown, "ProxySettings { is_set: true }");
    }
}
