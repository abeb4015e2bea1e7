//! Files of a corpus, changed at random.

use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::media::format::sample;

/// Most bytes of a file: repeating parts would make large ones, which only take time.
const SIZE_MAX: usize = 65_536;

/// A change of a file.
#[derive(Clone, Debug)]
enum Change {
    /// A byte is another.
    Byte(Index, u8),
    /// A number of so many bytes is an unusual one.
    Number(Index, Vec<u8>),
    /// The file ends there.
    Cut(Index),
    /// A part is not there.
    Without(Index, usize),
    /// A part is there more often.
    Repeated(Index, usize, usize),
    /// A part of another file is put in.
    Foreign(Index, Vec<u8>),
    /// Anything is put in.
    Noise(Index, Vec<u8>),
}

impl Change {
    fn apply(&self, file: &mut Vec<u8>) {
        let place = |index: &Index, file: &Vec<u8>| index.index(file.len() + 1);
        match self {
            Self::Byte(index, byte) => {
                let at = place(index, file);
                file.get_mut(at).into_iter().for_each(|old| *old = *byte);
            }
            Self::Number(index, bytes) => {
                let at = place(index, file);
                for (old, new) in file[at..].iter_mut().zip(bytes) {
                    *old = *new;
                }
            }
            Self::Cut(index) => file.truncate(place(index, file)),
            Self::Without(index, length) => {
                let at = place(index, file);
                file.drain(at..file.len().min(at + length));
            }
            Self::Repeated(index, length, times) => {
                let at = place(index, file);
                let part = file[at..file.len().min(at + length)].repeat(*times);
                file.splice(at..at, part);
            }
            Self::Foreign(index, part) | Self::Noise(index, part) => {
                let at = place(index, file);
                file.splice(at..at, part.iter().copied());
            }
        }
        file.truncate(SIZE_MAX);
    }
}

fn change(corpus: Vec<Vec<u8>>) -> impl Strategy<Value = Change> {
    let numbers = [
        &[0xff; 4][..],
        &[0; 4],
        &[0x7f, 0xff, 0xff, 0xff],
        &[0x80, 0, 0, 0],
        &[0, 0, 0, 1],
        &[0xff; 8],
        &[0xff, 0xff],
    ];
    let numbers: Vec<_> = numbers.into_iter().map(<[u8]>::to_vec).collect();
    let index = any::<Index>;
    prop_oneof![
        4 => (index(), any::<u8>()).prop_map(|(at, byte)| Change::Byte(at, byte)),
        3 => (index(), select(numbers)).prop_map(|(at, number)| Change::Number(at, number)),
        1 => index().prop_map(Change::Cut),
        2 => (index(), 1_usize..64).prop_map(|(at, length)| Change::Without(at, length)),
        2 => (index(), 1_usize..256, 1_usize..40).prop_map(|(at, length, times)| Change::Repeated(at, length, times)),
        1 => (index(), index(), 1_usize..256, select(corpus)).prop_map(|(at, from, length, other)| {
            let from = from.index(other.len());
            Change::Foreign(at, other[from..other.len().min(from + length)].to_vec())
        }),
        1 => (index(), prop::collection::vec(any::<u8>(), 1..64)).prop_map(|(at, bytes)| Change::Noise(at, bytes)),
    ]
}

/// Files of a corpus with some changes each. The sums of OGG are mended in half of them: else no change would get past them.
pub(super) fn changed(corpus: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let changes = prop::collection::vec(change(corpus.clone()), 0..8);
    (select(corpus), changes, any::<bool>()).prop_map(|(mut file, changes, mends)| {
        for change in changes {
            change.apply(&mut file);
        }
        if mends {
            sample::with_sums(&mut file);
        }
        file
    })
}
