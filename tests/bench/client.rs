//! The sending boxes: a fast OFTP2 client on the engine, and a plain TLS stream.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use engine::{Event, Identity, Request, Session, Settings};
use oftp::UserField;
use rustls::{ClientConnection, StreamOwned};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use support::{Offer, directory, pki};

use crate::role::tell_and_stay;

type Tls = StreamOwned<ClientConnection, TcpStream>;

const MIB: usize = 1024 * 1024;

/// Sends so many MiB as one file; tells the time from SFID to EFPA in microseconds.
pub(crate) fn oftp(address: SocketAddr, certificate: &Path, mib: u64) {
    let mut tls = connect(address, certificate);
    let content = block();
    let length = mib * MIB as u64;
    let us = Identity {
        code: support::partner::id(directory::PARTNER_CODE),
        password: support::partner::password(directory::PARTNER_PASSWORD),
        user: UserField::default(),
    };
    let epoch = Instant::now();
    let mut session = Session::initiator(Settings::default(), us, Duration::ZERO);
    let mut begun = epoch;
    let mut sent: u64 = 0;
    let mut input = Vec::with_capacity(MIB);
    loop {
        let now = epoch.elapsed();
        let mut moved = false;
        while let Some(event) = session.poll_event() {
            moved = true;
            match event {
                Event::Connected(..) => {
                    begun = Instant::now();
                    let offer = Offer::streaming("BENCH", length, std::io::empty());
                    let mut sfid = offer.sfid;
                    sfid.stamp = stamp_of_now();
                    session
                        .request(Request::StartFile(sfid), now)
                        .expect("idle");
                }
                Event::CloseFileAccepted { .. } => {
                    let elapsed = begun.elapsed();
                    tell_and_stay(&elapsed.as_micros().to_string());
                }
                Event::StartFileRefused { reason, text, .. }
                | Event::CloseFileRefused { reason, text } => {
                    panic!("the file was refused: {reason} {text}")
                }
                Event::Aborted { detail, .. } => panic!("the session has ended: {detail}"),
                _ => {}
            }
        }
        if session.can_send_data() {
            let from = usize::try_from(sent % MIB as u64).expect("below a MiB");
            let left = usize::try_from(length - sent).unwrap_or(usize::MAX);
            let piece = &content[from..from + (MIB - from).min(left)];
            let last = sent + piece.len() as u64 == length;
            let taken = session
                .send_data(piece, last, now)
                .expect("the file is open");
            sent += taken as u64;
            moved |= taken > 0;
        }
        if sent == length && session.can_close_file() {
            let close = Request::CloseFile {
                records: 0,
                octets: length,
            };
            session.request(close, now).expect("the file is open");
            moved = true;
        }
        let waiting = session.transmit();
        if !waiting.is_empty() {
            tls.write_all(waiting).expect("the other side reads");
            let count = waiting.len();
            session.transmitted(count, epoch.elapsed());
            moved = true;
        }
        if !moved {
            let start = input.len();
            input.resize(start + 64 * 1024, 0);
            let count = tls
                .read(&mut input[start..])
                .expect("the other side answers");
            assert!(count > 0, "the other side has hung up");
            input.truncate(start + count);
            let used = session.receive(&input, epoch.elapsed());
            input.drain(..used);
        }
    }
}

/// Sends so many MiB and waits for one octet back; tells the time in microseconds.
pub(crate) fn tls(address: SocketAddr, certificate: &Path, mib: u64) {
    let mut tls = connect(address, certificate);
    let content = block();
    let begun = Instant::now();
    tls.write_all(&(mib * MIB as u64).to_be_bytes())
        .expect("the other side reads");
    for _ in 0..mib {
        tls.write_all(&content).expect("the other side reads");
    }
    tls.read_exact(&mut [0]).expect("the other side confirms");
    tell_and_stay(&begun.elapsed().as_micros().to_string());
}

fn connect(address: SocketAddr, certificate: &Path) -> Tls {
    let expected = CertificateDer::from_pem_file(certificate).expect("a certificate");
    let config = pki::client_config(expected, None, &[&rustls::version::TLS13]);
    let name = ServerName::try_from("localhost").expect("a name");
    let mut tcp = TcpStream::connect(address).expect("the other side listens");
    tcp.set_nodelay(true).expect("a TCP socket");
    let mut tls = ClientConnection::new(Arc::clone(&config), name).expect("sound settings");
    while tls.is_handshaking() {
        tls.complete_io(&mut tcp).expect("a handshake");
    }
    StreamOwned::new(tls, tcp)
}

/// Content which no layer could make smaller.
fn block() -> Vec<u8> {
    support::compare::content(42, MIB)
}

/// Another stamp for each run against the same store.
fn stamp_of_now() -> oftp::Stamp {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .expect("the clock is right");
    let seconds = now.as_secs() % 86_400;
    let counter = now.subsec_micros() / 101 + 1;
    let days = now.as_secs() / 86_400 % 28 + 1;
    let text = format!(
        "202601{days:02}{:02}{:02}{:02}{counter:04}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    );
    text.parse().expect("a stamp")
}
