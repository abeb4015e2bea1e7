//! Voice notes: mono Opus in OGG, in the one shape that iPhones play. They say that a note is not available if it was made as encoders
//! make it, with one frame in a packet (code 0): they want 16 kHz in the head and three frames of 20 ms in a packet (code 3);
//! src: WhiskeySockets/Baileys#2648. Frames are put together anew without decoding them, so nothing of the sound changes.

use std::io::{Read, Write};

use crate::media::format::number;
use crate::media::format::ogg::{PACKET_MAX, Packet, Packets, Writer};
use crate::media::format::opus::{self, Frames, Head, SAMPLES_PER_SECOND};
use crate::media::format::refusal::Refusal;
use crate::media::format::waveform::Loudness;

/// Samples a second that the head says.
const RATE: u32 = 16_000;
/// Samples of a packet: 60 ms.
const PACKET_SAMPLES: u64 = 2880;
/// Samples of a page: about a second, as recorders write it.
const PAGE_SAMPLES: u64 = SAMPLES_PER_SECOND;

/// What is known of a voice note.
#[derive(Debug, PartialEq, Eq)]
pub struct Voice {
    /// How long it is.
    pub seconds: u32,
    /// How loud it is, in 64 parts, each 0 to 100.
    pub waveform: Vec<u8>,
    /// Whether it had the shape already.
    pub fits: bool,
}

/// Reads a voice note, and writes it in the shape that every phone plays.
///
/// # Errors
/// It is not mono Opus in OGG, or broken.
pub fn repack(reader: impl Read, writer: impl Write) -> Result<Voice, Refusal> {
    let mut packets = Packets::new(reader);
    let head = head(&mut packets)?;
    if head.channels != 1 || head.mapping != 0 {
        return Err(not_mono());
    }
    let tags = tags(&mut packets)?;
    let mut repacking = Repacking {
        writer: Writer::new(writer, packets.serial()),
        config: 0,
        frames: Vec::new(),
        position: 0,
        page_begin: 0,
        loudness: Loudness::default(),
    };
    repacking.writer.push(&head.with_rate(RATE), 0)?;
    repacking.writer.end_page(false)?;
    repacking.writer.push(&opus::no_tags(), 0)?;
    repacking.writer.end_page(false)?;
    let mut fits = head.rate == RATE && !tags.is_cut && opus::tags(&tags.bytes) == Some(0);
    let (mut length, mut is_short) = (Length::default(), false);
    while let Some(packet) = packets.next_packet()? {
        let frames = frames(&packet)?;
        // Only the last packet may be shorter.
        fits &= frames.code == 3 && frames.samples() <= PACKET_SAMPLES && !is_short;
        is_short = frames.samples() < PACKET_SAMPLES;
        length.add(frames.samples(), packet.granule);
        repacking.take(&frames)?;
    }
    let end = length.end().ok_or_else(no_sound)?;
    fits &= length.begin == Some(0);
    let waveform = repacking.loudness.picture();
    let seconds = played(repacking.finish(end)?, head.skipped)?;
    Ok(Voice { seconds, waveform, fits })
}

/// How long a file of Opus in OGG is, of any number of channels, in seconds.
///
/// # Errors
/// It is not Opus in OGG, or broken.
pub fn seconds(reader: impl Read) -> Result<u32, Refusal> {
    let mut packets = Packets::new(reader);
    let head = head(&mut packets)?;
    tags(&mut packets)?;
    let mut length = Length::default();
    while let Some(packet) = packets.next_packet()? {
        length.add(frames(&packet)?.samples(), packet.granule);
    }
    played(length.end().ok_or_else(no_sound)?, head.skipped)
}

fn head(packets: &mut Packets<impl Read>) -> Result<Head, Refusal> {
    let first = packets.next_packet()?.ok_or_else(no_sound)?;
    Head::read(&first.bytes)
        .ok_or_else(|| Refusal::unsupported("must be Opus in OGG: it is another kind of sound in OGG"))
}

