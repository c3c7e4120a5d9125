//! Partners on real TCP over the loopback, without TLS and without a DMZ half.

use std::net::Ipv4Addr;

use oftp::{Command, EndReason, HEADER_LEN, Level, decode_header};
use store::{State, Transport};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::*;
use crate::session::answers::{self, Caller, Verdict};
use crate::session::tests::played::ssid;
use crate::session::tests::world::{OURS, Side, THEIRS, caller, content, two};
use crate::session::{self, Report, Stage};

/// Only reached when something is wrong.
const LONG: Duration = Duration::from_secs(20);

fn settings() -> PlainSettings {
    PlainSettings {
        listen: vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))],
        sessions_per_address: 5,
        ssid_timeout: LONG,
    }
}

fn open(side: &Side, settings: &PlainSettings) -> (PlainHandle, SocketAddr) {
    let handle = start(settings, &side.context).unwrap();
    let address = handle.addresses()[0];
    assert_ne!(address.port(), 0);
    (handle, address)
}

fn make_plain(side: &Side) {
    side.change_partner(|partner| partner.transport = Transport::Plain);
}

/// One exchange buffer.
async fn receive(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut header = [0; HEADER_LEN];
    stream.read_exact(&mut header).await.ok()?;
    let mut buffer = vec![0; decode_header(header).unwrap()];
    stream.read_exact(&mut buffer).await.unwrap();
    Some(buffer)
}

async fn connect(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let ssrm = receive(&mut stream).await.unwrap();
    assert!(matches!(
        Command::decode(&ssrm, Level::L5),
        Ok(Command::Ssrm(_))
    ));
    stream
}

/// A session that `side` begins on a connection to `address`.
async fn call(side: &Side, address: SocketAddr) -> Report {
    let departure = session::Departure {
        circuit: ::link::CircuitId(1),
        peer: Some(address),
        party: side.party(),
    };
    let stream = TcpStream::connect(address).await.unwrap();
    session::call(&side.context, departure, stream).await
}

#[tokio::test]
async fn a_plain_partner_delivers_its_file() {
    let (us, them) = two();
    make_plain(&us);
    let (handle, address) = open(&us, &settings());
    let file = content(100_000);
    let id = them.queue("file", &file);
    let report = timeout(LONG, call(&them, address)).await.unwrap();
    assert_eq!(report.ending, session::Ending::Released);
    assert_ne!(them.transfer(id).state, State::Queued);
    us.context.live.empty().await;
    assert_eq!(us.inbox(), [file]);
    assert_eq!(us.context.counters.now().sessions_in, 1);
    assert_eq!(handle.addresses(), [address]);
}

#[tokio::test]
async fn a_tls_partner_is_turned_away_like_a_stranger() {
    let (us, them) = two();
    let (_handle, address) = open(&us, &settings());
    let report = timeout(LONG, call(&them, address)).await.unwrap();
    let session::Ending::Aborted { reason, .. } = &report.ending else {
        panic!("{report:?}");
    };
    assert_eq!(*reason, Some(EndReason::USER_CODE_NOT_KNOWN));
    assert_eq!(us.context.counters.now().partners_refused, 1);
}

/// The password of a plain partner crosses the inside in clear: it opens nothing from outside, where TLS
/// is ended, and to be one is told to nobody.
#[tokio::test]
async fn a_plain_partner_that_comes_over_tls_is_turned_away_like_a_stranger() {
    let us = Side::new(OURS, THEIRS);
    let mut frame = Vec::new();
    Command::Ssid(ssid(THEIRS))
        .encode(Level::L5, &mut frame)
        .unwrap();
    let ssid = &frame[HEADER_LEN..];
    let judged = async |transport| {
        let caller = Caller {
            transport,
            ..caller()
        };
        let verdict = answers::judge(&us.context, &caller, ssid).await;
        match verdict.unwrap() {
            Verdict::Welcome(_) => None,
            Verdict::Refuse(reason) => Some(reason),
        }
    };
    let stranger = Some(EndReason::USER_CODE_NOT_KNOWN);
    assert_eq!(judged(Transport::Tls).await, None);
    assert_eq!(judged(Transport::Plain).await, stranger);
    make_plain(&us);
    assert_eq!(judged(Transport::Tls).await, stranger);
    assert_eq!(judged(Transport::Plain).await, None);
    assert_eq!(us.context.counters.now().partners_refused, 2);
}

