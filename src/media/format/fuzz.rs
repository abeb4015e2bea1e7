//! Whatever bytes come, no parser panics, and none takes more time or memory than the size of the file allows.
//!
//! The files are valid ones of each format that are changed at random: bytes, numbers, parts that are cut out, repeated, or put into each
//! other; checksums are mended, as an attacker would. Each parser reads thousands of them for a moment in the usual tests, and for a
//! minute in a step of `.ci/run`. What they read is counted. Where a decoder that is not ours does the work, its processor time is
//! measured, in the time that a plain file takes.

use std::io::{Cursor, Read, Seek, SeekFrom};
use std::time::{Duration, Instant};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::media::format::mp4::Movie;
use crate::media::format::refusal::Refusal;
use crate::media::format::{kind, look, picture, sample, sound, sticker, voice};

mod change;

/// How long a usual run takes at most, for each parser.
const SHORT_RUN: Duration = Duration::from_secs(2);
/// How long the long run takes, for each parser.
const LONG_RUN: Duration = Duration::from_secs(60);
/// Most pixels of a picture here: enough for all that the corpus has, and a bomb takes no longer than they do.
const PIXELS_MAX: u64 = 400_000;
/// Most processor time of a picture, in an unoptimised build on a busy machine: a second at the most was seen.
const PICTURE_TIME: Duration = Duration::from_secs(10);

/// A file whose reads are counted.
struct Counted {
    file: Cursor<Vec<u8>>,
    bytes: usize,
    calls: usize,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.file.read(buffer)?;
        (self.bytes, self.calls) = (self.bytes + count, self.calls + 1);
        Ok(count)
    }
}

impl Seek for Counted {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.file.seek(to)
    }
}

/// Reads a file with a parser of ours: it reads no byte much more often than once, and asks no more often than there are bytes.
fn counted<T>(file: &[u8], parse: impl FnOnce(&mut Counted, u64) -> Result<T, Refusal>) -> Result<(), TestCaseError> {
    let mut counted = Counted { file: Cursor::new(file.to_vec()), bytes: 0, calls: 0 };
    let size = u64::try_from(file.len()).unwrap_or(u64::MAX);
    if let Err(Refusal::Disk(error)) = parse(&mut counted, size) {
        prop_assert!(false, "memory is no disk that fails: {error}");
    }
    // Buffers read ahead, and some heads are read before they are looked at.
    prop_assert!(counted.bytes <= 64 * file.len() + 262_144, "{} of {} bytes", counted.bytes, file.len());
    prop_assert!(counted.calls <= 4 * file.len() + 1024, "{} reads of {} bytes", counted.calls, file.len());
    Ok(())
}

/// Reads a picture within a time.
fn timed<T>(file: &[u8], parse: impl FnOnce(&[u8]) -> Result<T, Refusal>) -> Result<(), TestCaseError> {
    let begun = processor_time();
    if let Err(Refusal::Disk(error)) = parse(file) {
        prop_assert!(false, "memory is no disk that fails: {error}");
    }
    let taken = processor_time().saturating_sub(begun);
    prop_assert!(taken <= PICTURE_TIME, "{taken:?} for {} bytes", file.len());
    Ok(())
}

/// How long this thread has run.
fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// Reads changed files for so long, at least one.
fn fuzz(corpus: Vec<Vec<u8>>, run: Duration, check: impl Fn(Vec<u8>) -> Result<(), TestCaseError>) {
    let begun = Instant::now();
    let config = Config { cases: 64, failure_persistence: None, ..Config::default() };
    let files = change::changed(corpus);
    loop {
        // So many files a runner: it is at its end after them.
        let outcome = TestRunner::new(config.clone()).run(&files, &check);
        // The smallest change that fails as well: it belongs into a test of its own.
        outcome.unwrap_or_else(|failure| panic!("{failure}"));
        if begun.elapsed() >= run {
            return;
        }
    }
}

fn pictures(run: Duration) {
    let jpeg = sample::jpeg(40, 24);
    let corpus = vec![
        sample::with_exif(&jpeg, 6),
        jpeg,
        sample::with_text(&sample::png(40, 24)),
        sample::webp(40, 24),
        sample::gif(1),
        sample::gif(3),
        sample::animated_webp(512, 512, 2),
    ];
    fuzz(corpus, run, |file| {
        timed(&file, |file| picture::picture_within(file, false, PIXELS_MAX))?;
        timed(&file, |file| picture::picture_within(file, true, PIXELS_MAX))
    });
}

