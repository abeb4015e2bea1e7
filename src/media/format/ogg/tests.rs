use super::*;

fn written(packets: &[&[u8]]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut writer = Writer::new(&mut file, 7);
    for (packet, granule) in packets.iter().zip(1..) {
        writer.push(packet, granule * 10).expect("memory takes it");
        if granule % 3 == 0 {
            writer.end_page(false).expect("memory takes it");
        }
    }
    writer.finish(99).expect("memory takes it");
    file
}

fn read(file: &[u8]) -> Result<Vec<Packet>, Refusal> {
    let mut packets = Packets::new(file);
    std::iter::from_fn(|| packets.next_packet().transpose()).collect()
}

#[test]
fn packets_are_read_as_they_were_written() {
    let (long, exact) = (vec![3; 1000], vec![5; 255]);
    let packets = read(&written(&[b"a", b"", &long, &exact])).expect("it is valid");
    let packet = |bytes: &[u8], granule| Packet { bytes: bytes.to_vec(), is_cut: false, granule };
    assert_eq!(packets, [packet(b"a", None), packet(b"", None), packet(&long, Some(30)), packet(&exact, Some(99))]);
}

#[test]
fn the_sum_is_that_of_the_format() {
    // The check value of CRC-32 with this polynomial, no beginning, no end and no reflection.
    assert_eq!(check_sum(0, b"123456789"), 0x89a1_897f);
}

#[test]
fn what_is_changed_or_cut_off_anywhere_is_refused() {
    let whole = written(&[b"head", b"tags", b"sound"]);
    for length in 1..whole.len() {
        assert!(read(&whole[..length]).is_err(), "{length} of {}", whole.len());
    }
    for at in 0..whole.len() {
        let mut changed = whole.clone();
        changed[at] ^= 0x10;
        assert!(read(&changed).is_err(), "byte {at}");
    }
}

#[test]
fn a_second_stream_and_a_missing_page_are_refused() {
    let whole = written(&[b"head"]);
    let rule = |file: &[u8]| match read(file) {
        Err(Refusal::Unsupported(rule)) => rule,
        other => panic!("{other:?}"),
    };
    assert_eq!(rule(&[whole.clone(), whole.clone()].concat()), "must be an OGG file with one stream");
    let long = written(&[b"1", b"2", b"3", b"4", b"5", b"6", b"7"]);
    let second = 1 + long[1..].windows(4).position(|window| window == b"OggS").expect("it has pages");
    let third = second + 1 + long[second + 1..].windows(4).position(|window| window == b"OggS").expect("it has");
    assert_eq!(rule(&[&long[..second], &long[third..]].concat()), "must be a valid OGG file: a page is missing");
}

#[test]
fn of_a_packet_without_end_only_the_first_part_is_kept() {
    let mut file = Vec::new();
    let mut writer = Writer::new(&mut file, 7);
    // A packet of 300 pages, made by hand: pages that go on, and the last one, which ends it.
    for page in 0..300 {
        writer.lengths = vec![255; 255];
        writer.body = vec![1; 255 * 255];
        if page == 299 {
            writer.lengths[254] = 0;
            writer.body.truncate(254 * 255);
        }
        writer.granule = if page == 299 { 5 } else { NO_PACKET_ENDS };
        writer.end_page(page == 299).expect("memory takes it");
    }
    // From the second page on the flag says that a packet goes on.
    let mut at = 0;
    while at < file.len() {
        let size =
            HEAD + 255 + file[at + HEAD..at + HEAD + 255].iter().map(|length| usize::from(*length)).sum::<usize>();
        if at > 0 {
            file[at + 5] |= 1;
            file[at + SUM..at + SUM + 4].fill(0);
            let sum = check_sum(0, &file[at..at + size]).to_le_bytes();
            file[at + SUM..at + SUM + 4].copy_from_slice(&sum);
        }
        at += size;
    }
    let packets = read(&file).expect("it is valid");
    assert_eq!((packets.len(), packets[0].bytes.len(), packets[0].is_cut), (1, PACKET_MAX, true));
}
