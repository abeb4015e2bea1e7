//! The file of a message over REST: whole, in part, or not at all because the client has it. What comes from a stranger is never shown in
//! a browser's window: it is an attachment, and is what its own bytes say.

use std::io::SeekFrom;

use bytes::Bytes;
use futures::stream::{self, Stream};
use poem::http::{HeaderValue, StatusCode, header};
use poem::{Body, FromRequest, IntoResponse, Request, RequestBody, Response};
use poem_openapi::ApiResponse;
use poem_openapi::registry::{
    MetaHeader, MetaMediaType, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef, Registry,
};
use poem_openapi::types::Type;
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use crate::api::error::{self, Problem};
use crate::api::message::file_name::disposition;
use crate::api::message::file_range::{Part, part};
use crate::api::reply;
use crate::media::format::kind::extension;
use crate::message::file::file_types::{MessageFileInfo, OpenedFile};

/// The header that says where the bytes are.
const FILE_STATE: &str = "File-State";
/// Bytes that are read at once.
const PIECE: usize = 64 * 1024;

/// What a request has whose client wants the headers alone.
#[derive(Clone, Copy, Debug)]
pub(in crate::api) struct HeadOnly;

/// Whether a client wants the headers alone, and what it has and wants of the file.
#[derive(Debug, Default)]
pub struct Wants {
    /// It wants the headers alone.
    pub head_only: bool,
    range: Option<String>,
    if_range: Option<String>,
    if_none_match: Option<String>,
}

impl<'a> FromRequest<'a> for Wants {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> poem::Result<Self> {
        let said = |name| request.header(name).map(str::to_owned);
        Ok(Self {
            head_only: request.data::<HeadOnly>().is_some(),
            range: said(header::RANGE.as_str()),
            if_range: said(header::IF_RANGE.as_str()),
            if_none_match: said(header::IF_NONE_MATCH.as_str()),
        })
    }
}

impl Wants {
    /// Whether the client has the file with this hash.
    pub fn has(&self, sha256: &str) -> bool {
        let names = self.if_none_match.as_deref().unwrap_or_default().split(',').map(str::trim);
        names.map(|name| name.strip_prefix("W/").unwrap_or(name)).any(|name| name == "*" || name == etag(sha256))
    }
}

/// The file of a message, or as much of it as was asked for.
pub struct FileReply {
    /// What is known of it.
    pub info: MessageFileInfo,
    /// Its bytes. None if only the headers are wanted, or the client has them.
    pub opened: Option<OpenedFile>,
    /// What the client wants.
    pub wants: Wants,
}

impl IntoResponse for FileReply {
    fn into_response(self) -> Response {
        let Self { info, opened, wants } = self;
        let mut response = match opened {
            Some(opened) => with_bytes(opened, &wants),
            None if wants.head_only => without_bytes(&info, StatusCode::OK),
            None => without_bytes(&info, StatusCode::NOT_MODIFIED),
        };
        if response.status().is_client_error() {
            return response;
        }
        let headers = response.headers_mut();
        headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        let ending = info.mimetype.as_deref().and_then(extension);
        // Most files have no name; a system opens them by their ending.
        let unnamed = ending.map(|ending| format!("{}.{ending}", info.message_id));
        let unnamed = unnamed.as_deref().unwrap_or(&info.message_id);
        headers.insert(header::CONTENT_DISPOSITION, disposition(info.file_name.as_deref(), unnamed));
        response
    }
}

fn with_bytes(opened: OpenedFile, wants: &Wants) -> Response {
    let OpenedFile { file, size, hash, mimetype } = opened;
    let etag = etag(&hash.to_string());
    // Of another file than the client has the beginning of, it gets the whole.
    let range = wants.range.as_deref().filter(|_| wants.if_range.as_ref().is_none_or(|known| *known == etag));
    let (status, start, length) = match part(range, size) {
        Part::Whole => (StatusCode::OK, 0, size),
        Part::From { start, length } => (StatusCode::PARTIAL_CONTENT, start, length),
        Part::Nothing => {
            let mut refused = error::http(StatusCode::RANGE_NOT_SATISFIABLE, None);
            insert(&mut refused, header::CONTENT_RANGE, &format!("bytes */{size}"));
            return refused;
        }
    };
    let mut response = Response::builder().status(status).content_type(mimetype).body(bytes(file, start, length));
    insert(&mut response, header::CONTENT_LENGTH, &length.to_string());
    insert(&mut response, header::ETAG, &etag);
    insert(&mut response, FILE_STATE, "stored");
    if status == StatusCode::PARTIAL_CONTENT {
        let last = start + length - 1;
        insert(&mut response, header::CONTENT_RANGE, &format!("bytes {start}-{last}/{size}"));
    }
    response
}

