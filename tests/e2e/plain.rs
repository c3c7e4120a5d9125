//! Plain TCP on the inside: off unless configured, and never for a partner that is agreed on TLS.

use std::net::SocketAddr;

use oftp::EndReason;
use support::compare::{assert_same_octets, content};
use support::{Alone, Directory, Ended, Entry, Offer, Partner, directory};

const PLAIN_OPEN: &str = "A plain listener is open: nothing protects the sessions on it; only partners with transport plain are taken.";

/// An inner half with a plain listener, and where it listens.
fn alone_with(entry: Entry) -> (Alone, SocketAddr) {
    let directory = Directory::default()
        .station("OURS", directory::OUR_CODE)
        .partner(entry);
    let alone = Alone::with(&directory, |knobs| {
        knobs.texts("plain.listen", &["127.0.0.1:0"]);
    });
    let line = alone.inner.half.logs.wait_to_hear(0, PLAIN_OPEN);
    let address = line.text("address").parse().expect("an address");
    (alone, address)
}

#[test]
fn a_plain_partner_exchanges_files_on_the_inside() {
    let (alone, address) = alone_with(Entry::usual().with("transport", "\"plain\""));
    let path = alone.folder().join("out");
    std::fs::write(&path, content(1, 200_000)).expect("the folder is ours");
    let id = alone.inner.send(directory::PARTNER, &path, Some("OUT"));

    let conversation = Partner::usual().connect(address).expect("a connection");
    let exchange = conversation
        .exchange(vec![Offer::new("IN", content(2, 300_000))])
        .expect("a whole session");

    assert_eq!(exchange.receipts.len(), 1);
    assert_same_octets("out", &content(1, 200_000), &exchange.received[0].content);
    alone.inner.wait_for_state(&id, "acknowledged");
    let delivered = alone.inner.wait_for_delivered(directory::PARTNER, 1);
    assert_same_octets("in", &content(2, 300_000), &delivered[0].content());
}

#[test]
fn a_partner_agreed_on_tls_is_a_stranger_on_the_plain_listener() {
    let (alone, address) = alone_with(Entry::usual());
    let mut conversation = Partner::usual().connect(address).expect("a connection");
    match conversation.open() {
        Err(Ended::Esid { reason, .. }) => assert_eq!(reason, EndReason::USER_CODE_NOT_KNOWN),
        other => panic!("ESID 03 was due, but: {other:?}"),
    }
    let line = alone
        .inner
        .half
        .logs
        .wait_to_hear(0, "A caller was turned away.");
    assert!(
        line.raw.contains("agreed on tls"),
        "the log says why: {}",
        line.raw
    );
}

#[test]
fn a_plain_partner_is_called_without_tls_from_the_inside() {
    let (called, address) = alone_with(Entry::usual().with("transport", "\"plain\""));
    let directory = Directory::default()
        .station("HERE", directory::PARTNER_CODE)
        .partner(Entry {
            name: "US".into(),
            code: directory::OUR_CODE.into(),
            station: "HERE".into(),
            sent: directory::PARTNER_PASSWORD.into(),
            expected: directory::OUR_PASSWORD.into(),
            address: Some(address.to_string()),
            ..Entry::usual().with("transport", "\"plain\"")
        });
    let caller = Alone::new(&directory);
    let path = caller.folder().join("out");
    std::fs::write(&path, content(3, 500_000)).expect("the folder is ours");
    let id = caller.inner.send("US", &path, Some("PLAIN"));
    caller.inner.wait_for_state(&id, "acknowledged");
    let delivered = called.inner.wait_for_delivered(directory::PARTNER, 1);
    assert_same_octets("plain", &content(3, 500_000), &delivered[0].content());
}
