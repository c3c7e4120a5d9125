//! What crosses the gate and what does not; frames are written octet by octet, as RFC 5024 §5.3 has them.

use proptest::prelude::*;

use oftp::SubrecordError;

use super::*;

fn frame(oeb: &[u8]) -> Vec<u8> {
    let length = u32::try_from(oeb.len() + 4).expect("a short buffer");
    let mut frame = (0x1000_0000 | length).to_be_bytes().to_vec();
    frame.extend_from_slice(oeb);
    frame
}

fn ssid(level: char, buffer: u32) -> Vec<u8> {
    let code = "O0013000001ACME";
    frame(
        format!(
            "X{level}{code:<25}SECRET  {buffer:05}BNYN064N    {:8}\r",
            ""
        )
        .as_bytes(),
    )
}

fn sfid(description: &str) -> Vec<u8> {
    let (from, to) = ("O0013000001ACME", "O0013000002OURS");
    let mut oeb = format!(
        "H{:<26}   202611211200000001{:8}{to:<25}{from:<25}",
        "INVOICES", ""
    );
    oeb += "U00000";
    oeb += &format!("{:013}{:013}{:017}", 1, 1, 0);
    oeb += &format!("000000N{:03}{description}", description.len());
    frame(oeb.as_bytes())
}

fn data(databuf: &[u8]) -> Vec<u8> {
    let mut oeb = vec![b'D'];
    oeb.extend_from_slice(databuf);
    frame(&oeb)
}

fn efid() -> Vec<u8> {
    frame(format!("T{:017}{:017}", 0, 65).as_bytes())
}

fn esid() -> Vec<u8> {
    frame(b"F00000\r")
}

fn eerp(hash: usize, signature: usize) -> Vec<u8> {
    let (from, to) = ("O0013000002OURS", "O0013000001ACME");
    let mut oeb = format!(
        "E{:<26}   202611211200000001{:8}{to:<25}{from:<25}",
        "INVOICES", ""
    )
    .into_bytes();
    for length in [hash, signature] {
        oeb.extend_from_slice(&u16::try_from(length).expect("two octets").to_be_bytes());
        oeb.extend(std::iter::repeat_n(0xA5, length));
    }
    frame(&oeb)
}

/// A subrecord of 63 octets, and one of 2 that ends the file.
fn databuf() -> Vec<u8> {
    let mut databuf = vec![63];
    databuf.extend_from_slice(&[b'x'; 63]);
    databuf.extend_from_slice(&[0x80 | 2, b'y', b'z']);
    databuf
}

/// All that a speaker says in a session with one file and one receipt, after its SSID.
fn speech() -> Vec<u8> {
    [
        sfid("june"),
        data(&databuf()),
        data(&databuf()),
        efid(),
        eerp(32, 700),
        frame(b"R"),
        esid(),
    ]
    .concat()
}

fn offer(buffer: u32) -> Ssid {
    let octets = ssid('5', buffer);
    match Command::decode(octets.get(4..).expect("a frame"), Level::L5) {
        Ok(Command::Ssid(ssid)) => ssid,
        other => panic!("not an SSID: {other:?}"),
    }
}

/// The two gates after an SSID of 4096 met one of 2048.
fn open() -> (Gate, Gate) {
    let (from_partner, mut from_inner) = pair(&offer(4096));
    let ours = ssid('5', 2048);
    assert_eq!(from_inner.check(&ours), Ok(ours.len()));
    (from_partner, from_inner)
}

/// Feeds a gate in pieces, keeping back what it does not pass, as the pump does.
fn feed(gate: &mut Gate, pieces: &[&[u8]]) -> (Vec<u8>, Option<Refusal>) {
    let mut held = Vec::new();
    let mut passed = Vec::new();
    for piece in pieces {
        held.extend_from_slice(piece);
        loop {
            match gate.check(&held) {
                Ok(0) => break,
                Ok(count) => passed.extend(held.drain(..count)),
                Err(refusal) => return (passed, Some(refusal)),
            }
        }
    }
    (passed, None)
}

fn refused(gate: &mut Gate, octets: &[u8]) -> Refusal {
    feed(gate, &[octets]).1.expect("a refusal")
}

fn what(octets: &[u8]) -> What {
    refused(&mut open().0, octets).what
}

#[test]
fn passes_a_session_both_ways() {
    let (mut from_partner, mut from_inner) = open();
    let (passed, refusal) = feed(&mut from_partner, &[&speech()]);
    assert_eq!((passed, refusal), (speech(), None));
    let answers = [
        frame(b"200000000000000000"),
        frame(b"C  "),
        frame(b"4N"),
        frame(b"P"),
        esid(),
    ]
    .concat();
    let (passed, refusal) = feed(&mut from_inner, &[&answers]);
    assert_eq!((passed, refusal), (answers, None));
}

