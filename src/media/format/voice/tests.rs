use super::*;
use crate::media::format::sample;

fn repacked(file: &[u8]) -> (Voice, Vec<u8>) {
    let mut written = Vec::new();
    let voice = repack(file, &mut written).expect("it can be a voice note");
    (voice, written)
}

fn rule(file: &[u8]) -> String {
    match repack(file, std::io::sink()) {
        Err(Refusal::Unsupported(rule)) => rule,
        other => panic!("{other:?}"),
    }
}

/// The packets of sound: code, frames and the position of the page, if it ends there.
fn packets(file: &[u8]) -> Vec<(u8, usize, Option<u64>)> {
    let mut packets = Packets::new(file);
    let read = std::iter::from_fn(|| packets.next_packet().expect("it is valid"));
    let sound = read.skip(2).map(|packet| {
        let frames = Frames::read(&packet.bytes).expect("it is valid");
        (frames.code, frames.frames.len(), packet.granule)
    });
    sound.collect()
}

fn sound(file: &[u8]) -> Vec<u8> {
    let mut packets = Packets::new(file);
    let read = std::iter::from_fn(|| packets.next_packet().expect("it is valid"));
    let frames = read.skip(2).flat_map(|packet| {
        let frames = Frames::read(&packet.bytes).expect("it is valid").frames;
        frames.into_iter().map(<[u8]>::to_vec).collect::<Vec<_>>()
    });
    frames.flatten().collect()
}

#[test]
fn single_frames_are_put_together_by_three_and_nothing_of_them_changes() {
    let file = sample::voice(1, 151);
    let (voice, written) = repacked(&file);
    // 151 frames are 3.02 s, of which 6.5 ms are not played.
    assert_eq!((voice.seconds, voice.waveform.len(), voice.fits), (4, 64, false));
    let packets = packets(&written);
    assert_eq!(packets.len(), 51);
    assert!(packets[..50].iter().all(|(code, frames, _)| (*code, *frames) == (3, 3)));
    assert_eq!(packets[50], (3, 1, Some(151 * 960)));
    // The first page ends behind the first second: 17 packets of 60 ms.
    assert_eq!(packets.iter().find_map(|(_, _, granule)| *granule), Some(17 * 2880));
    assert_eq!(sound(&written), sound(&file));
    let head = Head::read(&Packets::new(&written[..]).next_packet().expect("it is valid").expect("it is there").bytes);
    assert_eq!(head.map(|head| (head.channels, head.rate)), Some((1, 16_000)));
}

#[test]
fn what_has_the_shape_already_is_recognised() {
    let (_, written) = repacked(&sample::voice(1, 30));
    let (voice, again) = repacked(&written);
    assert_eq!((voice.fits, again), (true, written));
}

#[test]
fn the_end_is_where_the_file_says() {
    // The last 500 samples are not played.
    let file = sample::voice_ending(1, 50, 50 * 960 - 500);
    let (voice, written) = repacked(&file);
    assert_eq!(voice.seconds, 1);
    assert_eq!(packets(&written).last().and_then(|(_, _, granule)| *granule), Some(50 * 960 - 500));
    assert_eq!(seconds(&file[..]).expect("it is Opus"), 1);
}

#[test]
fn a_change_of_the_coding_ends_a_packet() {
    let file = sample::opus(&[(9, 1), (9, 1), (9, 1), (9, 1), (13, 1), (13, 1), (8, 1)]);
    let (_, written) = repacked(&file);
    let counts: Vec<_> = packets(&written).iter().map(|(_, frames, _)| *frames).collect();
    assert_eq!(counts, [3, 1, 2, 1]);
}

#[test]
fn what_cannot_be_a_voice_note_is_refused_with_the_reason() {
    assert_eq!(
        rule(&sample::voice(2, 10)),
        "must be mono to be a voice note, which is Opus in OGG with one channel: it has more"
    );
    assert_eq!(rule(&sample::voice(1, 0)), "must have sound: it has none");
    assert_eq!(rule(b""), "must have sound: it has none");
    assert_eq!(
        rule(b"RIFF....WAVEfmt and so on for a while"),
        "must be a valid OGG file: a page does not begin where one should"
    );
    let mut vorbis = Vec::new();
    let mut writer = Writer::new(&mut vorbis, 1);
    writer.push(b"\x01vorbis and so on", 0).expect("memory takes it");
    writer.finish(0).expect("memory takes it");
    assert_eq!(rule(&vorbis), "must be Opus in OGG: it is another kind of sound in OGG");
    let whole = sample::voice(1, 20);
    assert_eq!(rule(&whole[..whole.len() - 1]), "must be a whole file: it ends in the middle");
}

#[test]
fn any_number_of_channels_has_a_length() {
    assert_eq!(seconds(&sample::voice(2, 100)[..]).expect("it is Opus"), 2);
}
