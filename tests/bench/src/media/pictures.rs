//! Pictures that go out: how many are taken with a thumbnail, and how many are acknowledged by WhatsApp, each second.

use std::time::Instant;

use anyhow::{Context, ensure};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use image::codecs::jpeg::JpegEncoder;
use image::{Rgb, RgbImage};
use serde::Serialize;

use super::MediaBench;
use super::outgoing::World;
use crate::seeded_random::SeededRandom;
use crate::storage::Storage;

/// Clients that hand in and send.
const CLIENTS: usize = 8;
const WIDTH: u32 = 1280;
const HEIGHT: u32 = 960;
/// What a picture should have at most, bytes.
const BYTES: usize = 200_000;

/// One run.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Pictures {
    /// Mean size of a picture, kilobytes.
    pub(super) kilobytes: f64,
    pub(super) handed_in_per_second: f64,
    /// Until the message is written down: the picture has been looked through and has its thumbnail.
    pub(super) accepted_per_second: f64,
    /// Until WhatsApp has acknowledged the last message, from the first request to send.
    pub(super) sent_per_second: f64,
    /// Processor time of the server for one picture, from the first request to send, milliseconds.
    pub(super) cpu_millis: f64,
}

impl MediaBench {
    /// One run of pictures, in a world of its own.
    pub(super) async fn pictures(&self, storage: &Storage) -> anyhow::Result<Pictures> {
        let count = self.pictures;
        let pictures = tokio::task::spawn_blocking(move || painted(count)).await??;
        let bytes: usize = pictures.iter().map(Vec::len).sum();
        let world = &World::start(storage).await?;
        let begun = Instant::now();
        let handing_in = stream::iter(pictures).map(|picture| world.hand_in(picture)).buffered(CLIENTS);
        let files: Vec<String> = handing_in.try_collect().await?;
        let handed_in = begun.elapsed();
        let (begun, cpu) = (Instant::now(), world.server.process.cpu()?);
        let accepting = stream::iter(files.iter().enumerate())
            .map(|(chat, file)| world.accept_file(chat, "image", file))
            .buffered(CLIENTS);
        let messages: Vec<String> = accepting.try_collect().await?;
        let accepted = begun.elapsed();
        for (chat, message) in messages.iter().enumerate() {
            world.is_sent(chat, message).await?;
        }
        let sent = begun.elapsed();
        let cpu = world.server.process.cpu()?.saturating_sub(cpu);
        Ok(Pictures {
            kilobytes: bytes as f64 / count as f64 / 1e3,
            handed_in_per_second: count as f64 / handed_in.as_secs_f64(),
            accepted_per_second: count as f64 / accepted.as_secs_f64(),
            sent_per_second: count as f64 / sent.as_secs_f64(),
            cpu_millis: cpu.as_secs_f64() * 1e3 / count as f64,
        })
    }
}

/// So many pictures, all different, in the best quality in which the first has not too many bytes.
fn painted(count: usize) -> anyhow::Result<Vec<Vec<u8>>> {
    ensure!(count > 0, "there must be a picture");
    let first = paint(0);
    let quality = (10..=95).rev().step_by(5).find_map(|quality| match encoded(&first, quality) {
        Ok(bytes) if bytes.len() > BYTES => None,
        other => Some(other.map(|_| quality)),
    });
    let quality = quality.context("no picture is small enough")??;
    (0..count).map(|number| encoded(&paint(number as u64), quality)).collect()
}

/// A gradient with noise, so that it has as many bytes as a photograph.
fn paint(number: u64) -> RgbImage {
    let mut random = SeededRandom::new(number, 0);
    RgbImage::from_fn(WIDTH, HEIGHT, |x, y| {
        let noise = random.below(24);
        let channel =
            |part: u32, whole: u32| u8::try_from(u64::from(part) * 200 / u64::from(whole) + noise).unwrap_or(u8::MAX);
        Rgb([channel(x, WIDTH), channel(y, HEIGHT), channel(x + y, WIDTH + HEIGHT)])
    })
}

fn encoded(picture: &RgbImage, quality: u8) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, quality).encode_image(picture)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::{BYTES, painted};

    #[test]
    fn pictures_are_all_different_and_of_the_size_of_a_photograph() {
        let pictures = painted(2).unwrap();
        assert_ne!(pictures[0], pictures[1]);
        assert!((BYTES / 2..=BYTES).contains(&pictures[0].len()), "{} bytes", pictures[0].len());
    }
}