#[tokio::test]
async fn a_first_command_that_is_no_ssid_of_its_length_is_hung_up_on() {
    let us = Side::new(OURS, THEIRS);
    let (_handle, address) = open(&us, &settings());
    for junk in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        &[0x10, 0, 0, 5, b'F'],
        &[0x10, 0, 0, 4],
        &[0x10, 1, 0x86, 0xa3],
    ] {
        let mut stream = connect(address).await;
        stream.write_all(junk).await.unwrap();
        assert_eq!(
            timeout(LONG, receive(&mut stream)).await.unwrap(),
            None,
            "{junk:02x?}"
        );
    }
    assert_eq!(us.context.counters.now().sessions_in, 0);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_says_nothing_is_hung_up_on_in_time() {
    let us = Side::new(OURS, THEIRS);
    let settings = PlainSettings {
        ssid_timeout: Duration::from_secs(3_600),
        ..settings()
    };
    let (_handle, address) = open(&us, &settings);
    // The clock is not the wall's: it runs to the deadline as soon as everybody waits.
    let mut stream = connect(address).await;
    assert_eq!(receive(&mut stream).await, None);
}

#[tokio::test]
async fn an_address_has_so_many_connections_and_no_more() {
    let us = Side::new(OURS, THEIRS);
    let settings = PlainSettings {
        sessions_per_address: 2,
        ..settings()
    };
    let (handle, address) = open(&us, &settings);
    let first = connect(address).await;
    let _second = connect(address).await;
    assert_eq!(handle.connections(), 2);
    let mut third = TcpStream::connect(address).await.unwrap();
    let said = timeout(LONG, receive(&mut third)).await.unwrap();
    assert_eq!(said, None, "not even SSRM");
    assert_eq!(us.context.counters.now().over_ceiling, 1);
    drop(first);
    // Its place is free once its task has seen the end.
    let again = async {
        loop {
            let mut stream = TcpStream::connect(address).await.unwrap();
            if receive(&mut stream).await.is_some() {
                return;
            }
        }
    };
    timeout(LONG, again).await.unwrap();
}

#[tokio::test]
async fn without_a_place_for_a_session_a_caller_is_hung_up_on() {
    let (us, them) = two();
    make_plain(&us);
    let (_handle, address) = open(&us, &settings());
    let all = u32::try_from(us.context.places.available_permits()).unwrap();
    let taken = us.context.places.acquire_many(all).await.unwrap();
    let report = timeout(LONG, call(&them, address)).await.unwrap();
    assert!(
        matches!(report.ending, session::Ending::Aborted { .. }),
        "{report:?}"
    );
    assert_eq!(us.context.counters.now().sessions_in, 0);
    drop(taken);
    let report = timeout(LONG, call(&them, address)).await.unwrap();
    assert_eq!(report.ending, session::Ending::Released);
}

#[tokio::test]
async fn draining_closes_the_listener_and_lets_go_of_callers_that_wait() {
    let us = Side::new(OURS, THEIRS);
    let (handle, address) = open(&us, &settings());
    let mut waiting = connect(address).await;
    us.context.shutdown.drain();
    assert_eq!(us.context.shutdown.stage(), Stage::Draining);
    timeout(LONG, handle.ended()).await.unwrap();
    assert_eq!(timeout(LONG, receive(&mut waiting)).await.unwrap(), None);
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn an_address_that_is_taken_ends_the_start_with_a_sentence() {
    let us = Side::new(OURS, THEIRS);
    let (_handle, address) = open(&us, &settings());
    let settings = PlainSettings {
        listen: vec![address],
        ..settings()
    };
    let refused = start(&settings, &us.context).unwrap_err().to_string();
    assert!(
        refused.contains(&address.to_string()) && refused.contains("plain.listen"),
        "{refused}"
    );
}