#[test]
fn passes_a_session_cut_at_any_octet() {
    let whole = speech();
    for cut in 0..=whole.len() {
        let (first, second) = whole.split_at(cut);
        let (passed, refusal) = feed(&mut open().0, &[first, second]);
        assert_eq!(refusal, None, "cut at {cut}");
        assert_eq!(passed, whole, "cut at {cut}");
    }
}

#[test]
fn passes_a_session_octet_by_octet() {
    let whole = speech();
    let pieces: Vec<&[u8]> = whole.chunks(1).collect();
    assert_eq!(feed(&mut open().0, &pieces), (whole.clone(), None));
}

#[test]
fn passes_data_at_once_and_holds_other_commands_until_whole() {
    let (mut gate, _) = open();
    let data = data(&databuf());
    let part = data.get(..30).expect("longer");
    assert_eq!(gate.check(part), Ok(30));
    let (mut gate, _) = open();
    let sfid = sfid("");
    assert_eq!(
        gate.check(sfid.get(..sfid.len() - 1).expect("longer")),
        Ok(0)
    );
    assert_eq!(gate.check(&sfid), Ok(sfid.len()));
}

#[test]
fn refuses_another_version() {
    assert!(matches!(what(&[0x20, 0, 0, 5, b'R']), What::Header(_)));
    assert!(matches!(what(b"GET / HTTP/1.1\r\n"), What::Header(_)));
}

#[test]
fn refuses_lengths_no_buffer_has() {
    for length in [0, 1, 2, 3, 4, 100_004, 0x00ff_ffff] {
        let mut octets = (0x1000_0000_u32 | length).to_be_bytes().to_vec();
        octets.push(b'R');
        assert!(matches!(what(&octets), What::Header(_)), "{length}");
    }
}

#[test]
fn refuses_an_unknown_command() {
    assert_eq!(what(&frame(b"Z")), What::UnknownCommand { octet: b'Z' });
}

#[test]
fn refuses_a_wrong_length_without_waiting_for_its_octets() {
    assert!(matches!(what(&frame(b"R ")), What::Syntax(_)));
    assert!(matches!(what(&frame(b"4")), What::Syntax(_)));
    let announced = [&[0x10, 0, 0x7f, 0xff][..], b"H"].concat();
    assert!(
        matches!(
            what(&announced),
            What::TooLong {
                command: Code::Sfid,
                found: 32_763,
                ..
            }
        ),
        "{:?}",
        what(&announced)
    );
}

#[test]
fn refuses_a_field_with_a_wrong_value() {
    assert!(matches!(what(&frame(b"4?")), What::Syntax(_)));
}

#[test]
fn refuses_data_beyond_the_smaller_buffer_but_for_a_little_padding() {
    let (mut gate, _) = open();
    let fits = data(&vec![0; 2048 - 1 + DATA_LENIENCY]);
    assert_eq!(gate.check(&fits), Ok(fits.len()));
    let beyond = data(&vec![0; 2048 + DATA_LENIENCY]);
    assert_eq!(
        refused(&mut gate, &beyond).what,
        What::TooLong {
            command: Code::Data,
            found: 2057,
            most: 2056
        }
    );
}

#[test]
fn refuses_a_subrecord_that_reaches_beyond_its_buffer() {
    let found = what(&data(&[3, b'a', b'b']));
    assert!(
        matches!(
            found,
            What::Subrecord(SubrecordError::Overrun { wanted: 1, .. })
        ),
        "{found:?}"
    );
}

#[test]
fn refuses_compressed_subrecords_unless_both_offered_compression() {
    let packed = data(&[0x40 | 5, b'a']);
    let found = what(&packed);
    assert!(
        matches!(found, What::Subrecord(SubrecordError::NotAgreed { .. })),
        "{found:?}"
    );
    let mut both = offer(4096);
    both.compression = true;
    let (mut from_partner, mut from_inner) = pair(&both);
    let mut ours = ssid('5', 2048);
    ours[4 + 41] = b'Y';
    assert_eq!(from_inner.check(&ours), Ok(ours.len()));
    assert_eq!(from_partner.check(&packed), Ok(packed.len()));
}

#[test]
fn refuses_everything_after_esid() {
    let (mut gate, _) = open();
    assert_eq!(gate.check(&esid()), Ok(11));
    assert_eq!(refused(&mut gate, b"\x10").what, What::AfterEnd);
}

#[test]
fn refuses_a_second_greeting() {
    let (mut from_partner, mut from_inner) = open();
    let again = refused(&mut from_partner, &ssid('5', 2048));
    assert_eq!(
        again.what,
        What::SecondGreeting {
            command: Code::Ssid
        }
    );
    let again = refused(&mut from_inner, &ssid('5', 2048));
    assert_eq!(
        again.what,
        What::SecondGreeting {
            command: Code::Ssid
        }
    );
    let ready = frame(b"IODETTE FTP READY \r");
    assert_eq!(
        what(&ready),
        What::SecondGreeting {
            command: Code::Ssrm
        }
    );
}

