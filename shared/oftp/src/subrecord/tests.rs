//! Filling rules, decoding rules and the incremental walk.

use super::{SubrecordError, Unpacker, Walker, capacity, pack_unstructured};
use crate::reason::{EndReason, FileReason};

/// A file whose octets all differ from their neighbours, so that a lost or doubled one shows.
fn file(len: usize) -> Vec<u8> {
    (0..=250_u8).cycle().take(len).collect()
}

/// Packs all of `file`, and gives the DATABUF of every frame with what the frame took.
fn pack_all(file: &[u8], room: usize) -> Vec<(Vec<u8>, usize)> {
    let mut frames = Vec::new();
    let mut rest = file;
    loop {
        let mut out = Vec::new();
        let taken = pack_unstructured(rest, room, true, &mut out);
        let oeb_len = out.len() - 4;
        assert!(oeb_len <= room, "{oeb_len} octets in a buffer of {room}");
        let length = u32::try_from(out.len()).map_or([0; 4], u32::to_be_bytes);
        assert_eq!(
            out.get(..5),
            Some([0x10, length[1], length[2], length[3], b'D'].as_slice())
        );
        frames.push((out.split_off(5), taken));
        rest = rest.split_at(taken).1;
        if rest.is_empty() {
            return frames;
        }
        assert!(taken > 0, "no progress with room {room}");
    }
}

fn unpack(unpacker: &mut Unpacker, databuf: &[u8]) -> Result<Vec<u8>, SubrecordError> {
    let mut out = Vec::new();
    unpacker.unpack(databuf, &mut out)?;
    Ok(out)
}

#[test]
fn knows_the_capacities_of_the_reference_table() {
    // Appendix T.6, and the edges of the first two subrecords.
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
        (0, 0),
        (1, 0),
        (2, 0),
        (3, 1),
        (65, 63),
        (66, 63),
        (67, 64),
    ];
    for (buffer, octets) in table {
        assert_eq!(capacity(buffer), octets, "SSIDSDEB {buffer}");
    }
}

///
#[test]
fn fills_each_frame_to_its_capacity_and_no_further() {
    let file = file(110_000);
    for room in (3..400).chain([4000, 4096, 8192, 32_768, 65_535, 99_998, 99_999]) {
        let mut out = Vec::new();
        let taken = pack_unstructured(&file, room, false, &mut out);
        assert_eq!(taken, capacity(room), "room {room}");
        assert!(out.len() <= room + 4, "room {room}");
        assert!(out.len() + 2 > room + 4, "room {room} is not filled");
    }
}

#[test]
fn counts_a_room_beyond_the_frame_ceiling_as_the_ceiling() {
    let mut out = Vec::new();
    assert_eq!(
        pack_unstructured(&file(200_000), 150_000, false, &mut out),
        98_435
    );
    assert_eq!(out.len(), 100_003);
    assert_eq!(out.get(..5), Some([0x10, 1, 0x86, 0xA3, b'D'].as_slice()));
}

/// each buffer is decoded by itself, so no subrecord is split between two.
#[test]
fn brings_files_of_every_length_across_in_buffers_of_every_small_size() -> Result<(), SubrecordError>
{
    let rooms = [3, 4, 64, 65, 66, 67, 127, 128, 129, 130, 192, 193, 194, 256];
    let whole = file(520);
    for len in 0..=whole.len() {
        let (sent, _) = whole.split_at(len);
        for room in rooms {
            let mut unpacker = Unpacker::unstructured(false);
            let mut received = Vec::new();
            for (databuf, taken) in pack_all(sent, room) {
                assert!(
                    !unpacker.ended(),
                    "the end flag came early: {len} in {room}"
                );
                let before = received.len();
                unpacker.unpack(&databuf, &mut received)?;
                assert_eq!(received.len() - before, taken, "{len} in {room}");
            }
            assert!(unpacker.ended(), "no end flag: {len} in {room}");
            assert_eq!(received, sent, "{len} in {room}");
            assert_eq!(unpacker.octets(), len as u64);
        }
    }
    Ok(())
}