fn stickers(run: Duration) {
    let moving = sample::animated_webp(512, 512, 2);
    let corpus = vec![sample::with_webp_exif(&moving, b"x"), moving, sample::webp(512, 512), sample::png(30, 20)];
    fuzz(corpus, run, |file| timed(&file, |file| sticker::sticker_within(file, false, PIXELS_MAX)));
}

fn voices(run: Duration) {
    let mixed = sample::opus(&[(9, 1), (9, 3), (13, 2), (31, 4), (16, 1), (3, 1)]);
    let corpus = vec![sample::voice(1, 70), sample::voice(2, 5), sample::voice_ending(1, 9, 100), mixed];
    fuzz(corpus, run, |file| {
        let mut written = Vec::new();
        counted(&file, |file, _| voice::repack(file, &mut written))?;
        prop_assert!(written.len() <= 4 * file.len() + 65_536, "{} of {} bytes", written.len(), file.len());
        counted(&file, |file, _| voice::seconds(file))?;
        // What was written is a voice note, and needs no more work.
        if let Ok(voice) = voice::repack(&file[..], std::io::sink()) {
            let again = voice::repack(&written[..], std::io::sink());
            prop_assert!(matches!(&again, Ok(again) if again.seconds == voice.seconds), "{voice:?}, then {again:?}");
        }
        Ok(())
    });
}

fn movies(run: Duration) {
    let corpus = vec![
        sample::video(640, 480, 5),
        sample::video_of(b"qt  ", b"hvc1", 64, 48, 1),
        sample::music(3),
        sample::a_box(b"moov", &sample::a_box(b"mvex", &sample::a_box(b"mehd", &[0; 8]))),
    ];
    fuzz(corpus, run, |file| {
        counted(&file, |file, size| Movie::read(file, size))?;
        counted(&file, look::video)
    });
}

fn sounds(run: Duration) {
    let tagged = [&b"ID3\x04\0\0\0\0\x02\x2c"[..], &[0; 300], &sample::mp3(3)].concat();
    fuzz(vec![tagged, sample::mp3(4), sample::aac(9), sample::amr(9), sample::music(2)], run, |file| {
        counted(&file, sound::mp3_seconds)?;
        counted(&file, |file, _| sound::aac_seconds(file))?;
        counted(&file, |file, _| sound::amr_seconds(file))?;
        counted(&file, look::audio)
    });
}

fn kinds(run: Duration) {
    let corpus = vec![
        sample::png(4, 4),
        sample::video(4, 4, 1),
        sample::voice(1, 2),
        b"PK\x03\x04".repeat(40),
        b"<?xml".to_vec(),
    ];
    fuzz(corpus, run, |file| {
        prop_assert!(kind::media_type(&file).contains('/'));
        Ok(())
    });
}

#[test]
fn no_picture_panics_or_takes_long() {
    pictures(SHORT_RUN);
}

#[test]
fn no_sticker_panics_or_takes_long() {
    stickers(SHORT_RUN);
}

#[test]
fn no_voice_note_panics_or_takes_long() {
    voices(SHORT_RUN);
}

#[test]
fn no_movie_panics_or_takes_long() {
    movies(SHORT_RUN);
}

#[test]
fn no_sound_panics_or_takes_long() {
    sounds(SHORT_RUN);
}

#[test]
fn no_first_bytes_panic() {
    kinds(Duration::ZERO);
}

#[test]
#[ignore = "it takes a minute: a step of .ci/run"]
fn no_picture_panics_in_a_minute_of_attacks() {
    pictures(LONG_RUN);
}

#[test]
#[ignore = "it takes a minute: a step of .ci/run"]
fn no_sticker_panics_in_a_minute_of_attacks() {
    stickers(LONG_RUN);
}

#[test]
#[ignore = "it takes a minute: a step of .ci/run"]
fn no_voice_note_panics_in_a_minute_of_attacks() {
    voices(LONG_RUN);
}

#[test]
#[ignore = "it takes a minute: a step of .ci/run"]
fn no_movie_panics_in_a_minute_of_attacks() {
    movies(LONG_RUN);
}

#[test]
#[ignore = "it takes a minute: a step of .ci/run"]
fn no_sound_panics_in_a_minute_of_attacks() {
    sounds(LONG_RUN);
}

#[test]
#[ignore = "it takes a minute: a step of .ci/run"]
fn no_first_bytes_panic_in_a_minute_of_attacks() {
    kinds(LONG_RUN);
}
