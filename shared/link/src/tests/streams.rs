//! The control stream, and the first messages of streams.

use std::time::Duration;

use bytes::Bytes;

use crate::error::LinkError;
use crate::limits::{MAX_CONTROL, MAX_OPENING};
use crate::link::Link;
use crate::message::{
    Arrived, CircuitId, ClientCertificate, Dial, DialAnswer, DialFailure, FromDmz, FromInner,
    ListenerPolicy, Policy, ProbeAnswer, PublicLimits, Purpose, Sign, SignAnswer, TlsFacts, ToDmz,
    ToInner,
};
use crate::testing::Halves;

const LATE: u64 = 2;
const MALFORMED: u64 = 3;

fn policy(octets: usize) -> ToDmz {
    ToDmz::Policy(Policy {
        revision: 1,
        listeners: vec![ListenerPolicy {
            name: "oftps".into(),
            key: 1,
            chain: vec![vec![7; octets]],
            schemes: vec![0x0403],
            client_certificate: ClientCertificate::Request,
        }],
        limits: PublicLimits {
            sessions: 1000,
            sessions_per_address: 250,
            handshakes: 128,
            handshake_ms: 10_000,
            ssid_ms: 10_000,
            open_ms: 5_000,
            idle_ms: 600_000,
        },
    })
}

fn arrived(ssid: usize) -> FromDmz {
    FromDmz::Arrived(Arrived {
        circuit: CircuitId(9),
        listener: "oftps".into(),
        peer: "192.0.2.7:40000".parse().unwrap(),
        local: "[::1]:6619".parse().unwrap(),
        tls: TlsFacts {
            version: 0x0304,
            suite: 0x1301,
            server_name: Some("oftp.example".into()),
            client: Some([7; 16]),
        },
        ssid: vec![b'X'; ssid],
    })
}

/// Writes octets of no message as the first ones of a stream, and gives back the codes with which
/// the other end stops and resets it.
async fn refusal_of(link: &Link, octets: &[u8]) -> (Option<u64>, LinkError) {
    let (mut send, mut receive) = link.shared.connection().open_bi().await.unwrap();
    send.write_all(octets).await.unwrap();
    let stopped = send.stopped().await.unwrap().map(|code| code.into_inner());
    let reset = receive.read(&mut [0; 1]).await.map(|_| ()).unwrap_err();
    (stopped, reset.into())
}

#[tokio::test]
async fn control_messages_go_both_ways_in_order() {
    let (dmz, inner) = Halves::new().link().await;
    let (mut to_dmz, mut at_inner) = inner.control::<ToDmz, ToInner>().unwrap();
    let (mut to_inner, mut at_dmz) = dmz.control::<ToInner, ToDmz>().unwrap();
    to_dmz.send(&policy(1000)).await.unwrap();
    to_dmz.send(&ToDmz::Health(5)).await.unwrap();
    assert_eq!(at_dmz.receive().await, Ok(policy(1000)));
    assert_eq!(at_dmz.receive().await, Ok(ToDmz::Health(5)));
    to_inner.send(&ToInner::Health(5)).await.unwrap();
    to_inner.send(&ToInner::Drained).await.unwrap();
    assert_eq!(at_inner.receive().await, Ok(ToInner::Health(5)));
    assert_eq!(at_inner.receive().await, Ok(ToInner::Drained));
}

#[tokio::test]
async fn the_control_stream_is_given_out_once() {
    let (_dmz, inner) = Halves::new().link().await;
    assert!(inner.control::<ToDmz, ToInner>().is_ok());
    let again = inner.clone().control::<ToDmz, ToInner>();
    assert_eq!(again.map(|_| ()).unwrap_err(), LinkError::ControlTaken);
}