fn without_bytes(info: &MessageFileInfo, status: StatusCode) -> Response {
    let mut response = Response::builder().status(status).finish();
    if let Some(sha256) = &info.sha256 {
        insert(&mut response, header::ETAG, &etag(sha256));
    }
    insert(&mut response, FILE_STATE, info.state.as_str());
    if status == StatusCode::OK {
        let mimetype = info.mimetype.as_deref().unwrap_or("application/octet-stream");
        insert(&mut response, header::CONTENT_TYPE, mimetype);
        if let Some(size) = info.size {
            insert(&mut response, header::CONTENT_LENGTH, &size.0.to_string());
        }
    }
    response
}

/// A value that is no text for a header is left out: it is a stranger's.
fn insert(response: &mut Response, name: impl header::IntoHeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

fn etag(sha256: &str) -> String {
    format!("\"{sha256}\"")
}

/// So many bytes from here on, as they are taken.
fn bytes(file: tokio::fs::File, start: u64, length: u64) -> Body {
    Body::from_bytes_stream(pieces(file, start, length))
}

fn pieces(
    mut file: tokio::fs::File,
    start: u64,
    length: u64,
) -> impl Stream<Item = std::io::Result<Bytes>> + Send + 'static {
    file.set_max_buf_size(PIECE);
    stream::try_unfold((file, Some(start), length), async |(mut file, start, left)| {
        if let Some(start) = start.filter(|start| *start > 0) {
            file.seek(SeekFrom::Start(start)).await?;
        }
        if left == 0 {
            return Ok(None);
        }
        let mut piece = vec![0; PIECE.min(usize::try_from(left).unwrap_or(PIECE))];
        let count = file.read(&mut piece).await?;
        if count == 0 {
            return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof));
        }
        piece.truncate(count);
        let left = left.saturating_sub(u64::try_from(count).unwrap_or(u64::MAX));
        Ok(Some((Bytes::from(piece), (file, None, left))))
    })
}

impl ApiResponse for FileReply {
    fn meta() -> MetaResponses {
        let schema = MetaSchema { format: Some("binary"), ..MetaSchema::new("string") };
        let schema = MetaSchemaRef::Inline(Box::new(schema));
        let content = || vec![MetaMediaType { content_type: "application/octet-stream", schema: schema.clone() }];
        let mut responses = reply::responses(200, "The file.", content());
        responses.responses[0].headers = headers();
        let other = |status, description, content, headers| MetaResponse {
            description,
            status: Some(status),
            status_range: None,
            content,
            headers,
        };
        responses.responses.insert(1, other(206, "The part that was asked for.", content(), headers()));
        responses.responses.insert(2, other(304, "The client has the file.", Vec::new(), Vec::new()));
        let problem = MetaMediaType { content_type: error::PROBLEM_JSON, schema: Problem::schema_ref() };
        responses.responses.insert(3, other(416, "The file has no such part.", vec![problem], Vec::new()));
        responses
    }

    fn register(registry: &mut Registry) {
        Problem::register(registry);
    }
}

fn headers() -> Vec<MetaHeader> {
    let header = |name: &str, description: &str| MetaHeader {
        name: name.to_owned(),
        description: Some(description.to_owned()),
        required: false,
        deprecated: false,
        schema: MetaSchemaRef::Inline(Box::new(MetaSchema::new("string"))),
    };
    vec![
        header("ETag", "SHA-256 of the file, hex, in quotation marks."),
        header(FILE_STATE, "Where the bytes are: `stored` in this server, or `remote`, at WhatsApp."),
        header("Content-Disposition", "Always an attachment, with the name that its sender gave it."),
    ]
}
