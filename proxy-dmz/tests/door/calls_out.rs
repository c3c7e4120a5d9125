//! Calls to partners on the inner half's order: octets as they are, both ways.

use link::message::{CircuitId, Dial, DialAnswer, DialFailure, FromInner, ProbeAnswer, Purpose};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::support::Dmz;

fn order(host: &str, port: u16) -> FromInner {
    FromInner::Dial(Dial {
        circuit: CircuitId(0x0bad_cafe),
        host: host.to_owned(),
        port,
        purpose: Purpose::Sealed,
        deadline_ms: 10_000,
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn carries_octets_both_ways_without_looking_at_them() {
    let dmz = Dmz::start();
    let inner = dmz.connect().await;
    let partner = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = partner.local_addr().expect("an address");
    let mut circuit = inner
        .link
        .open(&order("127.0.0.1", address.port()))
        .await
        .expect("a stream");
    let (mut called, from) = partner.accept().await.expect("a call");
    let answer = circuit
        .receive_message::<DialAnswer>()
        .await
        .expect("an answer");
    assert_eq!(
        answer,
        DialAnswer::Connected {
            peer: address,
            local: from
        }
    );

    let octets: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    circuit.write_all(&octets).await.expect("sent");
    let mut heard = vec![0; octets.len()];
    called.read_exact(&mut heard).await.expect("relayed");
    assert!(heard == octets);
    called.write_all(&octets).await.expect("sent");
    called.shutdown().await.expect("closed");
    let mut heard = Vec::new();
    circuit.read_to_end(&mut heard).await.expect("a clean end");
    assert!(heard == octets);
    circuit.halves().0.finish().await.expect("finished");
    assert_eq!(called.read(&mut [0; 1]).await.expect("a clean end"), 0);
    dmz.until(|status| status.counters(0).dialled == 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn says_why_a_partner_was_not_reached() {
    let dmz = Dmz::start();
    let inner = dmz.connect().await;
    let gone = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = gone.local_addr().expect("an address").port();
    drop(gone);
    for (host, port, wanted) in [
        ("127.0.0.1", port, DialFailure::Refused),
        ("224.0.0.1", 6619, DialFailure::NotAllowed),
        ("no host here", 6619, DialFailure::Name),
    ] {
        let mut circuit = inner.link.open(&order(host, port)).await.expect("a stream");
        match circuit
            .receive_message::<DialAnswer>()
            .await
            .expect("an answer")
        {
            DialAnswer::Failed { kind, detail } => assert_eq!(kind, wanted, "{detail}"),
            answer => panic!("{host}: {answer:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_a_probe() {
    let dmz = Dmz::start();
    let inner = dmz.connect().await;
    let mut circuit = inner
        .link
        .open(&FromInner::Probe(42))
        .await
        .expect("a stream");
    let answer = circuit
        .receive_message::<ProbeAnswer>()
        .await
        .expect("an answer");
    assert_eq!(answer, ProbeAnswer(42));
}
