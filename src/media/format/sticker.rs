//! Stickers: WebP pictures of 512 x 512 pixels, of at most 100 kB, or 500 kB if they move. Phones show others as nothing.
//!
//! What fits already is sent as it is; other still pictures are made to fit, with nothing around them. They are written by libwebp:
//! the encoder that is in Rust writes without loss only, in which a photo of this size takes 300 kB and more, and with so few colours
//! that it fits it is ugly. What others sent is never decoded by libwebp.

use image::imageops::FilterType;
use image::{DynamicImage, RgbaImage};

use crate::media::format::pixels::{Form, PIXELS_MAX, Pixels};
use crate::media::format::png::Png;
use crate::media::format::refusal::Refusal;
use crate::media::format::webp::WebP;
use crate::media::format::{gif, jpeg};

/// Width and height, pixels.
pub const SIDE: u32 = 512;
/// Most bytes of a still one.
pub const STILL_MAX: usize = 100_000;
/// Most bytes of one that moves.
pub const ANIMATED_MAX: usize = 500_000;
/// Qualities to try, best first: of the colours, and of what is transparent.
const QUALITIES: [(f32, i32); 6] = [(90.0, 100), (75.0, 100), (50.0, 90), (30.0, 50), (10.0, 20), (0.0, 0)];

/// A sticker that can be sent.
#[derive(Debug, PartialEq, Eq)]
pub struct Sticker {
    /// The file, unless the one that was given can be sent as it is.
    pub file: Option<Vec<u8>>,
    /// Whether it moves.
    pub is_animated: bool,
}

/// Makes of a picture a sticker.
///
/// # Errors
/// It is no picture that is read, broken, larger than it may be, or moves and does not fit.
pub fn sticker(bytes: &[u8], keeps_metadata: bool) -> Result<Sticker, Refusal> {
    sticker_within(bytes, keeps_metadata, PIXELS_MAX)
}

/// The same for at most so many pixels.
pub(super) fn sticker_within(bytes: &[u8], keeps_metadata: bool, pixels_max: u64) -> Result<Sticker, Refusal> {
    let form = Form::of(bytes)?;
    let mut fitting = None;
    match form {
        Form::WebP => {
            let webp = WebP::read(bytes)?;
            let fits = (webp.width, webp.height) == (SIDE, SIDE);
            let file = if keeps_metadata { bytes.to_vec() } else { webp.stripped };
            if webp.is_animated {
                return animated(bytes, fits, file);
            }
            fitting = (fits && file.len() <= STILL_MAX).then_some(file);
        }
        Form::Png if Png::read(bytes)?.is_animated => return Err(moves()),
        Form::Gif if gif::is_animated(bytes)? => return Err(moves()),
        Form::Jpeg => drop(jpeg::Jpeg::read(bytes)?),
        Form::Png | Form::Gif => {}
    }
    // Also of what is sent as it is: phones show nothing of a sticker that is broken.
    let pixels = Pixels::read(bytes, form, pixels_max)?;
    let file = match fitting {
        Some(file) if !pixels.is_turned() => file,
        _ => made(&pixels)?,
    };
    Ok(Sticker { file: (file != bytes).then_some(file), is_animated: false })
}

fn animated(bytes: &[u8], fits: bool, file: Vec<u8>) -> Result<Sticker, Refusal> {
    if !fits {
        return Err(Refusal::unsupported(format!("must be {SIDE} x {SIDE} pixels to be a sticker that moves")));
    }
    if file.len() > ANIMATED_MAX {
        return Err(Refusal::TooLarge(format!("must have at most {ANIMATED_MAX} bytes to be a sticker that moves")));
    }
    Ok(Sticker { file: (file != bytes).then_some(file), is_animated: true })
}

