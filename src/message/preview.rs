//! What is shown of a page that a text links to: what the client gives, or what the page says about itself when the client wants it
//! fetched. That happens once, before the message is written: every time it is sent it says the same.
//!
//! A page is never a reason not to send: without an answer in time the text goes without a preview. Whoever has the page learns that
//! this server asked for it, and nothing else.

mod character_reference;
mod html;
mod link;
pub mod wanted;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use crate::egress::Egress;
use crate::egress::fetch::{Fetched, joined};
use crate::message::preview::html::Page;
use crate::message::preview::wanted::{THUMBNAIL_MAX, WantedPreview, is_jpeg};
use crate::whatsapp::compose::Preview;

/// How long a page and its picture may take, with the wait for others that are fetched.
const LIMIT: Duration = Duration::from_secs(3);
/// Most of a page that is read, bytes. What it says about itself is in its head.
const PAGE_MAX: usize = 64 * 1024;
/// Pages that are fetched at the same time, by all sessions together. Each holds its beginning in memory.
const UNDER_WAY_MAX: usize = 64;
/// What a page is.
const PAGE: &str = "text/html";
/// What a picture is that goes into a message as it is: there is nothing here that could make another one of it.
const PICTURE: &str = "image/jpeg";

/// Makes previews.
#[derive(Clone, Debug)]
pub(super) struct Previews {
    egress: Egress,
    under_way: Arc<Semaphore>,
}

impl Previews {
    pub(super) fn new(egress: Egress) -> Self {
        Self { egress, under_way: Arc::new(Semaphore::new(UNDER_WAY_MAX)) }
    }

    /// The preview that is wanted, as it is sent. None if there is none.
    pub(super) async fn make(&self, wanted: Option<WantedPreview>) -> Option<Preview> {
        match wanted? {
            WantedPreview::Given(preview) => Some(preview),
            WantedPreview::Fetched(url) => self.fetch(url).await,
        }
    }

    async fn fetch(&self, url: String) -> Option<Preview> {
        let until = Instant::now() + LIMIT;
        let _permit = timeout_at(until, self.under_way.acquire()).await.ok()?.ok()?;
        let fetched = self.egress.fetch(&url, PAGE, PAGE_MAX, until).await?;
        let Page { title, description, image } = html::page(&text(&fetched));
        // Phones show nothing of a page without a title.
        let title = Some(title?);
        let thumbnail = match image.and_then(|image| joined(&fetched.url, &image)) {
            Some(image) => self.picture(&image, until).await,
            None => None,
        };
        Some(Preview { url, title, description, thumbnail })
    }

    /// A picture, if it is whole and goes into a message as it is.
    async fn picture(&self, url: &str, until: Instant) -> Option<Vec<u8>> {
        let Fetched { body, is_whole, .. } = self.egress.fetch(url, PICTURE, THUMBNAIL_MAX, until).await?;
        (is_whole && is_jpeg(&body)).then_some(body)
    }
}

/// A page as text. Pages are written in UTF-8, and old ones in Latin-1; what comes out of others is left out when it is read.
fn text(Fetched { charset, body, .. }: &Fetched) -> String {
    match charset.as_deref() {
        Some("iso-8859-1" | "latin1" | "windows-1252" | "us-ascii") => body.iter().copied().map(char::from).collect(),
        _ => String::from_utf8_lossy(body).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_page_is_read_in_its_charset() {
        let body = b"caf\xe9".to_vec();
        let page = |charset: Option<&str>| Fetched {
            url: String::new(),
            charset: charset.map(str::to_owned),
            body: body.clone(),
            is_whole: true,
        };
        assert_eq!(text(&page(Some("iso-8859-1"))), "café");
        assert_eq!(text(&page(None)), "caf\u{fffd}");
        assert_eq!(text(&page(Some("shift_jis"))), "caf\u{fffd}");
    }
}
