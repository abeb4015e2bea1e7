//! The pixels of pictures, within limits: a small file may say that it is as large as a house.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageEncoder, ImageError, ImageFormat, ImageReader, Limits, RgbImage};
use parking_lot::{Mutex, MutexGuard};

use crate::media::format::kind;
use crate::media::format::refusal::Refusal;

/// Most pixels. Phones take pictures of 48 million.
pub const PIXELS_MAX: u64 = 50_000_000;
/// Most pixels on one side: as many as JPEG can say.
const SIDE_MAX: u32 = 65_535;
/// Most memory for the pixels, and again for what a decoder works with, bytes. So 50 million pixels of three or four colours.
const MEMORY_MAX: u64 = 200 << 20;
/// Pixels that take more memory are in memory only one picture at a time, bytes: 16 million of three colours. Several at a time may be
/// smaller ones, as nearly all are.
const LARGE: u64 = 48 << 20;
/// Held by who has a large picture in memory.
static LARGE_ONE: Mutex<()> = Mutex::new(());
/// Quality of pictures that are written anew: what cameras write.
const QUALITY: u8 = 90;

/// A format that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// JPEG.
    Jpeg,
    /// PNG.
    Png,
    /// WebP.
    WebP,
    /// GIF.
    Gif,
}

impl Form {
    /// The format of a file.
    ///
    /// # Errors
    /// It is of no format that is read.
    pub fn of(bytes: &[u8]) -> Result<Self, Refusal> {
        match kind::media_type(bytes) {
            "image/jpeg" => Ok(Self::Jpeg),
            "image/png" => Ok(Self::Png),
            "image/webp" => Ok(Self::WebP),
            "image/gif" => Ok(Self::Gif),
            other => Err(Refusal::unsupported(format!("must be a JPEG, PNG, WebP or GIF picture: it is {other}"))),
        }
    }

    fn decoder(self) -> ImageFormat {
        match self {
            Self::Jpeg => ImageFormat::Jpeg,
            Self::Png => ImageFormat::Png,
            Self::WebP => ImageFormat::WebP,
            Self::Gif => ImageFormat::Gif,
        }
    }
}

/// A picture in memory.
#[derive(Debug)]
pub struct Pixels {
    /// The pixels as they are written.
    pub image: DynamicImage,
    /// How they must be turned to be seen as the picture was taken.
    pub orientation: Orientation,
    /// What their colours mean, if it is said and they are red, green and blue.
    pub profile: Option<Vec<u8>>,
    /// Where and with what it was taken, without the orientation.
    pub exif: Option<Vec<u8>>,
    /// Some exactly for a large picture.
    _room: Option<MutexGuard<'static, ()>>,
}

impl Pixels {
    /// Decodes a picture of at most so many pixels. Waits while a large one would be the second in memory, so a thread may have only
    /// one at a time.
    ///
    /// # Errors
    /// It is broken, cut off, or larger than it may be.
    pub fn read(bytes: &[u8], form: Form, pixels_max: u64) -> Result<Self, Refusal> {
        let mut reader = ImageReader::with_format(Cursor::new(bytes), form.decoder());
        let mut limits = Limits::default();
        (limits.max_image_width, limits.max_image_height) = (Some(SIDE_MAX), Some(SIDE_MAX));
        limits.max_alloc = Some(MEMORY_MAX);
        reader.limits(limits);
        let mut decoder = reader.into_decoder().map_err(refused)?;
        let (width, height) = decoder.dimensions();
        if u64::from(width) * u64::from(height) > pixels_max || decoder.total_bytes() > MEMORY_MAX {
            return Err(too_large(pixels_max));
        }
        // Both are metadata: a picture whose metadata is broken is shown as it is.
        let mut exif = decoder.exif_metadata().ok().flatten();
        let orientation = exif.as_mut().and_then(|exif| Orientation::remove_from_exif_chunk(exif));
        let profile = decoder.icc_profile().ok().flatten().filter(|profile| profile.get(16..20) == Some(b"RGB "));
        let room = (decoder.total_bytes() > LARGE).then(|| LARGE_ONE.lock());
        let image = DynamicImage::from_decoder(decoder).map_err(refused)?;
        Ok(Self { image, orientation: orientation.unwrap_or(Orientation::NoTransforms), profile, exif, _room: room })
    }

    /// Width and height as they are shown.
    pub fn shown_size(&self) -> (u32, u32) {
        let (width, height) = (self.image.width(), self.image.height());
        match self.orientation {
            Orientation::NoTransforms
            | Orientation::Rotate180
            | Orientation::FlipHorizontal
            | Orientation::FlipVertical => (width, height),
            Orientation::Rotate90
            | Orientation::Rotate270
            | Orientation::Rotate90FlipH
            | Orientation::Rotate270FlipH => (height, width),
        }
    }

    /// Whether they must be turned to be seen as the picture was taken.
    pub fn is_turned(&self) -> bool {
        self.orientation != Orientation::NoTransforms
    }

    /// The picture as a JPEG file: upright, on white where it is transparent.
    ///
    /// # Errors
    /// It cannot be written as JPEG.
    pub fn to_jpeg(self, keeps_metadata: bool) -> Result<Vec<u8>, Refusal> {
        let mut upright = DynamicImage::ImageRgb8(on_white(self.image));
        upright.apply_orientation(self.orientation);
        let mut file = Vec::new();
        let mut encoder = JpegEncoder::new_with_quality(&mut file, QUALITY);
        if let Some(profile) = self.profile {
            // JPEG has a place for it.
            encoder.set_icc_profile(profile).map_err(|error| refused(ImageError::Unsupported(error)))?;
        }
        if let Some(exif) = self.exif.filter(|_| keeps_metadata) {
            encoder.set_exif_metadata(exif).map_err(|error| refused(ImageError::Unsupported(error)))?;
        }
        upright.write_with_encoder(encoder).map_err(refused)?;
        Ok(file)
    }

