//! What the media hosts store: whole files by path, and the beginnings of files whose upload was broken off. Bounded: the
//! oldest go first.

use std::collections::{HashMap, VecDeque};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use bytes::Bytes;
use serde::Serialize;
use sha2::Sha256;

use crate::simulator::Simulator;
use crate::world::now;

/// Seconds that a path is good for; src: the `oe` of paths that WhatsApp makes.
const PATH_SECONDS: u64 = 30 * 24 * 3600;

/// Beginnings of files that are kept.
const KEPT_PARTIALS: usize = 64;

/// What names an upload: the part of the path that says the kind of file, and the hash of the encrypted file.
pub(crate) type UploadKey = (String, [u8; 32]);

/// A file as a host has it.
#[derive(Clone)]
pub(crate) struct StoredFile {
    /// Where it is, signature and expiry included.
    pub(crate) direct_path: String,
    pub(crate) key: UploadKey,
    pub(crate) bytes: Bytes,
    /// The status that the hosts answer instead of giving it out.
    pub(crate) lost: Option<u16>,
}

/// The beginning of a file.
pub(crate) struct Partial {
    pub(crate) bytes: Vec<u8>,
    /// Has seen these bytes.
    pub(crate) hasher: Sha256,
}

pub(crate) struct FileStore {
    limit_bytes: u64,
    total_bytes: u64,
    serial: u64,
    /// By the part of the path before the signature.
    files: HashMap<String, StoredFile>,
    order: VecDeque<String>,
    /// Where the file of an upload is.
    uploaded: HashMap<UploadKey, String>,
    partials: VecDeque<(UploadKey, Partial)>,
}

/// A file that the hosts store, without its content.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct FileInfo {
    /// Where it is.
    pub direct_path: String,
    /// What it was uploaded as: `image`, `video`, `audio`, `document`, ..
    pub kind: String,
    /// The hash of the encrypted file, as URLs spell it.
    pub token: String,
    /// Bytes of the encrypted file.
    pub size_bytes: u64,
    /// The status that the hosts answer instead of giving it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lost: Option<u16>,
}

impl FileStore {
    pub(crate) fn new(limit_bytes: u64) -> Self {
        Self {
            limit_bytes,
            total_bytes: 0,
            serial: 0,
            files: HashMap::new(),
            order: VecDeque::new(),
            uploaded: HashMap::new(),
            partials: VecDeque::new(),
        }
    }

    pub(crate) fn limit_bytes(&self) -> u64 {
        self.limit_bytes
    }

    /// Stores a file and says where. One that is stored already stays where it is.
    pub(crate) fn put(&mut self, key: UploadKey, bytes: Bytes) -> String {
        match self.find_upload(&key) {
            Some(file) => file.direct_path,
            None => self.put_anew(key, bytes),
        }
    }

    /// Stores a file under a path of its own, whether it is stored already or not.
    pub(crate) fn put_anew(&mut self, key: UploadKey, bytes: Bytes) -> String {
        self.serial += 1;
        let path = format!("/v/t62.{}-24/{}_{:016x}_n.enc", folder(&key.0), self.serial, rand::random::<u64>());
        let signature = BASE64_URL_SAFE_NO_PAD.encode(rand::random::<[u8; 30]>());
        let expiry = now() + PATH_SECONDS;
        let direct_path = format!("{path}?ccb=11-4&oh=01_{signature}&oe={expiry:X}&_nc_sid=5e03e0");
        self.total_bytes += bytes.len() as u64;
        self.uploaded.insert(key.clone(), path.clone());
        self.order.push_back(path.clone());
        let file = StoredFile { direct_path: direct_path.clone(), key, bytes, lost: None };
        self.files.insert(path, file);
        self.make_room();
        direct_path
    }

    /// The file at a path, which may or may not have its signature.
    pub(crate) fn find(&self, direct_path: &str) -> Option<&StoredFile> {
        self.files.get(direct_path.split('?').next().unwrap_or_default())
    }

    /// The file that was uploaded, while the hosts give it out.
    pub(crate) fn find_upload(&self, key: &UploadKey) -> Option<StoredFile> {
        let file = self.files.get(self.uploaded.get(key)?)?;
        file.lost.is_none().then(|| file.clone())
    }

    pub(crate) fn keep_partial(&mut self, key: UploadKey, partial: Partial) {
        self.drop_partial(&key);
        self.total_bytes += partial.bytes.len() as u64;
        self.partials.push_back((key, partial));
        if self.partials.len() > KEPT_PARTIALS {
            self.drop_oldest_partial();
        }
        self.make_room();
    }

    pub(crate) fn partial_bytes(&self, key: &UploadKey) -> u64 {
        self.partials.iter().find(|(kept, _)| kept == key).map_or(0, |(_, partial)| partial.bytes.len() as u64)
    }

    pub(crate) fn take_partial(&mut self, key: &UploadKey) -> Option<Partial> {
        let index = self.partials.iter().position(|(kept, _)| kept == key)?;
        let (_, partial) = self.partials.remove(index)?;
        self.total_bytes -= partial.bytes.len() as u64;
        Some(partial)
    }

    fn drop_partial(&mut self, key: &UploadKey) {
        drop(self.take_partial(key));
    }

    fn drop_oldest_partial(&mut self) {
        if let Some((_, partial)) = self.partials.pop_front() {
            self.total_bytes -= partial.bytes.len() as u64;
        }
    }

    fn make_room(&mut self) {
        while self.total_bytes > self.limit_bytes {
            if !self.partials.is_empty() {
                self.drop_oldest_partial();
                continue;
            }
            let Some(file) = self.order.pop_front().and_then(|oldest| self.files.remove(&oldest)) else { return };
            self.total_bytes -= file.bytes.len() as u64;
            let is_newest = |path: &mut String| file.direct_path.starts_with(path.as_str());
            if self.uploaded.get_mut(&file.key).is_some_and(is_newest) {
                self.uploaded.remove(&file.key);
            }
        }
    }

    pub(crate) fn expire_all(&mut self, status: u16) {
        for file in self.files.values_mut() {
            file.lost = Some(status);
        }
        self.partials.clear();
        self.total_bytes = self.files.values().map(|file| file.bytes.len() as u64).sum();
    }

    /// Lets the hosts lose one file. `false` when there is none at the path.
    pub(crate) fn expire(&mut self, direct_path: &str, status: u16) -> bool {
        let file = self.files.get_mut(direct_path.split('?').next().unwrap_or_default());
        file.map(|file| file.lost = Some(status)).is_some()
    }

    pub(crate) fn list(&self) -> Vec<FileInfo> {
        let files = self.order.iter().filter_map(|path| self.files.get(path));
        let info = files.map(|file| FileInfo {
            direct_path: file.direct_path.clone(),
            kind: file.key.0.clone(),
            token: token(&file.key.1),
            size_bytes: file.bytes.len() as u64,
            lost: file.lost,
        });
        info.collect()
    }
}

/// How URLs spell the hash of an encrypted file.
pub(crate) fn token(enc_sha256: &[u8; 32]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(enc_sha256)
}

/// The number that paths of a kind of file have; src: paths that clients were seen to get.
fn folder(kind: &str) -> u16 {
    match kind {
        "image" => 7118,
        "video" => 7161,
        "audio" => 7117,
        _ => 7119,
    }
}

impl Simulator {
    /// What the media hosts store, oldest first.
    pub fn stored_files(&self) -> Vec<FileInfo> {
        self.world.media.state.lock().store.list()
    }
}
