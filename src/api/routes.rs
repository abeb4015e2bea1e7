//! Which paths there are and what each takes: for the `Allow` of a 405, for the labels of the metrics, and for who comes with a ticket.

use std::collections::BTreeSet;
use std::time::Duration;

use metrics::{Counter, Histogram};
use parking_lot::RwLock;
use poem::http::{HeaderValue, StatusCode};
use poem_openapi::OpenApi;

use crate::api::auth::TICKET;
use crate::api::media::BYTES;
use crate::api::pages::PAGES;
use crate::api::rest::{Apis, PREFIX};

/// Every path of the server.
pub(super) struct Routes {
    known: Vec<Known>,
    /// What is asked for elsewhere.
    elsewhere: Answers,
    durations: Histogram,
}

/// One path.
pub(super) struct Known {
    /// As it is written in the document: `/api/v1/sessions/{session_id}`.
    pub(super) template: String,
    /// The methods that it takes.
    pub(super) allow: HeaderValue,
    /// Whether it has a stream, which can be opened with a ticket.
    pub(super) takes_ticket: bool,
    /// Whether files come in there.
    pub(super) takes_files: bool,
    answers: Answers,
}

/// The counters of one path, by method and status: a few dozen at most. Kept, since to look one up by its labels costs
/// as much as a small request.
#[derive(Default)]
struct Answers(RwLock<Vec<(&'static str, StatusCode, Counter)>>);

impl Routes {
    /// Collects them from the API's own description, so that none is forgotten.
    pub(super) fn new() -> Self {
        let pages = PAGES.iter().map(|page| {
            let methods = page.methods.iter().map(|method| (*method).to_owned()).collect();
            Known::new(page.path.to_owned(), methods, page.takes_ticket())
        });
        let apis = Apis::meta().into_iter();
        let operations = apis.flat_map(|api| api.paths).map(|path| {
            let methods = path.operations.iter().map(|operation| operation.method.to_string()).collect();
            let mut schemes = path.operations.iter().flat_map(|operation| &operation.security);
            let takes_ticket = schemes.any(|scheme| scheme.contains_key(TICKET));
            let mut content = path.operations.iter().filter_map(|operation| operation.request.as_ref());
            let takes_files = content.any(|request| request.content.iter().any(|one| one.content_type == BYTES));
            let known = Known::new(format!("{PREFIX}{}", path.path), methods, takes_ticket);
            Known { takes_files, ..known }
        });
        let mut known: Vec<_> = pages.chain(operations).collect();
        known.sort_by_cached_key(Known::rank);
        Self {
            known,
            elsewhere: Answers::default(),
            durations: metrics::histogram!("waypost_request_duration_seconds"),
        }
    }

    /// The path that this one is an instance of.
    pub(super) fn find(&self, path: &str) -> Option<&Known> {
        self.known.iter().find(|known| known.fits(path))
    }

    /// Counts an answer. The method is one of a closed set, as every label is.
    pub(super) fn count(&self, route: Option<&Known>, method: &'static str, status: StatusCode, took: Duration) {
        let (template, answers) = route.map_or(("none", &self.elsewhere), |known| (&known.template, &known.answers));
        answers.count(template, method, status);
        self.durations.record(took.as_secs_f64());
    }
}

impl Known {
    fn new(template: String, mut methods: BTreeSet<String>, takes_ticket: bool) -> Self {
        if methods.contains("GET") {
            methods.insert("HEAD".to_owned());
        }
        let allow = methods.into_iter().collect::<Vec<_>>().join(", ");
        Self {
            template,
            allow: HeaderValue::from_str(&allow).expect("names of methods are letters"),
            takes_ticket,
            takes_files: false,
            answers: Answers::default(),
        }
    }

    /// Where it stands among all: of two that fit a path the one is meant that has a word where the other has a parameter, as the
    /// router has it.
    fn rank(&self) -> Vec<bool> {
        self.template.split('/').map(|part| part.starts_with('{')).collect()
    }

    /// The first parameter that is no text in this path.
    pub(super) fn unreadable(&self, path: &str) -> Option<&str> {
        if !path.contains('%') {
            return None;
        }
        let named = self.template.split('/').zip(path.split('/'));
        let mut named = named.filter_map(|(want, part)| Some((want.strip_prefix('{')?.strip_suffix('}')?, part)));
        named.find(|(_, part)| !is_text(part)).map(|(name, _)| name)
    }

    fn fits(&self, path: &str) -> bool {
        let (mut parts, mut wanted) = (path.split('/'), self.template.split('/'));
        loop {
            match (parts.next(), wanted.next()) {
                (None, None) => return true,
                (Some(part), Some(want)) if part == want || (want.starts_with('{') && !part.is_empty()) => {}
                _ => return false,
            }
        }
    }
}

/// Whether this part of a path is text once its percent signs are read.
fn is_text(part: &str) -> bool {
    let (mut bytes, mut rest) = (Vec::new(), part.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        let code = after.get(..2).filter(|_| *first == b'%').and_then(|code| std::str::from_utf8(code).ok());
        let byte = code.and_then(|code| u8::from_str_radix(code, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    std::str::from_utf8(&bytes).is_ok()
}

impl Answers {
    fn count(&self, template: &str, method: &'static str, status: StatusCode) {
        let find = |known: &[(&'static str, StatusCode, Counter)]| {
            let found = known.iter().find(|(m, s, _)| (*m, *s) == (method, status));
            found.map(|(_, _, counter)| counter.increment(1)).is_some()
        };
        if find(&self.0.read()) {
            return;
        }
        let mut known = self.0.write();
        if !find(&known) {
            let labels =
                [("method", method.to_owned()), ("route", template.to_owned()), ("status", status.as_str().to_owned())];
            let counter = metrics::counter!("waypost_requests_total", &labels);
            counter.increment(1);
            known.push((method, status, counter));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::error;

    #[test]
    fn a_ticket_is_for_streams_only() {
        let known = Routes::new().known;
        let mut streams: Vec<_> =
            known.iter().filter(|known| known.takes_ticket).map(|known| known.template.as_str()).collect();
        streams.sort_unstable();
        let live = "/api/v1/sessions/{session_id}/live";
        assert_eq!(streams, ["/api/v1/events/stream", live, "/graphql/stream"]);
    }

    #[test]
    fn files_come_in_where_the_document_says_so() {
        let known = Routes::new().known;
        let takes_files = |path: &str| known.iter().any(|known| known.template == path && known.takes_files);
        assert!(takes_files("/api/v1/media"));
        assert!(!takes_files("/api/v1/media/{media_id}") && !takes_files("/api/v1/sessions"));
    }

    #[test]
    fn each_parameter_of_a_path_is_named_for_what_is_not_there_without_it() {
        for known in Routes::new().known {
            for parameter in known.template.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
                assert!(error::missing(parameter).is_some(), "{parameter} of {}", known.template);
            }
        }
    }

    #[test]
    fn a_path_finds_its_template_and_its_methods() {
        let routes = Routes::new();
        let found =
            |path| routes.find(path).map(|known| (known.template.as_str(), known.allow.to_str().expect("text")));
        assert_eq!(found("/api/v1/sessions"), Some(("/api/v1/sessions", "GET, HEAD, POST")));
        assert_eq!(found("/api/v1/sessions/shop"), Some(("/api/v1/sessions/{session_id}", "DELETE, GET, HEAD, PATCH")));
        assert_eq!(found("/api/v1/sessions/shop/connect"), Some(("/api/v1/sessions/{session_id}/connect", "POST")));
        assert_eq!(found("/api/v1/keys/key_1"), Some(("/api/v1/keys/{key_id}", "DELETE")));
        assert_eq!(found("/livez"), Some(("/livez", "GET, HEAD")));
        // Words win over ids.
        assert_eq!(found("/api/v1/sessions/search"), Some(("/api/v1/sessions/search", "GET, HEAD")));
        assert_eq!(found("/api/v1/sessions/search/connect"), Some(("/api/v1/sessions/{session_id}/connect", "POST")));
        let text = "/api/v1/sessions/{session_id}/messages/text";
        assert_eq!(found("/api/v1/sessions/shop/messages/text"), Some((text, "POST")));
        let message = "/api/v1/sessions/{session_id}/messages/{message_id}";
        assert_eq!(found("/api/v1/sessions/shop/messages/3EB0"), Some((message, "DELETE, GET, HEAD")));
        for dead in ["/api/v1/webhooks/dlq", "/api/v1/sessions/{session_id}/webhooks/dlq"] {
            assert_eq!(found(dead), Some((dead, "GET, HEAD")));
        }
        let unreadable = |path| routes.find(path).and_then(|known| known.unreadable(path));
        assert_eq!(unreadable("/api/v1/keys/%FF"), Some("key_id"));
        assert_eq!(unreadable("/api/v1/webhooks/%C3%A4/deliveries/%C3/retry"), Some("delivery_id"));
        for readable in ["/api/v1/keys/%C3%A4", "/api/v1/keys/%", "/api/v1/keys/%zz%4", "/api/v1/keys/key"] {
            assert_eq!(unreadable(readable), None, "{readable}");
        }
        for nowhere in ["/", "/api/v1", "/api/v1/sessions/", "/api/v1/sessions/a/b", "/livez/x"] {
            assert_eq!(found(nowhere), None, "{nowhere}");
        }
    }
}