/// A picture made to fit, with nothing around it.
fn made(pixels: &Pixels) -> Result<Vec<u8>, Refusal> {
    let (image, orientation) = (&pixels.image, pixels.orientation);
    // By steps, since the good way takes time with every pixel.
    let is_far = image.width().max(image.height()) > 4 * SIDE;
    let near = if is_far { &image.thumbnail(2 * SIDE, 2 * SIDE) } else { image };
    let mut inside = near.resize(SIDE, SIDE, FilterType::CatmullRom);
    inside.apply_orientation(orientation);
    let mut canvas = RgbaImage::new(SIDE, SIDE);
    let margin = |length: u32| i64::from((SIDE - length.min(SIDE)) / 2);
    let (x, y) = (margin(inside.width()), margin(inside.height()));
    image::imageops::replace(&mut canvas, &DynamicImage::into_rgba8(inside), x, y);
    written(&canvas)
}

fn written(canvas: &RgbaImage) -> Result<Vec<u8>, Refusal> {
    let impossible = || Refusal::unsupported("must be a picture that can be made into a sticker");
    let encoder = webp::Encoder::from_rgba(canvas.as_raw(), canvas.width(), canvas.height());
    let mut config = webp::WebPConfig::new().map_err(|()| impossible())?;
    for (quality, alpha_quality) in QUALITIES {
        (config.quality, config.alpha_quality) = (quality, alpha_quality);
        let file = encoder.encode_advanced(&config).map_err(|_| impossible())?;
        if file.len() <= STILL_MAX {
            return Ok(file.to_vec());
        }
    }
    Err(Refusal::TooLarge(format!("must fit into {STILL_MAX} bytes as a sticker: it has too many details")))
}

fn moves() -> Refusal {
    Refusal::unsupported(format!("must be a WebP file of {SIDE} x {SIDE} pixels to be a sticker that moves"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::format::sample;

    fn pixels(file: &[u8]) -> RgbaImage {
        Pixels::read(file, Form::WebP, PIXELS_MAX).expect("it is a WebP picture").image.into_rgba8()
    }

    #[test]
    fn a_picture_is_made_to_fit_with_nothing_around_it() {
        for file in [sample::png(100, 50), sample::jpeg(2000, 1000), sample::webp(200, 100)] {
            let made = sticker(&file, false).expect("it can be one").file.expect("it is made");
            assert!(made.len() <= STILL_MAX);
            let image = pixels(&made);
            assert_eq!(image.dimensions(), (SIDE, SIDE));
            assert_eq!((image.get_pixel(256, 5).0[3], image.get_pixel(256, 256).0[3]), (0, 255));
        }
    }

    #[test]
    fn a_turned_picture_becomes_an_upright_sticker() {
        let file = sample::with_exif(&sample::jpeg(200, 100), 6);
        let image = pixels(&sticker(&file, false).expect("it can be one").file.expect("it is made"));
        assert_eq!((image.get_pixel(5, 256).0[3], image.get_pixel(256, 5).0[3]), (0, 255));
    }

    #[test]
    fn what_fits_is_sent_as_it_is_unless_it_has_metadata() {
        let still = sample::webp(SIDE, SIDE);
        assert_eq!(sticker(&still, false).expect("it fits"), Sticker { file: None, is_animated: false });
        let moving = sample::animated_webp(SIDE, SIDE, 2);
        assert_eq!(sticker(&moving, false).expect("it fits"), Sticker { file: None, is_animated: true });
        let tagged = sample::with_webp_exif(&moving, b"at home");
        assert_eq!(sticker(&tagged, false).expect("it fits").file, Some(moving));
        assert_eq!(sticker(&tagged, true).expect("it fits").file, None);
    }

    #[test]
    fn noise_is_made_to_fit() {
        let mut seed = 1_u32;
        let noise = RgbaImage::from_fn(SIDE, SIDE, |_, _| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            image::Rgba(seed.to_be_bytes())
        });
        assert!(written(&noise).expect("it fits").len() <= STILL_MAX);
    }

    #[test]
    fn what_moves_and_does_not_fit_is_refused() {
        let rule = |file: &[u8]| match sticker(file, false) {
            Err(Refusal::Unsupported(rule)) => rule,
            other => panic!("{other:?}"),
        };
        assert_eq!(rule(&sample::animated_webp(256, 256, 2)), "must be 512 x 512 pixels to be a sticker that moves");
        assert!(rule(&sample::gif(2)).starts_with("must be a WebP file"));
    }
}