    /// The picture as a PNG file, upright and without metadata.
    ///
    /// # Errors
    /// It cannot be written as PNG.
    pub fn to_png(mut self) -> Result<Vec<u8>, Refusal> {
        self.image.apply_orientation(self.orientation);
        let mut file = Vec::new();
        let mut encoder = PngEncoder::new(&mut file);
        if let Some(profile) = self.profile {
            encoder.set_icc_profile(profile).map_err(|error| refused(ImageError::Unsupported(error)))?;
        }
        self.image.write_with_encoder(encoder).map_err(refused)?;
        Ok(file)
    }
}

/// Pixels without transparency: what is behind them is white, as paper is.
pub fn on_white(image: DynamicImage) -> RgbImage {
    if !image.color().has_alpha() {
        return image.into_rgb8();
    }
    let transparent = image.into_rgba8();
    RgbImage::from_fn(transparent.width(), transparent.height(), |x, y| {
        let [red, green, blue, alpha] = transparent.get_pixel(x, y).0;
        let mixed = |colour: u8| {
            let sum = u32::from(colour) * u32::from(alpha) + 255 * (255 - u32::from(alpha));
            u8::try_from(sum / 255).unwrap_or(u8::MAX)
        };
        image::Rgb([mixed(red), mixed(green), mixed(blue)])
    })
}

/// What a refusal of the decoder means for the client. Its own words are about its insides.
pub fn refused(error: ImageError) -> Refusal {
    match error {
        ImageError::Limits(_) => too_large(PIXELS_MAX),
        ImageError::Unsupported(_) => {
            Refusal::unsupported("must be a picture of a usual kind: this one's colours or parts are not read")
        }
        // Nothing is read but memory: what is missing is missing in the file.
        ImageError::Decoding(_) | ImageError::Encoding(_) | ImageError::Parameter(_) | ImageError::IoError(_) => {
            Refusal::unsupported("must be a whole picture: this one is broken or cut off")
        }
    }
}

fn too_large(pixels_max: u64) -> Refusal {
    Refusal::unsupported(format!(
        "must be a picture of at most {} million pixels, and of at most {} MB of memory: send a larger one as a document",
        pixels_max / 1_000_000,
        MEMORY_MAX >> 20
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::format::sample;

    fn rule(refusal: Refusal) -> String {
        match refusal {
            Refusal::Unsupported(rule) | Refusal::TooLarge(rule) => rule,
            Refusal::Disk(error) => panic!("{error}"),
        }
    }

    #[test]
    fn a_picture_that_says_that_it_is_huge_is_refused_before_there_is_memory_for_it() {
        for mut bomb in [sample::png(9, 9), sample::gif(1)] {
            let form = Form::of(&bomb).expect("it is a picture");
            // Width and height: both files say them at a place of their own. The sum of PNG's head is mended, as an attacker would.
            if form == Form::Png {
                bomb[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
                let sum = sample::chunk_sum(&bomb[12..29]).to_be_bytes();
                bomb[29..33].copy_from_slice(&sum);
            } else {
                bomb[6..10].copy_from_slice(&[0xff, 0xff, 0xff, 0xff]);
            }
            let refusal = Pixels::read(&bomb, form, PIXELS_MAX).expect_err("it is refused");
            assert!(rule(refusal).contains("50 million pixels"), "{form:?}");
        }
    }

    #[test]
    fn what_is_no_picture_or_of_another_format_is_refused_with_what_it_is() {
        let heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic";
        assert_eq!(
            rule(Form::of(heic).expect_err("it is not read")),
            "must be a JPEG, PNG, WebP or GIF picture: it is image/heif"
        );
        for bytes in [&b""[..], b"\x89PNG\r\n\x1a\n", &sample::png(9, 9)[..40]] {
            assert!(Pixels::read(bytes, Form::Png, PIXELS_MAX).is_err());
        }
    }

    #[test]
    fn a_turned_picture_is_written_upright() {
        // Red on the left and blue on the right; turned by 90 degrees, red is above.
        let turned = sample::with_exif(&sample::two_colours(32, 16), 6);
        let pixels = Pixels::read(&turned, Form::Jpeg, PIXELS_MAX).expect("it is read");
        assert_eq!((pixels.shown_size(), pixels.is_turned()), ((16, 32), true));
        let upright = pixels.to_jpeg(false).expect("it is written");
        let pixels = Pixels::read(&upright, Form::Jpeg, PIXELS_MAX).expect("it is read");
        assert_eq!((pixels.shown_size(), pixels.is_turned(), pixels.exif), ((16, 32), false, None));
        let image = pixels.image.into_rgb8();
        let (above, below) = (image.get_pixel(8, 4).0, image.get_pixel(8, 28).0);
        assert!(above[0] > 200 && above[2] < 60, "{above:?}");
        assert!(below[2] > 200 && below[0] < 60, "{below:?}");
    }

    #[test]
    fn what_is_transparent_becomes_white() {
        let clear = DynamicImage::ImageRgba8(image::RgbaImage::from_pixel(1, 1, image::Rgba([10, 20, 30, 0])));
        assert_eq!(on_white(clear).get_pixel(0, 0).0, [255, 255, 255]);
    }
}