///
#[test]
fn sets_the_end_flag_on_the_last_subrecord_only() {
    let end_headers = |len: usize, end: bool| -> Vec<u8> {
        let mut out = Vec::new();
        pack_unstructured(&file(len), 4096, end, &mut out);
        let mut headers = Vec::new();
        let mut rest = out.get(5..).unwrap_or_default();
        while let Some((&header, after)) = rest.split_first() {
            headers.push(header);
            rest = after.get(usize::from(header & 0x3F)..).unwrap_or_default();
        }
        headers
    };
    assert_eq!(end_headers(126, true), [0x3F, 0xBF]);
    assert_eq!(end_headers(63, true), [0xBF]);
    assert_eq!(end_headers(64, true), [0x3F, 0x81]);
    assert_eq!(end_headers(1, true), [0x81]);
    assert_eq!(end_headers(126, false), [0x3F, 0x3F]);
    assert_eq!(end_headers(64, false), [0x3F, 0x01]);
}

#[test]
fn keeps_the_end_flag_back_while_the_file_does_not_fit() {
    let mut out = Vec::new();
    assert_eq!(pack_unstructured(&file(126), 128, true, &mut out), 125);
    assert_eq!(out.get(5), Some(&0x3F));
    assert_eq!(out.get(69), Some(&62));
}

///
#[test]
fn sends_an_empty_file_as_one_end_header() {
    let mut out = vec![7];
    assert_eq!(pack_unstructured(&[], 128, true, &mut out), 0);
    assert_eq!(out, [7, 0x10, 0, 0, 6, b'D', 0x80]);
}

#[test]
fn appends_nothing_when_there_is_nothing_to_send_or_no_room() {
    let mut out = Vec::new();
    assert_eq!(pack_unstructured(&[], 128, false, &mut out), 0);
    assert_eq!(pack_unstructured(b"abc", 2, true, &mut out), 0);
    assert_eq!(pack_unstructured(b"abc", 0, true, &mut out), 0);
    assert_eq!(pack_unstructured(&[], 1, true, &mut out), 0);
    assert!(out.is_empty());
}

/// a buffer closed early, and a subrecord split in two.
#[test]
fn decodes_both_filling_strategies_to_the_same_file() -> Result<(), SubrecordError> {
    let mut closed_early = Unpacker::unstructured(false);
    let mut first = unpack(&mut closed_early, b"\x02ab")?;
    first.extend(unpack(&mut closed_early, b"\x83cde")?);
    let mut split = Unpacker::unstructured(false);
    let mut second = unpack(&mut split, b"\x02ab\x01c")?;
    second.extend(unpack(&mut split, b"\x82de")?);
    assert_eq!(first, b"abcde");
    assert_eq!(second, first);
    assert!(closed_early.ended() && split.ended());
    Ok(())
}

///
#[test]
fn takes_subrecords_and_buffers_of_no_octets() -> Result<(), SubrecordError> {
    let mut unpacker = Unpacker::unstructured(false);
    assert_eq!(unpack(&mut unpacker, b"")?, b"");
    assert_eq!(unpack(&mut unpacker, b"\x00\x00\x01a\x00")?, b"a");
    assert!(!unpacker.ended());
    assert_eq!(unpack(&mut unpacker, b"\x80")?, b"");
    assert!(unpacker.ended());
    assert_eq!(unpacker.octets(), 1);
    assert_eq!(unpacker.record_count(), 0);
    Ok(())
}

///
#[test]
fn repeats_a_compressed_octet_if_that_was_agreed() -> Result<(), SubrecordError> {
    let mut unpacker = Unpacker::unstructured(true);
    let out = unpack(&mut unpacker, b"\x01a\x45 \x40x\x41y\xC3z")?;
    assert_eq!(out, b"a     yzzz");
    assert!(unpacker.ended());
    assert_eq!(unpacker.octets(), 10);
    Ok(())
}

///
#[test]
fn refuses_a_compressed_octet_that_was_not_agreed() {
    let mut unpacker = Unpacker::unstructured(false);
    let mut out = b"kept".to_vec();
    let error = unpacker.unpack(b"\x01a\x45 ", &mut out);
    assert_eq!(error, Err(SubrecordError::NotAgreed { offset: 2 }));
    assert_eq!(out, b"kept");
}

