//! How loud a voice note is, as phones draw it.
//!
//! The sound is not decoded. An encoder that may choose spends more bytes on what is loud and moving than on silence and hum, so the
//! sizes of frames follow loudness roughly: pauses and sentences are where they are in the sound, heights are an estimate. An
//! encoder that is told to spend the same on every frame says nothing, and the picture is flat. A client that knows better gives its
//! own.

/// Parts of the picture. Phones draw as many.
pub const PARTS: usize = 64;
/// Heights of a picture of which nothing is known.
const FLAT: u8 = 50;
/// Parts that are counted before each two of them become one. More than are drawn, so that their borders do not matter.
const COUNTED_MAX: usize = 8 * PARTS;

/// Adds up the sizes of frames, without knowing how many there will be, in little memory.
#[derive(Debug)]
pub struct Loudness {
    /// Bytes of so many frames each.
    sums: Vec<u64>,
    frames_each: u64,
    /// Bytes and number of frames that are no whole part yet.
    open: (u64, u64),
}

impl Default for Loudness {
    fn default() -> Self {
        Self { sums: Vec::new(), frames_each: 1, open: (0, 0) }
    }
}

impl Loudness {
    /// Adds a frame of so many bytes.
    pub fn add(&mut self, bytes: usize) {
        self.open.0 += u64::try_from(bytes).unwrap_or(u64::MAX);
        self.open.1 += 1;
        if self.open.1 < self.frames_each {
            return;
        }
        self.sums.push(std::mem::take(&mut self.open).0);
        if self.sums.len() == COUNTED_MAX {
            self.sums = self.sums.chunks(2).map(|pair| pair.iter().sum()).collect();
            self.frames_each *= 2;
        }
    }

    /// The picture: 64 heights from 0 to 100.
    pub fn picture(&self) -> Vec<u8> {
        let parts = self.parts();
        let (lowest, highest) = (parts.iter().min().copied().unwrap_or(0), parts.iter().max().copied().unwrap_or(0));
        // What differs by less than a tenth does not say anything.
        if highest - lowest <= highest / 10 {
            return vec![FLAT; PARTS];
        }
        // From half of the most on at least, so that a hum is no mountain range.
        let span = (highest - lowest).max(highest / 2).max(1);
        let height = |part: u64| (part + span - highest) * 100 / span;
        parts.into_iter().map(|part| u8::try_from(height(part)).unwrap_or(100)).collect()
    }

    /// The sums, spread over as many parts as are drawn.
    fn parts(&self) -> Vec<u64> {
        let count = self.sums.len();
        (0..PARTS)
            .map(|part| {
                let (begin, end) = (part * count / PARTS, (part + 1) * count / PARTS);
                let sums = self.sums.get(begin..end.max(begin + 1)).unwrap_or_default();
                let number = u64::try_from(sums.len()).unwrap_or(1).max(1);
                // So that little numbers keep their differences.
                sums.iter().sum::<u64>() * 16 / number
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(sizes: impl IntoIterator<Item = usize>) -> Vec<u8> {
        let mut loudness = Loudness::default();
        sizes.into_iter().for_each(|size| loudness.add(size));
        loudness.picture()
    }

    #[test]
    fn pauses_are_where_they_are_in_the_sound() {
        // Twenty minutes: loud, silent, loud.
        let sizes = (0..60_000).map(|frame| if (20_000..40_000).contains(&frame) { 4 } else { 80 });
        let picture = picture(sizes);
        assert_eq!(picture.len(), PARTS);
        assert!(picture[..20].iter().chain(&picture[44..]).all(|height| *height == 100), "{picture:?}");
        assert!(picture[23..41].iter().all(|height| *height == 0), "{picture:?}");
    }

    #[test]
    fn what_says_nothing_is_flat() {
        assert_eq!(picture([]), [FLAT; PARTS]);
        assert_eq!(picture([7]), [FLAT; PARTS]);
        assert_eq!(picture([80; 1000]), [FLAT; PARTS]);
    }

    #[test]
    fn a_short_note_has_all_parts() {
        let picture = picture([10, 90, 10]);
        assert_eq!(picture.len(), PARTS);
        assert_eq!((picture[0], picture[32], picture[63]), (0, 100, 0));
    }
}