fn tags(packets: &mut Packets<impl Read>) -> Result<Packet, Refusal> {
    let tags = packets.next_packet()?.ok_or_else(no_sound)?;
    if tags.bytes.starts_with(b"OpusTags") { Ok(tags) } else { Err(broken()) }
}

fn frames(packet: &Packet) -> Result<Frames<'_>, Refusal> {
    if packet.is_cut || packet.bytes.len() >= PACKET_MAX {
        return Err(broken());
    }
    Frames::read(&packet.bytes).ok_or_else(broken)
}

/// Seconds that are played, of a stream that ends there.
fn played(end: u64, skipped: u16) -> Result<u32, Refusal> {
    match end.saturating_sub(u64::from(skipped)) {
        0 => Err(no_sound()),
        samples => number::seconds(samples, SAMPLES_PER_SECOND).ok_or_else(no_sound),
    }
}

/// How long a stream is by its positions, which may begin anywhere, and may end before the last packet does.
#[derive(Debug, Default)]
struct Length {
    /// Samples of all packets.
    samples: u64,
    /// Where the first page begins.
    begin: Option<u64>,
    /// Position of the last page.
    last: u64,
}

impl Length {
    fn add(&mut self, samples: u64, granule: Option<u64>) {
        self.samples = self.samples.saturating_add(samples);
        if let Some(granule) = granule {
            // A first page that is shorter than its packets is the last one as well.
            self.begin.get_or_insert(granule.saturating_sub(self.samples));
            self.last = granule;
        }
    }

    /// Where the sound ends, counted from its beginning. None if there is none.
    fn end(&self) -> Option<u64> {
        let length = self.last.checked_sub(self.begin?)?;
        Some(length.min(self.samples)).filter(|end| *end > 0)
    }
}

/// Frames on their way into packets of 60 ms.
struct Repacking<W> {
    writer: Writer<W>,
    config: u8,
    frames: Vec<Vec<u8>>,
    /// Samples of the packets that are written or wait for the end of their page.
    position: u64,
    /// Where the page that is being made begins.
    page_begin: u64,
    loudness: Loudness,
}

impl<W: Write> Repacking<W> {
    fn take(&mut self, packet: &Frames<'_>) -> Result<(), Refusal> {
        if packet.is_stereo {
            return Err(not_mono());
        }
        if packet.config != self.config {
            self.end_packet()?;
            self.config = packet.config;
        }
        let frame_samples = opus::frame_samples(packet.config);
        for frame in &packet.frames {
            self.loudness.add(frame.len());
            self.frames.push(frame.to_vec());
            // As many as fit into 60 ms: three of the usual 20.
            let count = u64::try_from(self.frames.len()).unwrap_or(u64::MAX);
            if (count + 1) * frame_samples > PACKET_SAMPLES {
                self.end_packet()?;
            }
        }
        Ok(())
    }

    fn end_packet(&mut self) -> Result<(), Refusal> {
        if self.frames.is_empty() {
            return Ok(());
        }
        if self.position - self.page_begin >= PAGE_SAMPLES {
            self.writer.end_page(false)?;
            self.page_begin = self.position;
        }
        let count = u64::try_from(self.frames.len()).unwrap_or(u64::MAX);
        self.position += count * opus::frame_samples(self.config);
        self.writer.push(&opus::packed(self.config, &self.frames), self.position)?;
        self.frames.clear();
        Ok(())
    }

    /// The last page says where the sound ends. Tells where that is.
    fn finish(mut self, end: u64) -> Result<u64, Refusal> {
        self.end_packet()?;
        self.writer.finish(end)
    }
}

fn not_mono() -> Refusal {
    Refusal::unsupported("must be mono to be a voice note, which is Opus in OGG with one channel: it has more")
}

fn no_sound() -> Refusal {
    Refusal::unsupported("must have sound: it has none")
}

fn broken() -> Refusal {
    Refusal::unsupported("must be valid Opus in OGG: this file is broken")
}

#[cfg(test)]
mod tests;