///
#[test]
fn refuses_a_subrecord_that_overruns_its_buffer() {
    let cases: [(&[u8], usize, usize, usize); 5] = [
        (b"\x03ab", 0, 3, 2),
        (b"\x01a\x02", 2, 2, 0),
        (b"\x45", 0, 1, 0),
        (b"\xC0", 0, 1, 0),
        (b"\x01", 0, 1, 0),
    ];
    for (databuf, offset, wanted, left) in cases {
        let mut out = Vec::new();
        let error = Unpacker::unstructured(true).unpack(databuf, &mut out);
        assert_eq!(
            error,
            Err(SubrecordError::Overrun {
                offset,
                wanted,
                left
            })
        );
        assert!(out.is_empty());
    }
}

#[test]
fn refuses_every_truncation_of_a_full_buffer() {
    let mut frame = Vec::new();
    pack_unstructured(&file(300), 4096, true, &mut frame);
    let databuf = frame.split_off(5);
    let mut whole = 0;
    for len in 0..databuf.len() {
        let (part, _) = databuf.split_at(len);
        let result = Unpacker::unstructured(false).unpack(part, &mut Vec::new());
        if len % 64 == 0 {
            assert_eq!(result, Ok(()), "{len}");
            whole += 1;
        } else {
            assert!(
                matches!(result, Err(SubrecordError::Overrun { .. })),
                "{len}: {result:?}"
            );
        }
    }
    assert_eq!(whole, 5);
}

///
#[test]
fn refuses_octets_after_the_end_of_an_unstructured_file() -> Result<(), SubrecordError> {
    let full: Vec<u8> = std::iter::once(0x3F).chain(file(63)).collect();
    for after in [b"\x01b".as_slice(), b"\x81b", b"\x80", b"\x41b", &full] {
        let mut unpacker = Unpacker::unstructured(true);
        unpack(&mut unpacker, b"\x81a")?;
        assert_eq!(
            unpack(&mut unpacker, after),
            Err(SubrecordError::DataAfterEnd { offset: 0 })
        );
        let joined = [b"\x81a", after].concat();
        assert_eq!(
            unpack(&mut Unpacker::unstructured(true), &joined),
            Err(SubrecordError::DataAfterEnd { offset: 2 })
        );
    }
    Ok(())
}

///
#[test]
fn takes_zero_padding_after_the_end() -> Result<(), SubrecordError> {
    let mut unpacker = Unpacker::unstructured(false);
    assert_eq!(unpack(&mut unpacker, b"\x81a\x00\x00")?, b"a");
    assert_eq!(unpack(&mut unpacker, b"\x00")?, b"");
    assert!(unpacker.ended());
    Ok(())
}

///
#[test]
fn finds_the_ends_of_records_within_and_across_buffers() -> Result<(), SubrecordError> {
    let mut unpacker = Unpacker::records(false);
    assert!(unpacker.ended(), "a file of no records is whole");
    let (mut out, mut ends) = (b"kept".to_vec(), vec![99]);
    unpacker.unpack_records(b"\x82ab\x80\x01c", &mut out, &mut ends)?;
    assert!(!unpacker.ended());
    assert_eq!(ends, [99, 6, 6]);
    let long: Vec<u8> = std::iter::once(0x3F).chain(file(63)).collect();
    unpacker.unpack_records(&long, &mut out, &mut ends)?;
    assert!(!unpacker.ended());
    unpacker.unpack_records(b"\x81d\x00", &mut out, &mut ends)?;
    assert!(unpacker.ended());
    assert_eq!(ends, [99, 6, 6, 71]);
    assert_eq!((unpacker.record_count(), unpacker.octets()), (3, 67));
    assert_eq!(out.len(), 71);
    Ok(())
}

#[test]
fn forgets_the_ends_of_a_buffer_that_is_wrong() {
    let (mut out, mut ends) = (b"kept".to_vec(), vec![4]);
    let result = Unpacker::records(false).unpack_records(b"\x81a\x80\x05b", &mut out, &mut ends);
    assert!(matches!(
        result,
        Err(SubrecordError::Overrun { offset: 3, .. })
    ));
    assert_eq!((out.as_slice(), ends.as_slice()), (&b"kept"[..], &[4][..]));
}

