//! Ceilings: what waits to be written and what waits to be taken stays bounded, and no buffer is
//! allocated per DATA.

use engine::{Event, RECEIVE_CEILING, Received, Request, Settings, TRANSMIT_CEILING};
use oftp::{Command, EndReason, Format};

use rig::script::{
    NOW, databuf, frame, news, receiving, said, sending, sending_of, settings, sfid_of,
};

fn wide() -> Settings {
    Settings {
        buffer: 32_768,
        credit: 999,
        // Files of one octet over and over would not fill anything.
        compression: false,
        ..settings()
    }
}

/// data is turned away at the ceiling and asked for again when half of it is written.
#[test]
fn sending_stops_at_the_ceiling_and_resumes_with_one_confirmation() {
    let mut session = sending(&wide());
    let file = vec![9; 4 * TRANSMIT_CEILING];
    let taken = session.send_data(&file, true, NOW).unwrap();
    assert!(taken > TRANSMIT_CEILING / 2 && taken < 2 * TRANSMIT_CEILING);
    assert!(session.transmit().len() <= TRANSMIT_CEILING + oftp::MAX_FRAME_LEN);
    assert!(!session.can_send_data());
    assert_eq!(session.send_data(&file[taken..], true, NOW), Ok(0));
    assert!(news(&mut session).is_empty());
    session.transmitted(1000, NOW);
    assert!(news(&mut session).is_empty() && !session.can_send_data());
    session.transmitted(session.transmit().len(), NOW);
    assert_eq!(news(&mut session), [Event::DataConfirm]);
    assert!(session.can_send_data());
}

/// the same for a file with records, which lose no octet and no end over it.
#[test]
fn sending_records_stops_at_the_ceiling_and_resumes_with_one_confirmation() {
    let offer = sfid_of(Format::Fixed, "FILE", 100);
    let mut session = sending_of(&wide(), offer, 0);
    let file = vec![9; 20 * TRANSMIT_CEILING / 10 / 100 * 100];
    let ends: Vec<usize> = (1..=file.len() / 100).map(|record| record * 100).collect();
    let taken = session.send_records(&file, &ends, NOW).unwrap();
    assert!(taken.octets > TRANSMIT_CEILING / 2 && taken.octets < file.len());
    assert_eq!(taken.records, taken.octets / 100);
    assert!(session.transmit().len() <= TRANSMIT_CEILING + oftp::MAX_FRAME_LEN);
    assert!(!session.can_send_data());
    session.transmitted(session.transmit().len(), NOW);
    assert_eq!(news(&mut session), [Event::DataConfirm]);
    let rest: Vec<_> = ends[taken.records..]
        .iter()
        .map(|end| end - taken.octets)
        .collect();
    let more = session.send_records(&file[taken.octets..], &rest, NOW);
    assert!(more.unwrap().records > 0);
}

/// No confirmation once there is no file to send any more.
#[test]
fn a_drained_buffer_confirms_nothing_after_the_session_was_ended() {
    let mut session = sending(&wide());
    let file = vec![9; 2 * TRANSMIT_CEILING];
    session.send_data(&file, false, NOW).unwrap();
    let release = Request::Release(EndReason::EMERGENCY_CLOSE, String::new());
    session.request(release, NOW).unwrap();
    session.transmitted(session.transmit().len(), NOW);
    assert!(news(&mut session).is_empty());
}

/// Receiving stops when too much waits, consumes nothing more, and goes on where it stopped.
#[test]
fn receiving_stops_at_the_ceiling_and_goes_on_after_the_octets_are_taken() {
    let mut session = receiving(&wide());
    let one = frame(&Command::Data(&databuf(&[5; 30_000], false)));
    let input = one.repeat(40);
    let mut used = session.receive(&input, NOW);
    assert!(used < input.len() && used.is_multiple_of(one.len()));
    assert!(session.received_len() >= RECEIVE_CEILING);
    assert!(session.received_len() < RECEIVE_CEILING + 30_000);
    assert_eq!(session.receive(&input[used..], NOW), 0);
    assert_eq!(
        news(&mut session),
        [Event::DataReceived],
        "one event for all of it"
    );
    let mut batch = Received::default();
    let mut total = 0;
    while used < input.len() {
        session.take_received(&mut batch, NOW);
        total += batch.octets.len();
        used += session.receive(&input[used..], NOW);
    }
    session.take_received(&mut batch, NOW);
    assert_eq!(total + batch.octets.len(), 40 * 30_000);
}

/// Answers to a partner that sends and does not read stop at a ceiling too, and nothing is lost over
/// it.
#[test]
fn receiving_stops_while_answers_are_not_read_and_goes_on_once_they_are() {
    let mut session = receiving(&Settings {
        credit: 1,
        ..wide()
    });
    let input = frame(&Command::Data(&[])).repeat(200_000);
    let mut used = session.receive(&input, NOW);
    let most = TRANSMIT_CEILING + 3 * oftp::MAX_FRAME_LEN;
    assert!(session.transmit().len() < most && used < input.len());
    assert_eq!(session.receive(&input[used..], NOW), 0);
    while used < input.len() {
        session.transmitted(session.transmit().len(), NOW);
        used += session.receive(&input[used..], NOW);
    }
    assert_eq!(session.stats().data_received, 200_000);
    assert_eq!(session.state_name(), "OPI");
}

/// In steady state the same three allocations are used over and over.
#[test]
fn no_buffer_is_allocated_per_data_buffer() {
    let mut sender = sending(&wide());
    let mut receiver = receiving(&wide());
    let file = vec![3; 200_000];
    let mut taken = Received::default();
    let mut seen = Vec::new();
    for round in 0..30 {
        sender.send_data(&file, false, NOW).unwrap();
        let octets = sender.transmit();
        assert_eq!(receiver.receive(octets, NOW), octets.len(), "round {round}");
        seen.push(octets.as_ptr());
        let written = octets.len();
        sender.transmitted(written, NOW);
        receiver.take_received(&mut taken, NOW);
        seen.push(taken.octets.as_ptr());
        // The window must not end: give credit when the sender waits for it.
        if said(&mut receiver) == ["CDT"] {
            rig::script::feed(&mut sender, &Command::Cdt);
        }
    }
    seen.drain(..12);
    seen.sort_unstable();
    seen.dedup();
    assert!(seen.len() <= 3, "{} allocations in use", seen.len());
}

/// A tail that fills no buffer is left for the next call, so that pieces of any size cost no extra
/// credit.
#[test]
fn a_tail_that_fills_no_buffer_waits_for_what_follows() {
    let mut session = sending(&Settings {
        buffer: 128,
        compression: false,
        ..settings()
    });
    let file = [1; 300];
    assert_eq!(session.send_data(&file, false, NOW), Ok(250));
    assert_eq!(
        session.send_data(&file[250..], false, NOW),
        Ok(50),
        "unless it is all there is"
    );
    assert_eq!(session.send_data(&[], false, NOW), Ok(0));
    assert_eq!(session.send_data(&file[..0], true, NOW), Ok(0));
    assert_eq!(said(&mut session), ["DATA"; 4]);
    assert!(session.can_close_file());
}
