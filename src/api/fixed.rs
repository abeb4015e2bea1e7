//! Texts and pages that are the same at every request, and what a page may do in a browser. What costs time or memory to make is made
//! when somebody asks for it: most servers are never asked.

use std::sync::{Arc, OnceLock, Weak};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use parking_lot::Mutex;
use poem::endpoint::{make, make_sync};
use poem::http::{HeaderMap, HeaderName, HeaderValue, header};
use poem::{Response, RouteMethod, get};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

/// The media type of a page.
const HTML: &str = "text/html; charset=utf-8";
/// The media type of a JSON text.
pub(super) const JSON: &str = "application/json; charset=utf-8";

/// What a page may run, look like and show, in the words of a Content-Security-Policy. It may ask this server, and do nothing
/// that is not named here.
pub(super) struct Policy {
    /// Where its scripts are from.
    pub(super) scripts: String,
    /// Where its styles are from.
    pub(super) styles: String,
    /// Where its pictures are from.
    pub(super) pictures: &'static str,
    /// Where its fonts are from.
    pub(super) fonts: String,
}

impl Policy {
    /// What goes with a page that may do this.
    fn headers(&self) -> HeaderMap {
        let Self { scripts, styles, pictures, fonts } = self;
        let policy = format!(
            "default-src 'none'; script-src {scripts}; style-src {styles}; img-src {pictures}; font-src {fonts}; \
             connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        );
        let policy = HeaderValue::from_str(&policy).expect("hashes in base64 and addresses are text");
        let fixed = |name: HeaderName, value| (name, HeaderValue::from_static(value));
        HeaderMap::from_iter([
            (header::CONTENT_SECURITY_POLICY, policy),
            fixed(header::REFERRER_POLICY, "no-referrer"),
            fixed(header::CACHE_CONTROL, "no-cache"),
        ])
    }
}

/// What lets exactly this script or style through.
pub(super) fn hash(text: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)))
}

/// A text that is made at the first request for it and kept: to make it costs much, to keep it little.
#[derive(Clone)]
pub(super) struct MadeOnce(Arc<Making>);

struct Making {
    make: fn(Option<&str>) -> String,
    public_url: Option<String>,
    /// Shared by those who wait for it. It goes on when they hang up, so that nobody can have it begun again and again.
    made: OnceLock<Shared<BoxFuture<'static, Option<Bytes>>>>,
}

impl MadeOnce {
    /// What this makes of the address at which people reach the server.
    pub(super) fn new(make: fn(Option<&str>) -> String, public_url: Option<&str>) -> Self {
        Self(Arc::new(Making { make, public_url: public_url.map(str::to_owned), made: OnceLock::new() }))
    }

    /// The text.
    ///
    /// # Errors
    /// `Internal`: to make it panicked.
    async fn bytes(&self) -> Result<Bytes> {
        let made = self.0.made.get_or_init(|| {
            let making = Arc::clone(&self.0);
            // Tens of milliseconds: too long for a worker.
            let made = tokio::task::spawn_blocking(move || Bytes::from((making.make)(making.public_url.as_deref())));
            made.map(std::result::Result::ok).boxed().shared()
        });
        made.clone().await.ok_or_else(|| Error::internal("a page could not be made"))
    }
}

/// A page around such a text, large and quickly made: it is kept only while somebody takes it. Those who take it at the same time
/// share it, since each may be slow.
struct Around {
    text: MadeOnce,
    make: fn(&str) -> String,
    taken: Mutex<Weak<[u8]>>,
}

impl Around {
    async fn bytes(&self) -> Result<Bytes> {
        let text = self.text.bytes().await?;
        let mut taken = self.taken.lock();
        let page = match taken.upgrade() {
            Some(page) => page,
            None => {
                let page: Arc<[u8]> =
                    (self.make)(std::str::from_utf8(&text).map_err(Error::internal)?).into_bytes().into();
                *taken = Arc::downgrade(&page);
                page
            }
        };
        Ok(Bytes::from_owner(page))
    }
}

/// A small page.
pub(super) fn page(text: String, policy: Policy) -> Arc<RouteMethod> {
    let (text, headers) = (Bytes::from(text), policy.headers());
    Arc::new(get(make_sync(move |_| answer(text.clone(), HTML, &headers))))
}

/// A text of its own.
pub(super) fn once(text: MadeOnce, media_type: &'static str) -> Arc<RouteMethod> {
    Arc::new(get(make(move |_| {
        let text = text.clone();
        async move { Ok::<_, poem::Error>(answer(text.bytes().await?, media_type, &HeaderMap::new())) }
    })))
}

/// A page around a text.
pub(super) fn page_around(text: MadeOnce, make_page: fn(&str) -> String, policy: Policy) -> Arc<RouteMethod> {
    let around = Around { text, make: make_page, taken: Mutex::new(Weak::<[u8; 0]>::new()) };
    let page = Arc::new((around, policy.headers()));
    Arc::new(get(make(move |_| {
        let page = Arc::clone(&page);
        async move { Ok::<_, poem::Error>(answer(page.0.bytes().await?, HTML, &page.1)) }
    })))
}

fn answer(bytes: Bytes, media_type: &'static str, headers: &HeaderMap) -> Response {
    let mut response = Response::builder().content_type(media_type).body(bytes);
    response.headers_mut().extend(headers.clone());
    response
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn a_text_is_made_once_however_many_ask_and_whoever_hangs_up() {
        static TIMES: AtomicUsize = AtomicUsize::new(0);
        let text = MadeOnce::new(
            |url| {
                TIMES.fetch_add(1, Ordering::Relaxed);
                std::thread::sleep(std::time::Duration::from_millis(20));
                format!("at {}", url.unwrap_or("nowhere"))
            },
            Some("https://wa.example.com"),
        );
        assert_eq!(TIMES.load(Ordering::Relaxed), 0, "nobody has asked");
        assert!(text.bytes().now_or_never().is_none(), "this one hangs up");
        for bytes in futures::future::join_all((0..10).map(|_| text.bytes())).await {
            assert_eq!(bytes.expect("it is made"), "at https://wa.example.com");
        }
        assert_eq!(TIMES.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_page_is_shared_by_those_who_take_it_and_gone_when_nobody_does() {
        let text = MadeOnce::new(|_| "text".to_owned(), None);
        let page = Around { text, make: |text| format!("<{text}>"), taken: Mutex::new(Weak::<[u8; 0]>::new()) };
        let one = page.bytes().await.expect("it is made");
        let other = page.bytes().await.expect("it is made");
        assert_eq!((&one[..], one.as_ptr()), (&b"<text>"[..], other.as_ptr()));
        drop((one, other));
        assert!(page.taken.lock().upgrade().is_none());
        assert_eq!(page.bytes().await.expect("it is made"), "<text>");
    }

    #[tokio::test]
    async fn what_cannot_be_made_is_a_failure_and_no_hung_request() {
        let text = MadeOnce::new(|_| panic!("no such operation"), None);
        assert!(text.bytes().await.is_err());
        assert!(text.bytes().await.is_err());
    }
}
