//! A person follows one transfer through the logs of both halves by one circuit id.

use support::logs::{Line, Logs};
use support::{Offer, Partner, World, directory};

/// The lines of one circuit.
fn of_circuit(logs: &Logs, circuit: &str) -> Vec<Line> {
    logs.lines()
        .into_iter()
        .filter(|line| line.text("circuit") == circuit)
        .collect()
}

#[test]
fn one_circuit_id_joins_the_logs_of_both_halves() {
    let world = World::new();
    // Another session before and after, so that there is something to tell apart.
    for name in ["BEFORE", "WANTED", "AFTER"] {
        let partner = Partner::of(&world).connect(world.public()).expect("TLS");
        let local = partner.wire.local();
        let offer = Offer::new(name, support::compare::content(1, 20_000));
        partner.exchange(vec![offer]).expect("a whole session");
        if name == "WANTED" {
            follow(&world, &local.to_string());
        }
    }
}

fn follow(world: &World, peer: &str) {
    let outside = &world.dmz.logs;
    let inside = &world.inner.half.logs;

    // Start where an operator starts: the address of the caller, in the DMZ half's log.
    let opened = outside.wait_for("the circuit of this caller", |line| {
        line.says("A circuit opened.") && line.text("peer") == peer
    });
    let circuit = opened.text("circuit");
    assert_eq!(circuit.len(), 16, "16 hex digits: {circuit}");

    for logs in [outside, inside] {
        let ended = logs.wait_for("the end of the circuit", |line| {
            line.says("A circuit ended.") && line.text("circuit") == circuit
        });
        let octets: u64 = ended.text("octets_in").parse().expect("a count");
        assert!(octets > 20_000, "counts what came in: {}", ended.raw);
        assert!(
            !ended.text("why").is_empty(),
            "says why it ended: {}",
            ended.raw
        );
    }
    let inner_opened = inside.wait_for("the circuit inside", |line| {
        line.says("A circuit opened.") && line.text("circuit") == circuit
    });
    assert_eq!(
        inner_opened.text("peer"),
        peer,
        "the inner half knows the caller's address"
    );

    // The inner half's lines of this circuit tell partner and transfer.
    let lines = of_circuit(inside, &circuit);
    assert!(
        lines
            .iter()
            .any(|line| line.text("partner") == directory::PARTNER),
        "names the partner"
    );
    let transfer = lines
        .iter()
        .map(|line| line.text("transfer"))
        .find(|transfer| !transfer.is_empty())
        .expect("names the transfer");

    // And the journal leads back to the circuit.
    let shown = world.inner.cli().ok(&["transfers", "show", &transfer]);
    assert!(
        shown.contains(&circuit),
        "the transfer's steps name the circuit: {shown}"
    );
    assert!(shown.contains("WANTED"), "it is the one: {shown}");
}