#[tokio::test]
async fn a_control_message_received_in_pieces_loses_nothing() {
    let (dmz, inner) = Halves::new().link().await;
    let (mut to_dmz, _at_inner) = inner.control::<ToDmz, ToInner>().unwrap();
    let (_to_inner, mut at_dmz) = dmz.control::<ToInner, ToDmz>().unwrap();
    let large = policy(200_000);
    let sent = large.clone();
    let sending = tokio::spawn(async move {
        to_dmz.send(&sent).await.unwrap();
        to_dmz
    });
    // Every attempt is given up at once; what came in between must still be there.
    let received = loop {
        tokio::select! {
            biased;
            message = at_dmz.receive() => break message,
            () = tokio::task::yield_now() => {}
        }
    };
    assert_eq!(received, Ok(large));
    drop(sending.await.unwrap());
}

#[tokio::test]
async fn a_control_message_over_its_ceiling_is_not_sent() {
    let (_dmz, inner) = Halves::new().link().await;
    let (mut to_dmz, _at_inner) = inner.control::<ToDmz, ToInner>().unwrap();
    let told = to_dmz.send(&policy(MAX_CONTROL)).await.unwrap_err();
    assert!(
        matches!(
            told,
            LinkError::TooLarge {
                ceiling: MAX_CONTROL,
                ..
            }
        ),
        "{told}"
    );
    assert_eq!(to_dmz.send(&ToDmz::Drain).await, Ok(()));
}

#[tokio::test]
async fn a_signature_is_asked_for_and_given() {
    let (dmz, inner) = Halves::new().link().await;
    let sign = Sign {
        circuit: CircuitId(3),
        listener: "oftps".into(),
        key: 1,
        peer: "192.0.2.7:40000".parse().unwrap(),
        scheme: 0x0403,
        message: vec![0x20; 130],
    };
    let ask = async {
        let mut circuit = dmz.open(&FromDmz::Sign(sign.clone())).await.unwrap();
        circuit.receive_message::<SignAnswer>().await
    };
    let give = async {
        let (asked, mut circuit) = inner.accept::<FromDmz>().await.unwrap();
        assert_eq!(asked, FromDmz::Sign(sign.clone()));
        circuit
            .send_message(&SignAnswer::Signature(vec![9; 71]))
            .await
            .unwrap();
        circuit.into_halves().0.finish().await.unwrap();
    };
    let (answer, ()) = tokio::join!(ask, give);
    assert_eq!(answer, Ok(SignAnswer::Signature(vec![9; 71])));
}

#[tokio::test]
async fn a_dial_order_is_given_and_answered() {
    let (dmz, inner) = Halves::new().link().await;
    let dial = FromInner::Dial(Dial {
        circuit: CircuitId(4),
        host: "partner.example".into(),
        port: 6619,
        purpose: Purpose::Sealed,
        deadline_ms: 10_000,
    });
    let answer = DialAnswer::Failed {
        kind: DialFailure::Refused,
        detail: "refused".into(),
    };
    let order = async {
        let mut circuit = inner.open(&dial).await.unwrap();
        circuit.receive_message::<DialAnswer>().await
    };
    let obey = async {
        let (ordered, mut circuit) = dmz.accept::<FromInner>().await.unwrap();
        assert_eq!(ordered, dial);
        circuit.send_message(&answer).await.unwrap();
        circuit.into_halves().0.finish().await.unwrap();
    };
    assert_eq!(tokio::join!(order, obey).0, Ok(answer.clone()));
}

#[tokio::test]
async fn an_opening_over_its_ceiling_is_not_sent() {
    let (dmz, _inner) = Halves::new().link().await;
    let told = dmz
        .open(&arrived(MAX_OPENING))
        .await
        .map(|_| ())
        .unwrap_err();
    assert!(
        matches!(
            told,
            LinkError::TooLarge {
                ceiling: MAX_OPENING,
                ..
            }
        ),
        "{told}"
    );
}

