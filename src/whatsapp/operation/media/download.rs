//! Files that come: fetched from one of the media servers, opened as they come, and checked before they count.

use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use entity::words::message::FileKind;
use sha2::{Digest, Sha256};
use whatsapp_rust::download::MediaType;

use crate::event::file::MessageFile;
use crate::whatsapp::client::{Client, OperationKind, Way};
use crate::whatsapp::http::transfer::Pieces;
use crate::whatsapp::operation::media::opening::open;
use crate::whatsapp::operation::media::{NotTransferred, WrittenFile};

/// Each piece has a limit of its own; this one is for what never ends.
const DOWNLOAD: OperationKind = OperationKind { name: "download", limit: Duration::from_secs(24 * 60 * 60) };
/// Times that the servers are asked: WhatsApp may say that there are others now.
const ROUNDS: usize = 2;
/// Bytes of the opened file that are written at once.
const BUFFER: usize = 64 * 1024;

impl Client {
    /// Fetches the file of a message and opens it into `into`, which exists and is empty. What is there after a failure is worth nothing.
    /// Says what was written.
    ///
    /// # Errors
    /// Why it is not there.
    pub async fn download(&self, file: &MessageFile, into: &Path, limit: u64) -> Result<WrittenFile, NotTransferred> {
        let wanted = Wanted::of(file, limit).ok_or(NotTransferred::Corrupt)?;
        let (wanted, into) = (Arc::new(wanted), into.to_owned());
        let fetched = self.run_transfer(Way::Download, &DOWNLOAD, |library| async move {
            let _place = self.transfers().download_place().await;
            self.fetch(&library, &wanted, &into).await
        });
        fetched.await.unwrap_or(Err(NotTransferred::Interrupted))
    }

    /// Asks one server after the other. When they do not have it, or do not let the account in, WhatsApp is asked once which servers there
    /// are now.
    async fn fetch(
        &self,
        library: &whatsapp_rust::Client,
        wanted: &Arc<Wanted>,
        into: &Path,
    ) -> Result<WrittenFile, NotTransferred> {
        let mut why = NotTransferred::Interrupted;
        for round in 0..ROUNDS {
            let servers = library.refresh_media_conn(round > 0).await.map_err(|_| NotTransferred::Interrupted)?;
            let mut is_refused = false;
            for server in &servers.hosts {
                why = match self.fetch_from(&wanted.url(&server.hostname), wanted, into).await {
                    Ok(written) => return Ok(written),
                    Err(Failure::Refused(status)) => {
                        is_refused = true;
                        if status == 401 { NotTransferred::Interrupted } else { NotTransferred::Gone }
                    }
                    Err(Failure::Other(NotTransferred::Local)) => return Err(NotTransferred::Local),
                    Err(Failure::Other(why)) => why,
                };
                if is_refused {
                    break;
                }
            }
            if !is_refused {
                break;
            }
        }
        Err(why)
    }

    async fn fetch_from(&self, url: &str, wanted: &Arc<Wanted>, into: &Path) -> Result<WrittenFile, Failure> {
        let interrupted = |_| Failure::Other(NotTransferred::Interrupted);
        let reply = self.transfers().fetch(url).await.map_err(interrupted)?;
        match reply.status() {
            200 => {}
            status @ (401 | 403 | 404 | 410) => return Err(Failure::Refused(status)),
            _ => return Err(Failure::Other(NotTransferred::Interrupted)),
        }
        if reply.length().is_some_and(|length| length > wanted.limit.saturating_add(Wanted::ENVELOPE)) {
            return Err(Failure::Other(NotTransferred::Corrupt));
        }
        let (pieces, fetching) = reply.pieces();
        let (of, into) = (Arc::clone(wanted), into.to_owned());
        let opening = tokio::task::spawn_blocking(move || of.open(pieces, into));
        let (opened, came) = tokio::join!(opening, fetching);
        let written = opened.unwrap_or(Err(NotTransferred::Local)).map_err(Failure::Other)?;
        match wanted.enc_sha256.filter(|_| wanted.key.is_some()) {
            Some(hash) if came.finalize()[..] != hash => Err(Failure::Other(NotTransferred::Corrupt)),
            _ => Ok(written),
        }
    }
}

