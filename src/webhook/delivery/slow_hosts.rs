//! Which hosts are slow right now. In memory only: after a start, each counts as prompt until it shows that it is not.

use std::collections::HashSet;

use http::Uri;
use parking_lot::Mutex;
use secrecy::{ExposeSecret, SecretString};

/// Receivers that are remembered. With more, all are forgotten, and the slow ones show themselves anew.
const HOSTS_MAX: usize = 10_000;

/// The receivers that are slow, by host and port: a thousand webhooks at one dead host wait for it once.
#[derive(Debug, Default)]
pub(in crate::webhook) struct SlowHosts(Mutex<HashSet<String>>);

impl SlowHosts {
    /// Whether the receiver was slow when it was last asked.
    pub(in crate::webhook) fn is_slow(&self, url: &SecretString) -> bool {
        self.0.lock().contains(&receiver(url))
    }

    /// Notes how the receiver is.
    pub(in crate::webhook) fn note(&self, url: &SecretString, is_slow: bool) {
        let (receiver, mut slow) = (receiver(url), self.0.lock());
        if !is_slow {
            slow.remove(&receiver);
            return;
        }
        if slow.len() >= HOSTS_MAX {
            slow.clear();
        }
        slow.insert(receiver);
    }
}

/// Host and port of a URL.
fn receiver(url: &SecretString) -> String {
    let uri = url.expose_secret().parse::<Uri>().ok();
    uri.and_then(|uri| Some(uri.authority()?.as_str().to_ascii_lowercase())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> SecretString {
        text.to_owned().into()
    }

    #[test]
    fn one_slow_answer_speaks_for_the_host_until_a_prompt_one_comes() {
        let hosts = SlowHosts::default();
        hosts.note(&url("https://receiver.example/a?token=1"), true);
        assert!(hosts.is_slow(&url("https://RECEIVER.example/b")));
        assert!(
            !hosts.is_slow(&url("https://receiver.example:8443/a")) && !hosts.is_slow(&url("https://other.example/"))
        );
        hosts.note(&url("https://receiver.example/b"), false);
        assert!(!hosts.is_slow(&url("https://receiver.example/a")));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let hosts = SlowHosts::default();
        for number in 0..=HOSTS_MAX {
            hosts.note(&url(&format!("http://r{number}.example/")), true);
        }
        assert_eq!(hosts.0.lock().len(), 1);
    }
}
