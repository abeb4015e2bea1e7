//! The control API for files: the media hosts, what goes wrong at them, and what phones find in the files that they get.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use poem::http::{StatusCode, header};
use poem::web::{Data, Path};
use poem::{Body, Response, handler};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Refusal, answer, find, invalid, read, respond};
use crate::media::{FileKind, MediaFault, MediaOperation, NewFile, ReuploadAnswer};
use crate::simulator::Simulator;

/// Bytes of the largest invented file.
const MOST_BYTES: usize = 512 * 1024 * 1024;

/// A file to send; an invented one without `data`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileToSend {
    file: FileKind,
    /// Base64.
    data: Option<String>,
    /// Bytes of noise, in place of `data`.
    size_bytes: Option<usize>,
    mimetype: Option<String>,
    caption: Option<String>,
    file_name: Option<String>,
    seconds: Option<u32>,
    width: Option<u32>,
    height: Option<u32>,
    waveform: Option<Vec<u8>>,
    /// Base64.
    thumbnail: Option<String>,
    #[serde(default)]
    view_once: bool,
}

impl FileToSend {
    pub(super) fn into_file(self) -> Result<NewFile, Refusal> {
        let file = match (self.data, self.size_bytes) {
            (None, None) => NewFile::sample(self.file),
            (Some(data), None) => NewFile::new(self.file, decoded("data", &data)?),
            (None, Some(size_bytes @ ..=MOST_BYTES)) => NewFile::noise(self.file, size_bytes),
            (None, Some(_)) => return Err(invalid(format!("size_bytes must be at most {MOST_BYTES}"))),
            (Some(_), Some(_)) => return Err(invalid("data and size_bytes do not go together")),
        };
        Ok(NewFile {
            mimetype: self.mimetype.or(file.mimetype),
            caption: self.caption,
            file_name: self.file_name,
            seconds: self.seconds.or(file.seconds),
            width: self.width,
            height: self.height,
            waveform: self.waveform.or(file.waveform),
            thumbnail: self.thumbnail.map(|thumbnail| decoded("thumbnail", &thumbnail)).transpose()?,
            is_view_once: self.view_once,
            ..file
        })
    }
}

fn decoded(name: &str, text: &str) -> Result<Vec<u8>, Refusal> {
    BASE64_STANDARD.decode(text).map_err(|error| invalid(format!("{name} is not base64: {error}")))
}

#[handler]
pub(super) async fn open_file(sim: Data<&Simulator>, Path((n, id)): Path<(String, String)>) -> Response {
    let open = async {
        let opened = find(&sim, &n)?.open_file(&id).await.map_err(missing)?;
        answer(StatusCode::OK, opened)
    };
    respond(open.await)
}

#[handler]
pub(super) async fn show_content(sim: Data<&Simulator>, Path((n, id)): Path<(String, String)>) -> Response {
    let show = async {
        let bytes = find(&sim, &n)?.file_bytes(&id).await.map_err(missing)?;
        Ok(Response::builder().header(header::CONTENT_TYPE, "application/octet-stream").body(bytes))
    };
    respond(show.await)
}

fn missing(error: anyhow::Error) -> Refusal {
    Refusal(StatusCode::NOT_FOUND, error.to_string())
}

#[handler]
pub(super) fn show_reuploads(sim: Data<&Simulator>, Path(n): Path<String>) -> Response {
    respond(find(&sim, &n).and_then(|phone| answer(StatusCode::OK, phone.reuploads())))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReuploadChange {
    answer: ReuploadAnswer,
}

#[handler]
pub(super) async fn change_reuploads(sim: Data<&Simulator>, Path(n): Path<String>, body: Body) -> Response {
    let change = async {
        let phone = find(&sim, &n)?;
        let ReuploadChange { answer: said } = read(body).await?;
        phone.answer_reuploads(said);
        answer(StatusCode::OK, phone.reuploads())
    };
    respond(change.await)
}

#[handler]
pub(super) fn grant(sim: Data<&Simulator>, Path(n): Path<String>) -> Response {
    respond(find(&sim, &n).and_then(|phone| answer(StatusCode::CREATED, json!({ "auth": phone.media_auth() }))))
}

#[handler]
pub(super) fn show_hosts(sim: Data<&Simulator>) -> Response {
    let hosts = sim.media_hosts();
    respond(answer(StatusCode::OK, json!({ "hosts": hosts, "stats": sim.media_stats(), "files": sim.stored_files() })))
}

#[handler]
pub(super) fn show_faults(sim: Data<&Simulator>) -> Response {
    respond(answer(StatusCode::OK, sim.media_faults()))
}

#[derive(Deserialize)]
struct NewFaults {
    operation: MediaOperation,
    host: Option<usize>,
    count: Option<usize>,
    #[serde(flatten)]
    fault: Map<String, Value>,
}

#[handler]
pub(super) async fn spoil_requests(sim: Data<&Simulator>, body: Body) -> Response {
    let spoil = async {
        let NewFaults { operation, host, count, fault } = read(body).await?;
        let fault: MediaFault =
            serde_json::from_value(Value::Object(fault)).map_err(|error| invalid(error.to_string()))?;
        if host.is_some_and(|host| host >= sim.media_hosts().len()) {
            return Err(invalid(format!("there are {} hosts, counted from 0", sim.media_hosts().len())));
        }
        if matches!(fault, MediaFault::Status { code } if !(400..=599).contains(&code)) {
            return Err(invalid("code must be 400 to 599"));
        }
        sim.spoil_media(operation, host, fault, count.unwrap_or(1));
        answer(StatusCode::OK, sim.media_faults())
    };
    respond(spoil.await)
}

#[handler]
pub(super) fn clear_faults(sim: Data<&Simulator>) -> Response {
    sim.clear_media_faults();
    respond(answer(StatusCode::OK, json!({})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expiry {
    /// What the hosts answer for what they have now.
    status: Option<u16>,
    /// The one file that it is about; all when it is none.
    direct_path: Option<String>,
    /// Whether the tokens for uploads are taken back.
    #[serde(default)]
    auth: bool,
}

#[handler]
pub(super) async fn lose(sim: Data<&Simulator>, body: Body) -> Response {
    let expire = async {
        let Expiry { status, direct_path, auth } = read(body).await?;
        match (status, direct_path) {
            (Some(status @ (404 | 410)), None) => sim.expire_files(status),
            (Some(status @ (404 | 410)), Some(path)) if sim.expire_file(&path, status) => {}
            (Some(404 | 410), Some(_)) => {
                return Err(Refusal(StatusCode::NOT_FOUND, "there is no file at this path".to_owned()));
            }
            (Some(_), _) => return Err(invalid("status must be 404 or 410")),
            (None, Some(_)) => return Err(invalid("direct_path goes with a status")),
            (None, None) => {}
        }
        if auth {
            sim.expire_media_auth();
        }
        answer(StatusCode::OK, json!({}))
    };
    respond(expire.await)
}