/// Why one server did not give it.
enum Failure {
    /// It has no such file, or does not give it: the status.
    Refused(u16),
    /// Something else; another server may give it.
    Other(NotTransferred),
}

/// What is to come, and what it is checked by.
struct Wanted {
    path: String,
    key: Option<Vec<u8>>,
    media_type: MediaType,
    sha256: Option<[u8; 32]>,
    enc_sha256: Option<[u8; 32]>,
    length: Option<u64>,
    limit: u64,
}

impl Wanted {
    /// What an encrypted file is longer than the file, at most.
    const ENVELOPE: u64 = 26;

    /// None if it leads nowhere, could not be checked, or is larger than it may be.
    fn of(file: &MessageFile, limit: u64) -> Option<Self> {
        let MessageFile { kind, direct_path, media_key, file_sha256, file_enc_sha256, file_length, mimetype: _ } = file;
        let hash = |bytes: &Option<Vec<u8>>| match bytes {
            Some(bytes) => <[u8; 32]>::try_from(bytes.as_slice()).ok().map(Some),
            None => Some(None),
        };
        let (sha256, enc_sha256) = (hash(file_sha256)?, hash(file_enc_sha256)?);
        // What is not encrypted is only known by its hash.
        let is_checked = media_key.as_ref().map_or(sha256.is_some(), |key| key.len() == 32);
        let length = file_length.map(u64::try_from).transpose().ok()?;
        // The path is the sender's word: what does not begin like this would be a part of the server's name.
        let is_fine = is_checked && direct_path.starts_with('/') && length.is_none_or(|length| length <= limit);
        is_fine.then(|| Self {
            path: direct_path.clone(),
            key: media_key.clone(),
            media_type: media_type(*kind),
            sha256,
            enc_sha256,
            length,
            // What is longer than it said is not read to its end.
            limit: length.unwrap_or(limit),
        })
    }

    /// Its address on a server. The path has parameters of its own, which the server signed: they stay as they are.
    fn url(&self, host: &str) -> String {
        let (path, mms_type) = (&self.path, self.media_type.mms_type());
        let separator = if path.contains('?') { '&' } else { '?' };
        let hash = if self.key.is_some() { self.enc_sha256 } else { self.sha256 };
        let hash = hash.map(|hash| format!("hash={}&", URL_SAFE_NO_PAD.encode(hash))).unwrap_or_default();
        format!("https://{host}{path}{separator}{hash}mms-type={mms_type}&__wa-mms=")
    }

    /// Opens what comes, and checks it, but for the hash of what is encrypted.
    fn open(&self, pieces: Pieces, into: PathBuf) -> Result<WrittenFile, NotTransferred> {
        let file = File::options().write(true).truncate(true).open(into).map_err(|_| NotTransferred::Local)?;
        let mut sealed = Coming { pieces, is_cut_off: false };
        let kept = Kept { file, hasher: Sha256::new(), length: 0, limit: self.limit, why: None };
        let mut kept = BufWriter::with_capacity(BUFFER, kept);
        let opened = match &self.key {
            Some(key) => open(&mut sealed, key, self.media_type, &mut kept).is_ok(),
            None => std::io::copy(&mut sealed, &mut kept).is_ok(),
        };
        let is_written = kept.flush().is_ok();
        if let Some(why) = kept.get_ref().why {
            return Err(why);
        }
        if sealed.is_cut_off {
            return Err(NotTransferred::Interrupted);
        }
        if !is_written {
            return Err(NotTransferred::Local);
        }
        let kept = kept.into_inner().map_err(|_| NotTransferred::Local)?;
        let (length, sha256) = (kept.length, kept.hasher.finalize().into());
        let is_right = opened
            && self.length.is_none_or(|wanted| wanted == length)
            && self.sha256.is_none_or(|wanted| wanted == sha256);
        if is_right { Ok(WrittenFile { sha256, length }) } else { Err(NotTransferred::Corrupt) }
    }
}

