//! Files and records through data buffers of any size and back, compressed or not.

use oftp::{
    Command, Level, MAX_OEB_LEN, Packed, SubrecordError, Unpacker, Walker, capacity, frame,
    pack_compressed, pack_records, pack_unstructured,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::generators::config;

/// Octets with runs of every length among others.
fn octets(most: usize) -> impl Strategy<Value = Vec<u8>> {
    let noise = vec(any::<u8>(), 0..90);
    let few = vec(select(b"ab ".to_vec()), 0..90);
    let run = (any::<u8>(), 0..200_usize).prop_map(|(octet, length)| vec![octet; length]);
    vec(prop_oneof![noise, few, run], 0..=most / 90).prop_map(|pieces| pieces.concat())
}

/// SSIDSDEB.
fn room() -> impl Strategy<Value = usize> {
    prop_oneof![4 => 128..300_usize, 2 => 128..5000_usize, 1 => 128..=99_999_usize]
}

/// The DATABUF of a frame, after a look at its header and size.
fn databuf(framed: &[u8], room: usize) -> Result<&[u8], TestCaseError> {
    let split = frame::split(framed)?;
    let (oeb, consumed) = split.ok_or_else(|| TestCaseError::fail("cut"))?;
    prop_assert!(oeb.len() <= room.min(MAX_OEB_LEN) && consumed == framed.len());
    match Command::decode(oeb, Level::L5)? {
        Command::Data(databuf) => Ok(databuf),
        other => Err(TestCaseError::fail(format!("{other:?}"))),
    }
}

/// A file of records, and how its sender comes by them: octets by octets, not always with the ends
/// that stand among them.
#[derive(Debug)]
struct Feed {
    octets: Vec<u8>,
    ends: Vec<usize>,
    windows: Vec<usize>,
}

fn feed(most: usize) -> impl Strategy<Value = Feed> {
    let cuts = vec(any::<Index>(), 0..60);
    let windows = vec(1..700_usize, 1..20);
    (octets(most), cuts, windows).prop_map(|(octets, cuts, windows)| {
        let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(octets.len() + 1)).collect();
        ends.push(octets.len());
        ends.sort_unstable();
        Feed {
            octets,
            ends,
            windows,
        }
    })
}

