//! OGG files: pages and the packets in them; src: RFC 3533. Reads one page at a time, and writes pages of about a second.

use std::io::{Read, Write};

use crate::media::format::number;
use crate::media::format::reading::fill;
use crate::media::format::refusal::Refusal;

/// Bytes of a page's head, without its table of lengths.
const HEAD: usize = 27;
/// Where in the head the sum is.
const SUM: usize = 22;
/// Granule position of a page on which no packet ends.
const NO_PACKET_ENDS: u64 = u64::MAX;
/// Most bytes of a packet that are kept. The largest of Opus has 61,440; what is longer is a picture among the tags.
pub const PACKET_MAX: usize = 65_536;

/// A page: packets, or parts of them.
#[derive(Debug)]
struct Page {
    is_continued: bool,
    is_last: bool,
    granule: u64,
    serial: u32,
    lengths: Vec<u8>,
    body: Vec<u8>,
}

/// A packet.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Packet {
    /// Its bytes, as far as they are kept.
    pub bytes: Vec<u8>,
    /// Whether it has more bytes than are kept.
    pub is_cut: bool,
    /// The granule position of its page, if it is the last packet that ends there.
    pub granule: Option<u64>,
}

/// The packets of a file with one stream, in order.
#[derive(Debug)]
pub struct Packets<R> {
    reader: R,
    serial: Option<u32>,
    pages: u32,
    page: Option<(Page, usize, usize)>,
    open: Option<Packet>,
    is_over: bool,
}

impl<R: Read> Packets<R> {
    /// The packets of a file, from its beginning.
    pub fn new(reader: R) -> Self {
        Self { reader, serial: None, pages: 0, page: None, open: None, is_over: false }
    }

    /// The number of the stream.
    pub fn serial(&self) -> u32 {
        self.serial.unwrap_or_default()
    }

    /// The next packet. None behind the last.
    ///
    /// # Errors
    /// The file is broken, cut off, or has more than one stream.
    pub fn next_packet(&mut self) -> Result<Option<Packet>, Refusal> {
        loop {
            if let Some(packet) = self.next_of_page()? {
                return Ok(Some(packet));
            }
            let Some(page) = self.next_page()? else {
                return if self.open.is_some() { Err(Refusal::cut_off()) } else { Ok(None) };
            };
            if page.is_continued != self.open.is_some() {
                return Err(broken("a part of a packet is missing"));
            }
            self.is_over = page.is_last;
            self.page = Some((page, 0, 0));
        }
    }

    fn next_of_page(&mut self) -> Result<Option<Packet>, Refusal> {
        let Some((page, segment, at)) = &mut self.page else { return Ok(None) };
        while let Some(length) = page.lengths.get(*segment).copied() {
            let packet = self.open.get_or_insert_default();
            let end = *at + usize::from(length);
            let part = page.body.get(*at..end).ok_or_else(Refusal::cut_off)?;
            let room = PACKET_MAX - packet.bytes.len();
            packet.is_cut |= part.len() > room;
            packet.bytes.extend_from_slice(&part[..part.len().min(room)]);
            (*segment, *at) = (*segment + 1, end);
            if length < u8::MAX {
                let is_last_of_page = !page.lengths[*segment..].iter().any(|length| *length < u8::MAX);
                if is_last_of_page && page.granule == NO_PACKET_ENDS {
                    return Err(broken("a page does not say how long it is"));
                }
                packet.granule = is_last_of_page.then_some(page.granule);
                return Ok(self.open.take());
            }
        }
        self.page = None;
        Ok(None)
    }

    fn next_page(&mut self) -> Result<Option<Page>, Refusal> {
        let mut head = [0; HEAD];
        let count = fill(&mut self.reader, &mut head)?;
        if count == 0 {
            return Ok(None);
        }
        if count < HEAD {
            return Err(Refusal::cut_off());
        }
        if !head.starts_with(b"OggS\0") {
            return Err(broken("a page does not begin where one should"));
        }
        let mut lengths = vec![0; usize::from(head[HEAD - 1])];
        self.reader.read_exact(&mut lengths)?;
        let mut body = vec![0; lengths.iter().map(|length| usize::from(*length)).sum()];
        self.reader.read_exact(&mut body)?;
        let field = |at, length| number::little(&head, at, length).unwrap_or_default();
        let sum = field(SUM, 4);
        let page = Page {
            is_continued: head[5] & 1 != 0,
            is_last: head[5] & 4 != 0,
            granule: field(6, 8),
            serial: u32::try_from(field(14, 4)).unwrap_or_default(),
            lengths,
            body,
        };
        let is_first = head[5] & 2 != 0;
        let place = field(18, 4);
        head[SUM..SUM + 4].fill(0);
        let expected = [&head[..], &page.lengths, &page.body].into_iter().fold(0, check_sum);
        if u64::from(expected) != sum {
            return Err(broken("a page's sum is wrong"));
        }
        self.check_order(&page, is_first, place)?;
        Ok(Some(page))
    }

