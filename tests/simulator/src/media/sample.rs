//! Files to send where nobody has one: a picture or sticker of one colour, and silence. They are what they say they are,
//! and nothing else.

use crate::history::zlib;
use crate::media::format::page_sum;

/// Samples of a packet of 60 ms; src: RFC 7845, 4.
const PACKET_GRANULES: u64 = 2880;
/// Three frames of 20 ms of silence in one packet of equal frames, mono; src: RFC 6716, 3.2.
const SILENCE: [u8; 8] = [0xfb, 0x03, 0xff, 0xfe, 0xff, 0xfe, 0xff, 0xfe];
/// Packets on a page: a second of sound, as recorders write it.
const PAGE_PACKETS: u64 = 17;

/// A green picture as a PNG file.
pub(crate) fn png(width: u32, height: u32) -> Vec<u8> {
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    // Eight bits for each of three colours.
    let head = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 2, 0, 0, 0]].concat();
    // Each line begins with its filter, of which there is none.
    let line = [&[0][..], &[0x25, 0xd3, 0x66].repeat(width as usize)].concat();
    for (name, content) in [(b"IHDR", head), (b"IDAT", zlib(&line.repeat(height as usize))), (b"IEND", Vec::new())] {
        file.extend((content.len() as u32).to_be_bytes());
        let chunk = [&name[..], &content].concat();
        file.extend(&chunk);
        file.extend(chunk_sum(&chunk).to_be_bytes());
    }
    file
}

fn chunk_sum(chunk: &[u8]) -> u32 {
    let mut sum = u32::MAX;
    for byte in chunk {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            sum = if sum & 1 == 0 { sum >> 1 } else { sum >> 1 ^ 0xedb8_8320 };
        }
    }
    !sum
}

/// A green sticker as a WebP file, without loss.
pub(crate) fn webp(width: u32, height: u32) -> Vec<u8> {
    let mut bits = Bits::default();
    bits.push(u64::from(width - 1), 14);
    bits.push(u64::from(height - 1), 14);
    // Transparency is not used, the format's version is 0; there is no transformation, no cache and no second set of codes.
    bits.push(0, 1 + 3 + 3);
    // A code for each of green, red, blue and alpha, with one symbol of eight bits, for which no more bits are needed.
    for symbol in [0xd3, 0x25, 0x66, 0xff] {
        bits.push(0b101 | symbol << 3, 11);
    }
    // And one for distances, of one bit.
    bits.push(0b0001, 4);
    let content = [&[0x2f][..], &bits.bytes].concat();
    let padding = vec![0; content.len() % 2];
    let chunk = [&b"VP8L"[..], &(content.len() as u32).to_le_bytes(), &content, &padding].concat();
    [&b"RIFF"[..], &(chunk.len() as u32 + 4).to_le_bytes(), b"WEBP", &chunk].concat()
}

/// Bits in bytes, the lowest first.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    count: usize,
}

impl Bits {
    fn push(&mut self, value: u64, length: usize) {
        for at in 0..length {
            if self.count.is_multiple_of(8) {
                self.bytes.push(0);
            }
            if let Some(last) = self.bytes.last_mut() {
                *last |= ((value >> at & 1) as u8) << (self.count % 8);
            }
            self.count += 1;
        }
    }
}

/// Seconds of silence as a voice message: Opus in Ogg, as iPhones play it.
pub(crate) fn voice(seconds: u32) -> Vec<u8> {
    let head = [&b"OpusHead\x01\x01"[..], &0_u16.to_le_bytes(), &16_000_u32.to_le_bytes(), &[0, 0, 0]].concat();
    let tags = [&b"OpusTags"[..], &3_u32.to_le_bytes(), b"sim", &0_u32.to_le_bytes()].concat();
    let mut file = [page(0, 2, 0, &[&head]), page(1, 0, 0, &[&tags])].concat();
    let end = u64::from(seconds.max(1)) * 48_000;
    let total = end.div_ceil(PACKET_GRANULES);
    let pages = total.div_ceil(PAGE_PACKETS);
    for number in 0..pages {
        let packets = PAGE_PACKETS.min(total - number * PAGE_PACKETS);
        let granule = (number * PAGE_PACKETS + packets) * PACKET_GRANULES;
        let is_last = number + 1 == pages;
        let sound = vec![&SILENCE[..]; packets as usize];
        file.extend(page(number as u32 + 2, if is_last { 4 } else { 0 }, granule.min(end), &sound));
    }
    file
}

/// A page of small packets.
fn page(number: u32, flags: u8, granule: u64, packets: &[&[u8]]) -> Vec<u8> {
    let mut page = [&b"OggS\0"[..], &[flags], &granule.to_le_bytes(), b"sim!", &number.to_le_bytes()].concat();
    page.extend([0; 4]);
    page.push(packets.len() as u8);
    page.extend(packets.iter().map(|packet| packet.len() as u8));
    page.extend(packets.concat());
    let sum = page_sum(&page);
    page[22..26].copy_from_slice(&sum.to_le_bytes());
    page
}
