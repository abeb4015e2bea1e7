//! What somebody who looks at a page sees: the code in a picture, and whether its text can be read.

use std::io::Cursor;
use std::time::{Duration, Instant};

use crate::support::browser::Browser;

/// Least contrast of text. src: WCAG 2.2, 1.4.3 (AA).
const CONTRAST_MIN: f64 = 4.5;

/// Each piece of visible text with its contrast: `[text, ratio]`. Computed as WCAG 2.2 says, from the colours that the
/// browser computed; a background that is not there is that of the element around.
const CONTRASTS: &str = r#"(() => {
  const numbers = (colour) => colour.match(/[\d.]+/g).map(Number);
  const light = (colour) => {
    const linear = (c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    const [r, g, b] = numbers(colour).map((c) => linear(c / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element, own) => {
    for (let at = element, colour = own; ; at = at.parentElement, colour = at && getComputedStyle(at).backgroundColor) {
      if (!at) return 'rgb(255, 255, 255)';
      if (colour && numbers(colour)[3] !== 0) return colour;
    }
  };
  const ratio = (element, style) => {
    const [dim, bright] = [light(style.color), light(ground(element, style.backgroundColor))].sort((a, b) => a - b);
    return (bright + 0.05) / (dim + 0.05);
  };
  const found = [];
  for (const element of document.querySelectorAll('body *')) {
    if (!element.checkVisibility() || element.tagName === 'SCRIPT') continue;
    const style = getComputedStyle(element);
    const text = [...element.childNodes].filter((n) => n.nodeType === 3).map((n) => n.data.trim()).join(' ').trim();
    if (text || element.value) found.push([text || element.value, ratio(element, style)]);
    const before = getComputedStyle(element, '::before');
    if (!['none', 'normal', '""'].includes(before.content)) found.push(['::before of ' + text, ratio(element, before)]);
  }
  return found;
})()"#;

/// Longest look for a code. A camera takes more than one picture too: the first may come before the code is painted.
const LOOK_LIMIT: Duration = Duration::from_secs(20);

/// The text of the one QR code on the screen, or in one element.
///
/// # Panics
/// There is none, or it cannot be read.
pub async fn scan(browser: &Browser, css: Option<&str>) -> String {
    let begun = Instant::now();
    loop {
        let picture = match css {
            Some(css) => browser.screenshot_of(css).await,
            None => browser.screenshot().await,
        };
        if let Some(code) = read_qr(&picture) {
            return code;
        }
        assert!(begun.elapsed() < LOOK_LIMIT, "no code can be read from the screen");
    }
}

/// The text of the one QR code in a PNG. A camera sees a code from many distances, the reader has one picture: of 4,000
/// drawn codes it could not read one in the size of the page, and each of them in one of these.
fn read_qr(picture: &[u8]) -> Option<String> {
    let mut decoder = png::Decoder::new(Cursor::new(picture));
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().expect("a PNG");
    let mut pixels = vec![0; reader.output_buffer_size().expect("it has a size")];
    let frame = reader.next_frame(&mut pixels).expect("a picture");
    let (width, height, samples) = (frame.width as usize, frame.height as usize, frame.color_type.samples());
    assert!(samples >= 3, "the picture has colours");
    let grey = pixels.chunks_exact(samples).map(|pixel| pixel[..3].iter().map(|it| f64::from(*it)).sum::<f64>() / 3.0);
    let grey = Grey { width, height, pixels: grey.collect() };
    [1.0, 1.25, 2.0, 3.0].into_iter().find_map(|scale| grey.read_qr(scale))
}

/// The brightness of each pixel, line by line.
struct Grey {
    width: usize,
    height: usize,
    pixels: Vec<f64>,
}

impl Grey {
    /// The text of the one QR code in it, looked at in so many times its size.
    fn read_qr(&self, scale: f64) -> Option<String> {
        let scaled = |length: usize| (length as f64 * scale) as usize;
        let brightness = |x: usize, y: usize| self.at(x as f64 / scale, y as f64 / scale) as u8;
        let mut image =
            rqrr::PreparedImage::prepare_from_greyscale(scaled(self.width), scaled(self.height), brightness);
        let codes = image.detect_grids();
        assert!(codes.len() < 2, "more than one code in the picture");
        codes.first()?.decode().ok().map(|(_, text)| text)
    }

    /// The brightness between pixels, from the four around.
    fn at(&self, x: f64, y: f64) -> f64 {
        let pixel = |x: usize, y: usize| self.pixels[y.min(self.height - 1) * self.width + x.min(self.width - 1)];
        let (left, top) = (x as usize, y as usize);
        let (right_share, bottom_share) = (x.fract(), y.fract());
        let line = |y: usize| pixel(left, y) * (1.0 - right_share) + pixel(left + 1, y) * right_share;
        line(top) * (1.0 - bottom_share) + line(top + 1) * bottom_share
    }
}

/// Checks that every text on the page stands out from what is behind it.
pub async fn assert_readable(browser: &Browser, what: &str) {
    let contrasts = browser.value(CONTRASTS).await;
    let contrasts = contrasts.as_array().expect("a list");
    assert!(contrasts.len() > 2, "{what}: no text was found: {contrasts:?}");
    let faint: Vec<_> = contrasts.iter().filter(|row| row[1].as_f64().is_none_or(|it| it < CONTRAST_MIN)).collect();
    assert!(faint.is_empty(), "{what}: too faint: {faint:?}");
}

/// Checks that nothing is wider than the window.
pub async fn assert_fits(browser: &Browser, what: &str) {
    let widths = browser.value("((root) => [root.scrollWidth, root.clientWidth])(document.documentElement)").await;
    assert!(widths[0].as_u64() <= widths[1].as_u64(), "{what}: scrolls sideways: {widths}");
}