proptest! {
    #![proptest_config(config(1500))]

    ///
    #[test]
    fn streams_come_across_in_buffers_of_any_size(
        file in octets(6000),
        room in room(),
        compress in any::<bool>(),
    ) {
        let mut unpacker = Unpacker::unstructured(compress);
        let (mut received, mut rest, mut framed) = (Vec::new(), file.as_slice(), Vec::new());
        while !unpacker.ended() {
            framed.clear();
            let pack = if compress { pack_compressed } else { pack_unstructured };
            let taken = pack(rest, room, true, &mut framed);
            let literal = rest.len().min(capacity(room));
            if compress {
                prop_assert!(taken >= literal, "{} octets, literally {}", taken, literal);
            } else {
                prop_assert_eq!(taken, literal);
            }
            rest = rest.split_at(taken).1;
            unpacker.unpack(databuf(&framed, room)?, &mut received)?;
            prop_assert_eq!(unpacker.ended(), rest.is_empty());
        }
        prop_assert_eq!(unpacker.octets(), file.len() as u64);
        prop_assert_eq!(received, file);
    }

    ///
    #[test]
    fn records_come_across_in_buffers_of_any_size_however_they_are_fed(
        feed in feed(4000),
        room in room(),
        compress in any::<bool>(),
    ) {
        let mut unpacker = Unpacker::records(compress);
        let (mut received, mut found) = (Vec::new(), Vec::new());
        let (mut octets, mut records, mut framed) = (0, 0, Vec::new());
        for window in feed.windows.iter().cycle() {
            if records == feed.ends.len() {
                break;
            }
            let end = feed.octets.len().min(octets + window);
            // An end at the edge of the window is sometimes known only with the next octets.
            let known = |at: &&usize| **at < end || **at == end && (window % 2 == 0 || end == octets);
            let ends: Vec<usize> = feed.ends.iter().skip(records).take_while(known).map(|at| at - octets).collect();
            let known = feed.octets.get(octets..end).unwrap_or_default();
            framed.clear();
            let packed = pack_records(known, &ends, room, compress, &mut framed);
            if packed == Packed::default() {
                prop_assert!(known.is_empty() && ends.is_empty() && framed.is_empty());
                continue;
            }
            unpacker.unpack_records(databuf(&framed, room)?, &mut received, &mut found)?;
            octets += packed.octets;
            records += packed.records;
            prop_assert_eq!((received.len(), found.len()), (octets, records));
        }
        prop_assert!(unpacker.ended());
        prop_assert_eq!(unpacker.record_count(), feed.ends.len() as u64);
        prop_assert_eq!(found, feed.ends);
        prop_assert_eq!(received, feed.octets);
    }

    #[test]
    fn compressed_records_take_no_more_room_than_literal_ones(
        feed in feed(3000),
        room in room(),
    ) {
        let (mut literal, mut compressed) = (Vec::new(), Vec::new());
        let plain = pack_records(&feed.octets, &feed.ends, room, false, &mut literal);
        let packed = pack_records(&feed.octets, &feed.ends, room, true, &mut compressed);
        prop_assert!((packed.records, packed.octets) >= (plain.records, plain.octets));
        if packed == plain {
            prop_assert!(compressed.len() <= literal.len());
        }
    }

    #[test]
    fn ends_in_any_order_and_anywhere_are_survived(
        octets in octets(400),
        ends in vec(0..600_usize, 0..20),
        room in 0..700_usize,
        compress in any::<bool>(),
    ) {
        let mut framed = Vec::new();
        let packed = pack_records(&octets, &ends, room, compress, &mut framed);
        prop_assert!(packed.octets <= octets.len() && packed.records <= ends.len());
        if framed.is_empty() {
            prop_assert_eq!(packed, Packed::default());
            return Ok(());
        }
        let mut unpacker = Unpacker::records(compress);
        let mut received = Vec::new();
        unpacker.unpack(databuf(&framed, room)?, &mut received)?;
        prop_assert_eq!(Some(received.as_slice()), octets.get(..packed.octets));
        prop_assert_eq!(unpacker.record_count(), packed.records as u64);
    }

    /// any subrecords decode to what their headers say, bounded by what came.
    #[test]
    fn any_octets_walk_and_unpack_alike(
        databuf in vec(prop_oneof![any::<u8>(), 0..6_u8, 0x80..0x86_u8, 0x40..0x44_u8], 0..300),
        cuts in vec(any::<Index>(), 0..4),
        agreed in any::<bool>(),
    ) {
        let mut walker = Walker::new(agreed);
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(databuf.len() + 1)).collect();
        cuts.sort_unstable();
        let (mut walked, mut start) = (Ok(()), 0);
        for end in cuts.into_iter().chain([databuf.len()]) {
            let piece = databuf.get(start..end).unwrap_or_default();
            walked = walked.and_then(|()| walker.walk(piece));
            start = end;
        }
        let walked = walked.and_then(|()| walker.end());

        let mut out = b"kept".to_vec();
        let mut unpacker = Unpacker::records(agreed);
        let mut ends = vec![99];
        let unpacked = unpacker.unpack_records(&databuf, &mut out, &mut ends);
        match (&walked, &unpacked) {
            (Err(SubrecordError::Overrun { .. }), Err(SubrecordError::Overrun { .. })) => {}
            _ => prop_assert_eq!(&walked, &unpacked),
        }
        prop_assert!(out.len() <= 4 + databuf.len() * 63 / 2);
        prop_assert!(out.capacity() <= 2 * (4 + databuf.len() * 63 / 2 + 63));
        if unpacked.is_ok() {
            prop_assert_eq!(unpacker.octets() + 4, out.len() as u64);
            prop_assert_eq!(ends.len() as u64, unpacker.record_count() + 1);
            prop_assert!(ends.get(1..).is_some_and(<[usize]>::is_sorted));
            prop_assert!(ends.iter().skip(1).all(|end| (4..=out.len()).contains(end)));
        } else {
            prop_assert_eq!(&out, b"kept");
            prop_assert_eq!(ends, [99]);
        }

        // As one record the same octets are refused at least as often.
        let mut one = Unpacker::unstructured(agreed);
        let (mut one_out, mut no_ends) = (b"kept".to_vec(), Vec::new());
        if one.unpack_records(&databuf, &mut one_out, &mut no_ends).is_ok() {
            prop_assert_eq!(unpacked, Ok(()));
            prop_assert_eq!(one_out, out);
        }
        prop_assert!(no_ends.is_empty());
    }
}

/// The DATABUF of one frame that takes all of these records.
fn whole(octets: &[u8], ends: &[usize], compress: bool) -> Vec<u8> {
    let mut framed = Vec::new();
    let packed = pack_records(octets, ends, 99_999, compress, &mut framed);
    assert_eq!((packed.octets, packed.records), (octets.len(), ends.len()));
    framed.split_off(5)
}

///
#[test]
fn records_are_packed_with_their_end_on_the_last_subrecord() {
    assert_eq!(whole(b"abcde", &[2, 2, 5], false), b"\x82ab\x80\x83cde");
    assert_eq!(whole(b"abc", &[2], false), b"\x82ab\x01c");
    assert_eq!(whole(b"", &[0, 0], false), b"\x80\x80");
    let long = [b'x'; 130];
    let wanted = [
        &[0x3F][..],
        &long[..63],
        &[0x3F],
        &long[..63],
        &[0x84],
        &long[..4],
    ];
    assert_eq!(whole(&long, &[130], false), wanted.concat());
    let wanted = [&[0x3F][..], &long[..63], &[0xBF], &long[..63], b"\x04xxxx"];
    assert_eq!(whole(&long, &[126], false), wanted.concat());
}

