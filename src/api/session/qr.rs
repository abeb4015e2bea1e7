//! A QR code in the form that the client can show.

use std::io::Cursor;

use entity::timestamp::Timestamp;
use entity::words::session::SessionStatus;
use fast_qr::convert::Builder;
use fast_qr::convert::svg::SvgBuilder;
use fast_qr::{ECL, Module, QRBuilder, QRCode};
use poem::http::header;
use poem::{FromRequest, IntoResponse, Request, RequestBody, Response};
use poem_openapi::registry::{MetaMediaType, MetaResponses, MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::{ApiResponse, Object};

use crate::api::error::{Problem, answer};
use crate::api::reply;
use crate::api::rest::param::Words;
use crate::error::{Error, ErrorKind};
use crate::session::types::{Live, QrCode};

/// Pixels of one module in the picture.
const SCALE: usize = 8;
/// Empty modules around the code. src: ISO/IEC 18004.
const QUIET_ZONE: usize = 4;

/// The current QR code.
#[derive(Debug, Object)]
#[oai(example)]
pub struct QrReply {
    /// The code to draw: one, or none when there is nothing to scan.
    pub qr_codes: Vec<String>,
    /// Whole seconds that it can still be scanned.
    pub timeout_seconds: u64,
    /// What the session is doing.
    pub status: SessionStatus,
}

impl QrReply {
    /// The code that can be scanned now, if there is one.
    pub fn of(qr: Option<&QrCode>, status: SessionStatus, now: Timestamp) -> Self {
        Self {
            qr_codes: qr.map(|qr| qr.code.reveal().to_owned()).into_iter().collect(),
            timeout_seconds: qr.map_or(0, |qr| qr.expires_at.remaining(now).as_secs()),
            status,
        }
    }
}

/// How to show a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Its text in JSON.
    Json,
    /// A bitmap.
    Png,
    /// A vector picture.
    Svg,
    /// Block characters for a terminal.
    Text,
}

impl Words for Format {
    fn all() -> impl Iterator<Item = (&'static str, Self)> {
        [("json", Self::Json), ("png", Self::Png), ("svg", Self::Svg), ("text", Self::Text)].into_iter()
    }
}

impl Format {
    fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json; charset=utf-8",
            Self::Png => "image/png",
            Self::Svg => "image/svg+xml",
            Self::Text => "text/plain; charset=utf-8",
        }
    }
}

/// What the client says it takes.
pub struct Accept(Option<String>);

impl<'a> FromRequest<'a> for Accept {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> poem::Result<Self> {
        Ok(Self(request.header(header::ACCEPT).map(str::to_owned)))
    }
}

impl Accept {
    /// The form to answer in: of ours, the one that the client likes best. JSON, if it takes none of them or anything.
    pub fn format(&self) -> Format {
        let kinds = self.0.as_deref().unwrap_or_default().split(',').filter_map(liked);
        // Of several that are liked alike, the first.
        let best = kinds.reduce(|best, kind| if kind.1 > best.1 { kind } else { best });
        best.map_or(Format::Json, |(format, _)| format)
    }
}

/// A form in a client's list, and how much it is liked, in thousandths. None for what we do not have, or it does not want.
fn liked(kind: &str) -> Option<(Format, u16)> {
    let mut parts = kind.split(';').map(str::trim);
    let format = match parts.next()? {
        "application/json" | "application/*" | "*/*" => Format::Json,
        "image/png" | "image/*" => Format::Png,
        "image/svg+xml" => Format::Svg,
        "text/plain" | "text/*" => Format::Text,
        _ => return None,
    };
    let quality =
        parts.find_map(|part| part.strip_prefix("q=")).map_or(Some(1.0), |quality| quality.parse::<f32>().ok())?;
    let thousandths = (quality.clamp(0.0, 1.0) * 1000.0) as u16;
    (thousandths > 0).then_some((format, thousandths))
}

/// A session's QR code in the form that was asked for.
pub struct Qr {
    /// The session.
    pub live: Live,
    /// The form.
    pub format: Format,
    /// The present moment.
    pub now: Timestamp,
}