#[test]
fn lets_the_inner_half_begin_with_ssid_or_esid_only() {
    let (_, mut gate) = pair(&offer(4096));
    assert_eq!(gate.check(&esid()), Ok(11));
    let (_, mut gate) = pair(&offer(4096));
    assert_eq!(
        refused(&mut gate, &sfid("")).what,
        What::TooEarly {
            command: Code::Sfid
        }
    );
}

#[test]
fn lets_the_partner_say_nothing_but_esid_before_it_was_answered() {
    let (mut gate, _inner) = pair(&offer(4096));
    assert_eq!(
        refused(&mut gate, &data(&databuf())).what,
        What::TooEarly {
            command: Code::Data
        }
    );
    let (mut gate, _inner) = pair(&offer(4096));
    assert_eq!(gate.check(&esid()), Ok(11));
}

#[test]
fn names_the_octet_where_the_bad_frame_starts_and_keeps_refusing() {
    let (mut gate, _) = open();
    let good = sfid("june");
    let stream = [good.clone(), frame(b"Z")].concat();
    let (passed, refusal) = feed(&mut gate, &[&stream]);
    assert_eq!(passed, good);
    let refusal = refusal.expect("a refusal");
    assert_eq!(refusal.position, (SSID_FRAME + good.len()) as u64);
    assert_eq!(refusal.direction, Direction::FromPartner);
    assert_eq!(gate.check(&good), Err(refusal));
}

#[test]
fn never_holds_more_than_a_frame() {
    let (mut gate, _) = open();
    let receipt = eerp(64, 65_535);
    let (most, _) = receipt.split_at(receipt.len() - 1);
    assert_eq!(gate.check(most), Ok(0));
    assert!(receipt.len() <= frame::MAX_FRAME_LEN);
    assert_eq!(gate.check(&receipt), Ok(receipt.len()));
}

fn cuts(octets: &[u8], mut at: Vec<prop::sample::Index>) -> Vec<&[u8]> {
    let mut places: Vec<usize> = at
        .drain(..)
        .map(|index| index.index(octets.len() + 1))
        .collect();
    places.sort_unstable();
    let mut pieces = Vec::new();
    let mut rest = octets;
    let mut start = 0;
    for place in places {
        let (piece, after) = rest.split_at(place - start);
        pieces.push(piece);
        rest = after;
        start = place;
    }
    pieces.push(rest);
    pieces
}

/// Streams that are mostly sound, with a few octets changed.
fn streams() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        4 => Just(sfid("june")),
        4 => prop::collection::vec(any::<u8>(), 0..200).prop_map(|octets| data(&octets)),
        4 => Just(data(&databuf())),
        2 => Just(efid()),
        2 => Just(eerp(32, 90)),
        1 => Just(ssid('5', 512)),
        1 => Just(esid()),
        1 => prop::collection::vec(any::<u8>(), 0..40),
    ];
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3);
    (prop::collection::vec(part, 0..8), changes).prop_map(|(parts, changes)| {
        let mut stream = parts.concat();
        for (place, octet) in changes {
            if !stream.is_empty() {
                let place = place.index(stream.len());
                stream[place] = octet;
            }
        }
        stream
    })
}

proptest! {
    #[test]
    fn never_panics_and_never_passes_more_than_it_was_given(
        octets in prop::collection::vec(any::<u8>(), 0..300),
        early in any::<bool>(),
    ) {
        let (mut from_partner, mut from_inner) =
            if early { pair(&offer(4096)) } else { open() };
        for gate in [&mut from_partner, &mut from_inner] {
            if let Ok(passed) = gate.check(&octets) {
                prop_assert!(passed <= octets.len());
            }
        }
    }

    #[test]
    fn judges_a_stream_alike_however_it_is_cut(
        stream in streams(),
        at in prop::collection::vec(any::<prop::sample::Index>(), 0..9),
    ) {
        let (whole, refusal) = feed(&mut open().0, &[&stream]);
        let (pieces, refusal_in_pieces) = feed(&mut open().0, &cuts(&stream, at));
        prop_assert_eq!(&refusal, &refusal_in_pieces);
        match refusal {
            None => prop_assert_eq!(whole, pieces),
            Some(refusal) => {
                // Frames in front of the bad one have passed either way; of a bad DATA, what came
                // before the fault may have.
                let sound = usize::try_from(refusal.position).expect("short") - SSID_FRAME;
                for passed in [&whole, &pieces] {
                    prop_assert!(passed.len() >= sound && stream.starts_with(passed));
                }
            }
        }
    }
}