fn media_type(kind: FileKind) -> MediaType {
    match kind {
        FileKind::Image => MediaType::Image,
        FileKind::Video => MediaType::Video,
        FileKind::Audio => MediaType::Audio,
        FileKind::Document => MediaType::Document,
        FileKind::Sticker => MediaType::Sticker,
        FileKind::StickerPack => MediaType::StickerPack,
    }
}

/// What comes.
struct Coming {
    pieces: Pieces,
    /// Whether it ended before its end.
    is_cut_off: bool,
}

impl Read for Coming {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        self.pieces.read(buf).inspect_err(|_| self.is_cut_off = true)
    }
}

/// What is written, its hash and its length.
struct Kept {
    file: File,
    hasher: Sha256,
    length: u64,
    limit: u64,
    /// Why no more is written.
    why: Option<NotTransferred>,
}

impl Write for Kept {
    fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
        let left = self.limit.saturating_sub(self.length);
        if u64::try_from(buf.len()).is_ok_and(|more| more > left) {
            self.why = Some(NotTransferred::Corrupt);
            return Err(std::io::Error::from(std::io::ErrorKind::FileTooLarge));
        }
        let count = self.file.write(buf).inspect_err(|_| self.why = Some(NotTransferred::Local))?;
        self.hasher.update(&buf[..count]);
        self.length = self.length.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
        Ok(count)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(direct_path: &str) -> MessageFile {
        MessageFile {
            kind: FileKind::Image,
            direct_path: direct_path.to_owned(),
            media_key: Some(vec![1; 32]),
            file_sha256: Some(vec![2; 32]),
            file_enc_sha256: Some(vec![0xff; 32]),
            file_length: Some(10),
            mimetype: None,
        }
    }

    #[test]
    fn the_parameters_that_the_server_signed_stay_in_the_address() {
        let hash = "hash=__________________________________________8";
        for (path, address) in [
            ("/v/t62/1.enc?ccb=11-4&oh=01_Q5&oe=6B", format!("/v/t62/1.enc?ccb=11-4&oh=01_Q5&oe=6B&{hash}")),
            ("/v/t62/1.enc", format!("/v/t62/1.enc?{hash}")),
        ] {
            let wanted = Wanted::of(&file(path), 10).expect("it can be fetched");
            let expected = format!("https://mmg.whatsapp.net{address}&mms-type=image&__wa-mms=");
            assert_eq!(wanted.url("mmg.whatsapp.net"), expected);
        }
    }

    #[test]
    fn what_could_lead_elsewhere_or_cannot_be_checked_is_not_fetched() {
        for path in ["", "@evil.example/1", ".evil.example/1", ":8080/1", "v/t62/1"] {
            assert!(Wanted::of(&file(path), 10).is_none(), "{path}");
        }
        let short = |bytes: usize| Some(vec![1; bytes]);
        let of = |change: fn(&mut MessageFile)| {
            let mut file = file("/1");
            change(&mut file);
            Wanted::of(&file, 10).is_some()
        };
        assert!(of(|_| {}) && of(|file| (file.file_sha256, file.file_enc_sha256) = (None, None)));
        assert!(of(|file| file.media_key = None) && !of(|file| (file.media_key, file.file_sha256) = (None, None)));
        assert!(!of(|file| file.file_length = Some(11)) && !of(|file| file.file_length = Some(-1)));
        let mut odd = file("/1");
        odd.media_key = short(16);
        assert!(Wanted::of(&odd, 10).is_none());
        odd = MessageFile { file_sha256: short(31), ..file("/1") };
        assert!(Wanted::of(&odd, 10).is_none());
    }
}