#[test]
fn opens_a_record_with_a_full_subrecord() -> Result<(), SubrecordError> {
    let full: Vec<u8> = std::iter::once(0x3F).chain(file(63)).collect();
    let mut unpacker = Unpacker::records(false);
    unpack(&mut unpacker, &full)?;
    assert!(!unpacker.ended());
    Ok(())
}

#[test]
fn closes_a_record_by_an_empty_subrecord() -> Result<(), SubrecordError> {
    let mut unpacker = Unpacker::records(false);
    assert_eq!(unpack(&mut unpacker, b"\x01a")?, b"a");
    assert_eq!(unpack(&mut unpacker, b"\x80")?, b"");
    assert_eq!((unpacker.record_count(), unpacker.ended()), (1, true));
    Ok(())
}

///
#[test]
fn walks_over_a_buffer_cut_at_every_pair_of_places() -> Result<(), SubrecordError> {
    let mut databuf = b"\x01a\x45 \x00\x80\x40x".to_vec();
    databuf.push(0x3F);
    databuf.extend(file(63));
    databuf.extend_from_slice(b"\x83xyz");
    let boundaries = [0, 2, 4, 5, 6, 8, 72, 76];
    assert_eq!(databuf.len(), 76);
    for first in 0..=databuf.len() {
        let (head, rest) = databuf.split_at(first);
        for second in 0..=rest.len() {
            let (middle, tail) = rest.split_at(second);
            let mut walker = Walker::default();
            let mut walked = 0;
            for piece in [head, middle, tail] {
                walker.walk(piece)?;
                walked += piece.len();
                assert_eq!(
                    walker.at_boundary(),
                    boundaries.contains(&walked),
                    "{first}, {second}: after {walked}"
                );
            }
            assert_eq!(walker.end(), Ok(()));
        }
    }
    Ok(())
}

#[test]
fn walker_and_unpacker_agree_on_overruns() {
    let databuf = b"\x01a\x45 \x05abcde\x80\x02xy";
    for len in 0..=databuf.len() {
        let (part, _) = databuf.split_at(len);
        let mut walker = Walker::new(true);
        assert_eq!(walker.walk(part), Ok(()));
        let whole = walker.at_boundary();
        assert_eq!(
            whole,
            Unpacker::records(true)
                .unpack(part, &mut Vec::new())
                .is_ok()
        );
        assert_eq!(walker.end().is_ok(), whole, "{len}");
        assert!(walker.at_boundary(), "ready for the next buffer");
    }
}

#[test]
fn walker_names_the_place_of_a_compressed_subrecord_in_any_piece() {
    for cut in 0..=4 {
        let (head, tail) = b"\x02ab\x45 ".split_at(cut);
        let mut walker = Walker::new(false);
        let result = walker.walk(head).and_then(|()| walker.walk(tail));
        assert_eq!(
            result,
            Err(SubrecordError::NotAgreed { offset: 3 }),
            "cut at {cut}"
        );
    }
}

#[test]
fn walker_forgets_a_cut_subrecord_when_reset() -> Result<(), SubrecordError> {
    let mut walker = Walker::default();
    walker.walk(b"\x3Fabc")?;
    assert!(!walker.at_boundary());
    walker.reset();
    assert!(walker.at_boundary());
    walker.walk(b"\x01a")?;
    assert!(walker.at_boundary());
    Ok(())
}

///
#[test]
fn gives_each_error_its_reason_for_ending_the_session() {
    let overrun = SubrecordError::Overrun {
        offset: 0,
        wanted: 2,
        left: 1,
    };
    assert_eq!(overrun.end_reason(), EndReason::BUFFER_SIZE);
    assert_eq!(
        SubrecordError::NotAgreed { offset: 0 }.end_reason(),
        EndReason::INVALID_DATA
    );
    assert_eq!(overrun.file_reason(), None);
    assert_eq!(
        SubrecordError::DataAfterEnd { offset: 0 }.file_reason(),
        Some(FileReason::INVALID_BYTE_COUNT)
    );
}