impl IntoResponse for Qr {
    fn into_response(self) -> Response {
        let current = self.live.qr.as_ref().filter(|qr| qr.expires_at > self.now);
        let code = current.map(|qr| qr.code.reveal());
        if self.format == Format::Json {
            let reply = QrReply::of(current, self.live.status, self.now);
            return poem_openapi::payload::Json(reply).into_response();
        }
        let Some(code) = code else {
            let detail =
                format!("there is no QR code to show: the session is {} ({})", self.live.status, self.live.reason);
            return answer(&Error::new(ErrorKind::QrNotAvailable, detail).into());
        };
        let picture = match self.format {
            Format::Png => png(code, SCALE),
            Format::Svg => svg(code).into_bytes(),
            Format::Text | Format::Json => text(code).into_bytes(),
        };
        picture.with_content_type(self.format.media_type()).into_response()
    }
}

fn drawn(code: &str) -> QRCode {
    QRBuilder::new(code).ecl(ECL::L).build().expect("WhatsApp's codes are far shorter than the largest QR code")
}

/// The dark modules of a line, with the quiet zone.
fn is_dark(code: &QRCode, x: usize, y: usize) -> bool {
    let inside = QUIET_ZONE..QUIET_ZONE + code.size;
    inside.contains(&x) && inside.contains(&y) && {
        let module: Module = code[y - QUIET_ZONE][x - QUIET_ZONE];
        module.value()
    }
}

/// A vector picture.
pub fn svg(code: &str) -> String {
    SvgBuilder::default().margin(QUIET_ZONE).to_str(&drawn(code))
}

/// How many modules the picture has along a side, the quiet zone included.
pub fn modules(code: &str) -> usize {
    drawn(code).size + 2 * QUIET_ZONE
}

/// A bitmap with so many pixels to a module.
pub fn png(code: &str, scale: usize) -> Vec<u8> {
    let code = drawn(code);
    let side = (code.size + 2 * QUIET_ZONE) * scale;
    let pixels: Vec<u8> =
        (0..side * side).map(|at| if is_dark(&code, at % side / scale, at / side / scale) { 0 } else { 255 }).collect();
    let mut picture = Cursor::new(Vec::new());
    let mut encoder = png::Encoder::new(&mut picture, side as u32, side as u32);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().expect("a memory buffer takes every byte");
    writer.write_image_data(&pixels).expect("the pixels fill the picture exactly");
    writer.finish().expect("a memory buffer takes every byte");
    picture.into_inner()
}

/// The code in block characters, two lines of modules in one of text. Dark on light, whatever the terminal's colours.
pub fn text(code: &str) -> String {
    let code = drawn(code);
    let side = code.size + 2 * QUIET_ZONE;
    let mut lines = String::new();
    for y in (0..side).step_by(2) {
        for x in 0..side {
            // A filled block is light: terminals are dark more often than not.
            lines.push(match (is_dark(&code, x, y), is_dark(&code, x, y + 1)) {
                (false, false) => '█',
                (false, true) => '▀',
                (true, false) => '▄',
                (true, true) => ' ',
            });
        }
        lines.push('\n');
    }
    lines
}

impl ApiResponse for Qr {
    fn meta() -> MetaResponses {
        let picture = |content_type| MetaMediaType {
            content_type,
            schema: MetaSchemaRef::Inline(Box::new(MetaSchema::new_with_format("string", "binary"))),
        };
        let content = vec![
            reply::json::<QrReply>(),
            picture("image/png"),
            picture("image/svg+xml"),
            picture("text/plain; charset=utf-8"),
        ];
        reply::responses(200, "The current code.", content)
    }

    fn register(registry: &mut Registry) {
        use poem_openapi::types::Type;
        QrReply::register(registry);
        Problem::register(registry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_that_the_client_likes_best_is_taken() {
        let rows = [
            (None, Format::Json),
            (Some("*/*"), Format::Json),
            (Some("image/png"), Format::Png),
            (Some("image/avif,image/webp,image/*,*/*;q=0.8"), Format::Png),
            (Some("image/svg+xml;q=0.9, image/png;q=0.2"), Format::Svg),
            (Some("image/png;q=0.2, text/plain; charset=utf-8"), Format::Text),
            (Some("image/png;q=0, application/json;q=0.1"), Format::Json),
            (Some("text/html"), Format::Json),
        ];
        for (accept, format) in rows {
            assert_eq!(Accept(accept.map(str::to_owned)).format(), format, "{accept:?}");
        }
    }

    #[test]
    fn a_picture_has_a_quiet_zone_and_starts_as_its_kind_does() {
        let picture = png("2@code", SCALE);
        assert_eq!(&picture[1..4], b"PNG");
        let lines = text("2@code");
        assert!(lines.lines().take(QUIET_ZONE / 2).all(|line| line.chars().all(|module| module == '█')), "{lines}");
    }
}
