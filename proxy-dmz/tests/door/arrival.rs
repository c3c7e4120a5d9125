//! From the ready message to the end of a circuit, and what ends there early.

use link::message::{ArrivedAnswer, ClientCertificate, ListenerPolicy, ToDmz, ToInner};
use proxy_dmz::status::Cause;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::partner::{Partner, data, esid, frame, rest, ssid};
use crate::support::{Dmz, Key, LIMITS};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partner_arrives_with_its_ssid_and_octets_flow_both_ways() {
    let dmz = Dmz::start();
    let mut inner = dmz.open(Key::ecdsa(), ClientCertificate::Off, LIMITS).await;
    let mut partner = Partner::default().introduced(inner.public).await;
    let (arrived, mut circuit) = inner.take().await;
    assert_eq!(arrived.ssid, ssid()[4..]);
    assert_eq!(arrived.listener, "oftps");
    assert_eq!(
        arrived.peer,
        partner.get_ref().0.local_addr().expect("an address")
    );
    assert_eq!(arrived.local, inner.public);
    assert_eq!(arrived.tls.version, 0x0304);
    assert_eq!(arrived.tls.server_name.as_deref(), Some("dmz.example"));

    circuit.write_all(&ssid()).await.expect("sent");
    let mut answer = vec![0; 65];
    partner.read_exact(&mut answer).await.expect("our SSID");
    assert_eq!(answer, ssid());
    // More than any buffer holds, so that both directions have to wait for each other.
    let file: Vec<u8> = std::iter::repeat_with(|| data(60))
        .take(2_000)
        .flatten()
        .collect();
    let (mut outward, mut inward) = tokio::io::split(partner);
    let (mut writer, mut reader) = circuit.into_halves();
    let sent = file.clone();
    let sending = tokio::spawn(async move {
        inward.write_all(&sent).await.expect("sent");
        inward.flush().await.expect("sent");
        inward
    });
    let sent = file.clone();
    let answering = tokio::spawn(async move {
        writer.write_all(&sent).await.expect("sent");
        writer
    });
    let mut arrived = vec![0; file.len()];
    let mut received = vec![0; file.len()];
    let (one, other) = tokio::join!(
        reader.read_exact(&mut arrived),
        outward.read_exact(&mut received)
    );
    one.expect("relayed");
    other.expect("relayed");
    assert!(
        arrived == file && received == file,
        "the octets are the same on both ends"
    );

    // The inner half says goodbye; the partner hears it, and TLS's goodbye after it.
    let mut writer = answering.await.expect("no panic");
    writer.write_all(&esid()).await.expect("sent");
    writer.finish().await.expect("finished");
    let mut last = Vec::new();
    outward
        .read_to_end(&mut last)
        .await
        .expect("a clean end of TLS");
    assert_eq!(last, esid());
    let mut inward = sending.await.expect("no panic");
    inward.shutdown().await.expect("closed");
    assert_eq!(reader.read_into(&mut [0; 1]).await.expect("a clean end"), 0);
    let octets = file.len() as u64;
    dmz.until(|status| {
        let counters = status.counters(0);
        (counters.octets_in, counters.octets_out) == (octets, octets + 65 + 11)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_no_ssid_is_met_with_silence() {
    let dmz = Dmz::start();
    let mut inner = dmz.open(Key::ecdsa(), ClientCertificate::Off, LIMITS).await;
    let mut wrong_field = ssid();
    wrong_field[4 + 40] = b'?';
    let mut longer = ssid();
    longer[3] += 1;
    longer.push(b' ');
    let strange = [
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        vec![0x10, 0, 0, 4],
        vec![0x10, 0x01, 0x86, 0xa3],
        frame(b"R"),
        frame(&[b'Z'; 61]),
        esid(),
        wrong_field,
        longer,
    ];
    let many = strange.len() as u64;
    for octets in strange {
        let mut stranger = Partner::default().greeted(inner.public).await;
        stranger.write_all(&octets).await.expect("sent");
        stranger.flush().await.expect("sent");
        assert_eq!(rest(&mut stranger).await, b"", "{octets:02x?}");
    }
    dmz.counted(Cause::SsidJunk, many).await;
    assert!(
        inner.arrivals.try_recv().is_err(),
        "no stranger reaches the inner half"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ssid_that_never_ends_is_cut_off_at_the_deadline() {
    let dmz = Dmz::start();
    let mut limits = LIMITS;
    limits.ssid_ms = 50;
    let inner = dmz.open(Key::ecdsa(), ClientCertificate::Off, limits).await;
    let mut slow = Partner::default().greeted(inner.public).await;
    slow.write_all(&ssid()[..64]).await.expect("sent");
    slow.flush().await.expect("sent");
    assert_eq!(rest(&mut slow).await, b"");
    dmz.counted(Cause::SsidLate, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partner_the_inner_half_refuses_is_met_with_silence() {
    let dmz = Dmz::start();
    let mut inner = dmz.open(Key::ecdsa(), ClientCertificate::Off, LIMITS).await;
    let mut partner = Partner::default().introduced(inner.public).await;
    let (_, mut circuit) = inner.arrivals.recv().await.expect("an arrival");
    circuit
        .send_message(&ArrivedAnswer::Refuse)
        .await
        .expect("answered");
    circuit.halves().0.finish().await.expect("finished");
    assert_eq!(rest(&mut partner).await, b"");
    dmz.counted(Cause::OpeningRefused, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_oftp_ends_the_circuit_on_both_sides() {
    let dmz = Dmz::start();
    let mut inner = dmz.open(Key::ecdsa(), ClientCertificate::Off, LIMITS).await;
    let mut partner = Partner::default().introduced(inner.public).await;
    let (_, mut circuit) = inner.take().await;
    circuit.write_all(&ssid()).await.expect("sent");
    partner.read_exact(&mut [0; 65]).await.expect("our SSID");
    partner.write_all(&data(1)).await.expect("sent");
    partner.flush().await.expect("sent");
    let mut octets = vec![0; data(1).len()];
    circuit
        .read_exact(&mut octets)
        .await
        .expect("what is sound passes");
    partner.write_all(&frame(b"Z")).await.expect("sent");
    partner.flush().await.expect("sent");
    let end = circuit.halves().1.read_into(&mut [0; 1]).await;
    assert!(matches!(end, Err(link::LinkError::Reset { .. })), "{end:?}");
    assert_eq!(rest(&mut partner).await, b"");
    dmz.counted(Cause::Violation, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lying_inner_half_gets_nothing_past_the_gate_either() {
    let dmz = Dmz::start();
    let mut inner = dmz.open(Key::ecdsa(), ClientCertificate::Off, LIMITS).await;
    let mut partner = Partner::default().introduced(inner.public).await;
    let (_, mut circuit) = inner.take().await;
    circuit
        .write_all(b"HTTP/1.1 200 OK\r\n\r\n")
        .await
        .expect("sent");
    assert_eq!(rest(&mut partner).await, b"");
    dmz.counted(Cause::Violation, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partner_that_stalls_is_cut_off_after_the_idle_time() {
    let dmz = Dmz::start();
    let mut limits = LIMITS;
    limits.idle_ms = 50;
    let mut inner = dmz.open(Key::ecdsa(), ClientCertificate::Off, limits).await;
    let mut partner = Partner::default().introduced(inner.public).await;
    let (_, mut circuit) = inner.take().await;
    assert_eq!(rest(&mut partner).await, b"");
    let end = circuit.halves().1.read_into(&mut [0; 1]).await;
    assert!(matches!(end, Err(link::LinkError::Reset { .. })), "{end:?}");
    dmz.counted(Cause::Idle, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partner_that_hangs_up_is_a_clean_end_for_the_inner_half() {
    let dmz = Dmz::start();
    let mut inner = dmz.open(Key::ecdsa(), ClientCertificate::Off, LIMITS).await;
    let mut partner = Partner::default().introduced(inner.public).await;
    let (_, mut circuit) = inner.take().await;
    partner.shutdown().await.expect("closed");
    assert_eq!(
        circuit
            .halves()
            .1
            .read_into(&mut [0; 1])
            .await
            .expect("a clean end"),
        0
    );
    circuit.write_all(&esid()).await.expect("sent");
    circuit.halves().0.finish().await.expect("finished");
    assert_eq!(
        rest(&mut partner).await,
        esid(),
        "what was still to be said is heard"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_address_gets_as_many_places_as_the_policy_says() {
    let dmz = Dmz::start();
    let mut limits = LIMITS;
    limits.sessions_per_address = 2;
    let inner = dmz.open(Key::ecdsa(), ClientCertificate::Off, limits).await;
    let one = Partner::default().greeted(inner.public).await;
    let _two = Partner::default().greeted(inner.public).await;
    assert!(Partner::default().call(inner.public).await.is_err());
    dmz.counted(Cause::AddressFull, 1).await;
    drop(one);
    dmz.counted(Cause::SsidJunk, 1).await;
    // The place is free a moment after the cause is counted.
    while Partner::default().call(inner.public).await.is_err() {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_public_address_is_open_only_while_the_inner_half_is_there() {
    let dmz = Dmz::start();
    let mut inner = dmz.connect().await;
    assert_eq!(inner.put(vec![], LIMITS).await, []);
    inner.apply(ClientCertificate::Off, LIMITS).await;
    let mut partner = Partner::default().introduced(inner.public).await;
    let (_, _circuit) = inner.take().await;
    inner.link.close("gone");
    assert_eq!(
        rest(&mut partner).await,
        b"",
        "the circuit ends with the link"
    );
    while TcpStream::connect(inner.public).await.is_ok() {}

    let inner = dmz.open(Key::ecdsa(), ClientCertificate::Off, LIMITS).await;
    Partner::default().greeted(inner.public).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_says_of_each_listener_what_became_of_it() {
    let dmz = Dmz::start();
    let mut inner = dmz.open(Key::ecdsa(), ClientCertificate::Off, LIMITS).await;
    let first = inner.public;
    let listener = |name: &str, chain: Vec<Vec<u8>>| ListenerPolicy {
        name: name.to_owned(),
        key: 7,
        chain,
        schemes: vec![0x0403],
        client_certificate: ClientCertificate::Off,
    };
    let chain = vec![Key::ecdsa().chain[0].to_vec()];
    let states = inner
        .put(
            vec![listener("oftps", chain.clone()), listener("other", chain)],
            LIMITS,
        )
        .await;
    assert_eq!(
        states[0].result,
        Ok(first),
        "an open listener stays where it is"
    );
    assert!(
        states[1]
            .result
            .as_ref()
            .is_err_and(|problem| problem.contains("other"))
    );
    let states = inner
        .put(vec![listener("oftps", vec![vec![1, 2, 3]])], LIMITS)
        .await;
    assert!(states[0].result.is_err());
    assert!(
        TcpStream::connect(first).await.is_err(),
        "shut when it cannot be served"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_inner_half_takes_its_own_place_and_another_has_to_wait() {
    let dmz = Dmz::start();
    let old = dmz.open(Key::ecdsa(), ClientCertificate::Off, LIMITS).await;
    let refused = dmz.connect_other().await;
    let reason = refused.link.closed().await.to_string();
    assert!(reason.contains("busy"), "{reason}");
    Partner::default().greeted(old.public).await;
    let new = dmz.open(Key::ecdsa(), ClientCertificate::Off, LIMITS).await;
    let reason = old.link.closed().await.to_string();
    assert!(reason.contains("superseded"), "{reason}");
    Partner::default().greeted(new.public).await;
    new.link.close("gone");
    // The place is free once the other half has noticed.
    loop {
        let other = dmz.connect_other().await;
        if other.serves().await {
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn draining_lets_circuits_end_and_then_says_so() {
    let dmz = Dmz::start();
    let mut inner = dmz.open(Key::ecdsa(), ClientCertificate::Off, LIMITS).await;
    let mut partner = Partner::default().introduced(inner.public).await;
    let (_, mut circuit) = inner.take().await;
    inner.orders.send(&ToDmz::Drain).await.expect("sent");
    while TcpStream::connect(inner.public).await.is_ok() {}
    circuit
        .write_all(&[ssid(), esid()].concat())
        .await
        .expect("the circuit goes on");
    circuit.halves().0.finish().await.expect("finished");
    assert_eq!(rest(&mut partner).await, [ssid(), esid()].concat());
    partner.shutdown().await.expect("closed");
    inner.news(|news| *news == ToInner::Drained).await;
    inner.orders.send(&ToDmz::Health(9)).await.expect("sent");
    inner.news(|news| *news == ToInner::Health(9)).await;
    inner.apply(ClientCertificate::Off, LIMITS).await;
    Partner::default().greeted(inner.public).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopping_shuts_the_doors_and_tells_the_inner_half() {
    let dmz = Dmz::start();
    let mut inner = dmz.open(Key::ecdsa(), ClientCertificate::Off, LIMITS).await;
    let (public, link) = (inner.public, inner.link.clone());
    let mut partner = Partner::default().introduced(public).await;
    let (_, mut circuit) = inner.take().await;
    let stopping = tokio::spawn(dmz.stop());
    while TcpStream::connect(public).await.is_ok() {}
    circuit
        .write_all(&[ssid(), esid()].concat())
        .await
        .expect("the circuit goes on");
    circuit.halves().0.finish().await.expect("finished");
    assert_eq!(rest(&mut partner).await, [ssid(), esid()].concat());
    partner.shutdown().await.expect("closed");
    stopping.await.expect("a clean end");
    let reason = link.closed().await.to_string();
    assert!(reason.contains("stops"), "{reason}");
}