///
#[test]
fn runs_of_four_and_more_are_compressed_and_shorter_ones_are_not() {
    assert_eq!(whole(b"xxx", &[3], true), b"\x83xxx");
    assert_eq!(whole(b"xxxx", &[4], true), b"\xC4x");
    assert_eq!(whole(b"axxxb", &[5], true), b"\x85axxxb");
    assert_eq!(whole(b"axxxxb", &[6], true), b"\x01a\x44x\x81b");
    assert_eq!(whole(b"axxxxxxyyyyb", &[12], true), b"\x01a\x46x\x44y\x81b");
    assert_eq!(whole(b"xxxx", &[], true), b"\x44x");
    assert_eq!(whole(&[0; 63], &[63], true), b"\xFF\0");
    assert_eq!(whole(&[0; 64], &[64], true), b"\x7F\0\x81\0");
    assert_eq!(whole(&[0; 67], &[67], true), b"\x7F\0\xC4\0");
    // A run does not reach over the end of its record.
    assert_eq!(whole(b"xxxxxxxx", &[4, 8], true), b"\xC4x\xC4x");
    assert_eq!(whole(b"xxxxxx", &[3, 6], true), b"\x83xxx\x83xxx");
}

/// runs are found wherever they begin.
#[test]
fn a_run_is_found_at_every_place_and_of_every_length() {
    let noise: Vec<u8> = (0..=250).collect();
    for at in 0..200 {
        for length in [4, 5, 11, 62, 63, 64, 65, 130] {
            let file = [&noise[..at], &vec![0xFF; length], &noise[..20]].concat();
            let mut framed = Vec::new();
            let taken = pack_compressed(&file, 4096, true, &mut framed);
            assert_eq!(taken, file.len());
            let literals = |len: usize| len + len.div_ceil(63);
            let (runs, left) = match length % 63 {
                left @ 0..4 => (length / 63, left),
                _ => (length / 63 + 1, 0),
            };
            let wanted = 5 + literals(at) + 2 * runs + literals(20 + left);
            assert_eq!(framed.len(), wanted, "{length} at {at}");
        }
    }
}

#[test]
fn a_record_that_does_not_fit_is_closed_later() {
    let octets = [b'x'; 300];
    let mut framed = Vec::new();
    let first = pack_records(&octets, &[100, 300], 128, false, &mut framed);
    // 128 octets: `D`, two headers and 100 octets, one header and 24 octets.
    assert_eq!(
        first,
        Packed {
            octets: 124,
            records: 1
        }
    );
    assert_eq!(framed.len(), 4 + 128);
    let mut framed = Vec::new();
    let second = pack_records(&octets[124..], &[176], 256, false, &mut framed);
    assert_eq!(
        second,
        Packed {
            octets: 176,
            records: 1
        }
    );
}

#[test]
fn octets_sent_before_their_end_was_known_get_it_alone() {
    let mut framed = Vec::new();
    let first = pack_records(b"abc", &[], 128, true, &mut framed);
    assert_eq!((first.octets, first.records), (3, 0));
    let mut framed = Vec::new();
    let second = pack_records(b"", &[0], 128, true, &mut framed);
    assert_eq!((second.octets, second.records), (0, 1));
    assert_eq!(framed, [0x10, 0, 0, 6, b'D', 0x80]);
}

#[test]
fn nothing_to_send_or_no_room_appends_nothing() {
    for compress in [false, true] {
        let mut out = b"kept".to_vec();
        let nothing = pack_records(b"", &[], 128, compress, &mut out);
        assert_eq!(nothing, Packed::default());
        for room in 0..2 {
            let nothing = pack_records(b"abcdef", &[6], room, compress, &mut out);
            assert_eq!(nothing, Packed::default());
        }
        assert_eq!(pack_compressed(b"", 128, false, &mut out), 0);
        assert_eq!(out, b"kept");
    }
}

/// Appendix T.6: no buffer holds more without compression. R-112.
#[test]
fn one_record_fills_buffers_as_the_table_says() {
    let table = [
        (128, 125),
        (256, 251),
        (512, 503),
        (1024, 1007),
        (2048, 2015),
        (4000, 3936),
        (4096, 4031),
        (8192, 8063),
        (32_768, 32_255),
        (99_999, 98_435),
    ];
    let noise: Vec<u8> = (0..=250_u8).cycle().take(100_000).collect();
    for (room, octets) in table {
        assert_eq!(capacity(room), octets);
        for compress in [false, true] {
            let mut out = Vec::new();
            let packed = pack_records(&noise, &[], room, compress, &mut out);
            assert_eq!(packed.octets, octets, "SSIDSDEB {room}");
            assert!(out.len() <= room + 4);
        }
    }
}