    /// One stream, whose pages come one after the other.
    fn check_order(&mut self, page: &Page, is_first: bool, place: u64) -> Result<(), Refusal> {
        let is_same = self.serial.is_none_or(|serial| serial == page.serial);
        if !is_same || self.is_over || is_first != (self.pages == 0) {
            return Err(Refusal::unsupported("must be an OGG file with one stream"));
        }
        if place != u64::from(self.pages) {
            return Err(broken("a page is missing"));
        }
        self.serial = Some(page.serial);
        self.pages = self.pages.checked_add(1).ok_or_else(|| broken("it has too many pages"))?;
        Ok(())
    }
}

fn broken(reason: &str) -> Refusal {
    Refusal::unsupported(format!("must be a valid OGG file: {reason}"))
}

/// Writes the packets of one stream.
#[derive(Debug)]
pub struct Writer<W> {
    writer: W,
    serial: u32,
    pages: u32,
    granule: u64,
    /// The granule position of the last page that was written.
    written: u64,
    lengths: Vec<u8>,
    body: Vec<u8>,
}

impl<W: Write> Writer<W> {
    /// Writes a stream of this number.
    pub fn new(writer: W, serial: u32) -> Self {
        Self { writer, serial, pages: 0, granule: 0, written: 0, lengths: Vec::new(), body: Vec::new() }
    }

    /// Appends a packet, at whose end the stream is at this granule position. If the page that is being made has no room for it, that is
    /// written first.
    ///
    /// # Errors
    /// The disk does not take it, or the packet is longer than a page.
    pub fn push(&mut self, packet: &[u8], granule: u64) -> Result<(), Refusal> {
        let segments = packet.len() / 255 + 1;
        if self.lengths.len() + segments > 255 {
            self.end_page(false)?;
        }
        if segments > 255 {
            return Err(broken("a packet is too long"));
        }
        self.lengths.extend(std::iter::repeat_n(u8::MAX, segments - 1));
        self.lengths.push(u8::try_from(packet.len() % 255).unwrap_or_default());
        self.body.extend_from_slice(packet);
        self.granule = granule;
        Ok(())
    }

    /// Writes the page that is being made, unless it is empty.
    ///
    /// # Errors
    /// The disk does not take it.
    pub fn end_page(&mut self, is_last: bool) -> Result<(), Refusal> {
        if self.lengths.is_empty() {
            return Ok(());
        }
        let flags = if self.pages == 0 { 2 } else { 0 } | if is_last { 4 } else { 0 };
        let count = u8::try_from(self.lengths.len()).unwrap_or(u8::MAX);
        let mut page = Vec::with_capacity(HEAD + self.lengths.len() + self.body.len());
        page.extend_from_slice(b"OggS\0");
        page.push(flags);
        page.extend_from_slice(&self.granule.to_le_bytes());
        page.extend_from_slice(&self.serial.to_le_bytes());
        page.extend_from_slice(&self.pages.to_le_bytes());
        page.extend_from_slice(&[0; 4]);
        page.push(count);
        page.append(&mut self.lengths);
        page.append(&mut self.body);
        let sum = check_sum(0, &page);
        page[SUM..SUM + 4].copy_from_slice(&sum.to_le_bytes());
        self.writer.write_all(&page).map_err(Refusal::Disk)?;
        self.written = self.granule;
        self.pages = self.pages.checked_add(1).ok_or_else(|| broken("it has too many pages"))?;
        Ok(())
    }

    /// Writes the last page, which must have a packet, at this granule position: it may be before the end of its packets, but not before
    /// the page in front of it. Tells which it became.
    ///
    /// # Errors
    /// The disk does not take it.
    pub fn finish(mut self, granule: u64) -> Result<u64, Refusal> {
        self.granule = granule.max(self.written);
        self.end_page(true)?;
        self.writer.flush().map_err(Refusal::Disk)?;
        Ok(self.granule)
    }
}

/// Sums of single bytes: of a polynomial whose bits come highest first, without a beginning or an end of their own.
const SUMS: [u32; 256] = {
    let mut sums = [0; 256];
    let mut byte: u32 = 0;
    while byte < 256 {
        let mut sum = byte << 24;
        let mut bit = 0;
        while bit < 8 {
            sum = if sum & 0x8000_0000 == 0 { sum << 1 } else { sum << 1 ^ 0x04c1_1db7 };
            bit += 1;
        }
        sums[byte as usize] = sum;
        byte += 1;
    }
    sums
};

/// Goes on with the sum of a page, whose own field counts as zero.
pub fn check_sum(sum: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(sum, |sum, byte| {
        let [high, ..] = sum.to_be_bytes();
        sum << 8 ^ SUMS[usize::from(high ^ byte)]
    })
}

#[cfg(test)]
mod tests;
