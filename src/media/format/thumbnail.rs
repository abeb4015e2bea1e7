//! Small JPEG pictures that a message carries, so that something is seen before the file is there.

use image::DynamicImage;
use image::codecs::jpeg::JpegEncoder;
use image::metadata::Orientation;

use crate::media::format::pixels::{self, Form, PIXELS_MAX, Pixels};
use crate::media::format::refusal::Refusal;

/// Most pixels on the long side. Phones show no more of it.
pub const SIDE_MAX: u32 = 100;
/// Most bytes: it is a part of the message.
pub const BYTES_MAX: usize = 10_000;
/// Qualities to try, best first. The first does for nearly every picture.
const QUALITIES: [u8; 5] = [75, 60, 40, 20, 5];

/// A small picture of a picture, upright.
///
/// # Errors
/// It cannot be made: the picture is empty.
pub fn of(image: &DynamicImage, orientation: Orientation) -> Result<Vec<u8>, Refusal> {
    let small =
        if image.width().max(image.height()) > SIDE_MAX { image.thumbnail(SIDE_MAX, SIDE_MAX) } else { image.clone() };
    let mut small = DynamicImage::ImageRgb8(pixels::on_white(small));
    small.apply_orientation(orientation);
    let mut file = Vec::new();
    for quality in QUALITIES {
        file.clear();
        small.write_with_encoder(JpegEncoder::new_with_quality(&mut file, quality)).map_err(pixels::refused)?;
        if file.len() <= BYTES_MAX {
            break;
        }
    }
    Ok(file)
}

/// A small picture of a picture file.
///
/// # Errors
/// It is no picture that is read, broken, or larger than it may be.
pub fn of_file(bytes: &[u8]) -> Result<Vec<u8>, Refusal> {
    let pixels = Pixels::read(bytes, Form::of(bytes)?, PIXELS_MAX)?;
    of(&pixels.image, pixels.orientation)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::format::sample;

    fn size(file: &[u8]) -> (u32, u32) {
        let pixels = Pixels::read(file, Form::Jpeg, PIXELS_MAX).expect("it is a picture");
        (pixels.image.width(), pixels.image.height())
    }

    #[test]
    fn a_thumbnail_is_small_and_upright() {
        assert_eq!(size(&of_file(&sample::jpeg(400, 200)).expect("it is made")), (100, 50));
        assert_eq!(size(&of_file(&sample::with_exif(&sample::jpeg(400, 200), 8)).expect("it is made")), (50, 100));
        assert_eq!(size(&of_file(&sample::png(30, 20)).expect("it is made")), (30, 20));
        assert_eq!(size(&of_file(&sample::png(3000, 1)).expect("it is made")), (100, 1));
    }

    #[test]
    fn noise_fits_as_well() {
        let noise = image::RgbImage::from_fn(100, 100, |x, y| {
            let mixed = (x * 7919 + y * 104_729).wrapping_mul(2_654_435_761);
            image::Rgb([(mixed >> 8 & 0xff) as u8, (mixed >> 16 & 0xff) as u8, (mixed >> 24 & 0xff) as u8])
        });
        let file = of(&DynamicImage::ImageRgb8(noise), Orientation::NoTransforms).expect("it is made");
        assert!(file.len() <= BYTES_MAX, "{} bytes", file.len());
        assert_eq!(size(&file), (100, 100));
    }
}