#[tokio::test]
async fn a_stream_with_a_length_over_the_ceiling_is_refused_and_the_link_goes_on() {
    let (dmz, inner) = Halves::new().link().await;
    // As request it would pass; its first octet says opening (2), which has the smaller ceiling.
    let length = u32::try_from(MAX_OPENING + 1).unwrap().to_be_bytes();
    let octets = [length.as_slice(), &[2]].concat();
    let refused = refusal_of(&dmz, &octets).await;
    assert_eq!(
        refused,
        (Some(MALFORMED), LinkError::Reset { code: MALFORMED })
    );
    probe(&inner, &dmz).await;
}

#[tokio::test]
async fn a_stream_with_a_message_not_understood_is_refused_and_the_link_goes_on() {
    let (dmz, inner) = Halves::new().link().await;
    let answering = tokio::spawn(async move {
        answer_probe(&dmz).await;
        dmz
    });
    for octets in [
        [0, 0, 0, 1, 77].as_slice(),      // no such variant
        [0, 0, 0, 3, 1, 5, 0].as_slice(), // a probe, and an octet left over
        [0, 0, 0, 0].as_slice(),          // empty
    ] {
        let refused = refusal_of(&inner, octets).await;
        assert_eq!(
            refused,
            (Some(MALFORMED), LinkError::Reset { code: MALFORMED }),
            "{octets:?}"
        );
    }
    assert_eq!(ask_probe(&inner).await, Ok(ProbeAnswer(77)));
    drop(answering.await.unwrap());
}

#[tokio::test]
async fn a_late_first_message_is_refused_and_holds_up_nobody() {
    let mut halves = Halves::new();
    halves.dmz_tuning.first_message = Duration::from_millis(300);
    let (dmz, inner) = halves.link().await;
    let late = refusal_of(&inner, &[0, 0]);
    let (refused, ()) = tokio::join!(late, probe(&inner, &dmz));
    assert_eq!(refused, (Some(LATE), LinkError::Reset { code: LATE }));
    assert!(!inner.is_closed());
}

#[tokio::test]
async fn octets_behind_a_message_are_not_taken_with_it() {
    let (dmz, inner) = Halves::new().link().await;
    let circuit = dmz.open(&arrived(61)).await.unwrap();
    let (mut writer, _reader) = circuit.into_halves();
    writer
        .write_bytes(Bytes::from_static(b"plain octets"))
        .await
        .unwrap();
    writer.finish().await.unwrap();
    let (first, circuit) = inner.accept::<FromDmz>().await.unwrap();
    assert_eq!(first, arrived(61));
    let (_writer, mut reader) = circuit.into_halves();
    let mut octets = Vec::new();
    while let Some(chunk) = reader.read_chunk(5).await.unwrap() {
        assert!(chunk.len() <= 5);
        octets.extend_from_slice(&chunk);
    }
    assert_eq!(octets, b"plain octets");
}

#[tokio::test]
async fn an_answer_that_never_comes_is_told_by_name() {
    let (dmz, inner) = Halves::new().link().await;
    let mut circuit = inner.open(&FromInner::Probe(1)).await.unwrap();
    let (_, answering) = dmz.accept::<FromInner>().await.unwrap();
    answering.into_halves().0.finish().await.unwrap();
    let told = circuit.receive_message::<ProbeAnswer>().await;
    assert_eq!(
        told,
        Err(LinkError::Ended {
            what: "the answer to a probe"
        })
    );
}

/// A stream is still served.
async fn probe(from: &Link, by: &Link) {
    let (answer, ()) = tokio::join!(ask_probe(from), answer_probe(by));
    assert_eq!(answer, Ok(ProbeAnswer(77)));
}

async fn ask_probe(link: &Link) -> Result<ProbeAnswer, LinkError> {
    link.open(&FromInner::Probe(77))
        .await?
        .receive_message()
        .await
}

async fn answer_probe(link: &Link) {
    let (first, mut circuit) = link.accept::<FromInner>().await.unwrap();
    assert_eq!(first, FromInner::Probe(77));
    circuit.send_message(&ProbeAnswer(77)).await.unwrap();
    circuit.into_halves().0.finish().await.unwrap();
}
