//! Whom this client may ask. The names of WhatsApp's media hosts come from WhatsApp's server, but the path of a file comes from whoever
//! sent the message: nothing of it may lead to another host.

use reqwest::Url;
use reqwest::redirect::Policy;

/// The domains that WhatsApp's hosts are in.
const DOMAINS: [&str; 3] = ["whatsapp.net", "whatsapp.com", "fbcdn.net"];
/// Redirects that are followed, from one of the hosts to another.
const REDIRECTS: usize = 3;

/// Which hosts can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// WhatsApp's own, over TLS.
    WhatsApp,
    /// Those on this machine, without TLS, whatever the address says.
    Loopback,
}

impl Reach {
    /// What is asked when the library asks for this.
    ///
    /// # Errors
    /// It is no address, or not one that may be asked.
    pub(super) fn address(self, url: &str) -> anyhow::Result<Url> {
        let mut url = Url::parse(url)?;
        anyhow::ensure!(self.allows(&url), "this host is not asked");
        if self == Self::Loopback && url.set_scheme("http").is_err() {
            anyhow::bail!("no address of a loopback host");
        }
        Ok(url)
    }

    /// Follows redirects among the hosts that may be asked.
    pub(super) fn redirects(self) -> Policy {
        Policy::custom(move |attempt| {
            if attempt.previous().len() <= REDIRECTS && self.allows(attempt.url()) {
                attempt.follow()
            } else {
                attempt.stop()
            }
        })
    }

    fn allows(self, url: &Url) -> bool {
        let host = url.host_str().unwrap_or_default();
        let has_user = !url.username().is_empty() || url.password().is_some();
        match self {
            _ if has_user => false,
            Self::WhatsApp => url.scheme() == "https" && url.port().is_none() && is_whatsapps(host),
            Self::Loopback => host == "127.0.0.1" || host == "[::1]" || host == "localhost",
        }
    }
}

fn is_whatsapps(host: &str) -> bool {
    DOMAINS
        .iter()
        .any(|domain| host.strip_suffix(domain).is_some_and(|before| before.is_empty() || before.ends_with('.')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(reach: Reach, url: &str) -> Option<String> {
        reach.address(url).ok().map(String::from)
    }

    #[test]
    fn only_whatsapp_is_asked_and_only_over_tls() {
        for url in [
            "https://mmg.whatsapp.net/v/t62/1?ccb=11&oh=01_Q5",
            "https://media-ams4-1.cdn.whatsapp.net/mms/image/a",
            "https://web.whatsapp.com/sw.js",
            "https://whatsapp.net/",
        ] {
            assert_eq!(asked(Reach::WhatsApp, url).as_deref(), Some(url));
        }
        for url in [
            "http://mmg.whatsapp.net/v/t62/1",
            "https://mmg.whatsapp.net:8443/v/t62/1",
            "https://mmg.whatsapp.net@evil.example/v",
            "https://mmg.whatsapp.net.evil.example/v",
            "https://evilwhatsapp.net/v",
            "https://user@mmg.whatsapp.net/v",
            "https://127.0.0.1/v",
            "https://127.0.0.1:7072/v",
            "file:///etc/passwd",
            "mmg.whatsapp.net",
            "",
        ] {
            assert_eq!(asked(Reach::WhatsApp, url), None, "{url}");
        }
    }

    #[test]
    fn the_simulator_is_asked_without_tls_and_nobody_else() {
        let asked = |url| asked(Reach::Loopback, url);
        let url = "https://127.0.0.1:7072/v/t62/1?ccb=11&oh=01";
        assert_eq!(asked(url).as_deref(), Some("http://127.0.0.1:7072/v/t62/1?ccb=11&oh=01"));
        for url in ["https://mmg.whatsapp.net/v", "https://127.0.0.1.example/v", "https://10.0.0.1:80/v", "ftp://x/"] {
            assert_eq!(asked(url), None, "{url}");
        }
    }
}
