//! Client certificates, both ways: proven to the inner half, never to the DMZ half alone.

use support::compare::content;
use support::pki::Certificate;
use support::{Directory, Entry, Listener, Offer, Partner, World, directory};

/// A world that asks callers for the certificate of the usual partner.
fn world_that_asks(policy: &str, pinned: &Certificate) -> World {
    let fingerprint = pinned.fingerprint();
    World::with(|setup| {
        setup
            .inner
            .of_listener("client_certificate", &format!("{policy:?}"));
        let mut entry = Entry::usual();
        entry.certificates.push(fingerprint);
        setup.directory = Directory::default()
            .station("OURS", directory::OUR_CODE)
            .partner(entry);
    })
}

fn whole_session(partner: Partner, world: &World, dataset: &str) -> bool {
    let Ok(conversation) = partner.connect(world.public()) else {
        return false;
    };
    conversation
        .exchange(vec![Offer::new(dataset, content(1, 1000))])
        .is_ok_and(|exchange| exchange.receipts.len() == 1)
}

#[test]
fn a_pinned_certificate_is_let_in_over_either_tls_version() {
    let own = Certificate::new("the usual partner");
    let world = world_that_asks("require", &own);
    for (number, version) in [&rustls::version::TLS12, &rustls::version::TLS13]
        .into_iter()
        .enumerate()
    {
        let partner = Partner::usual().trusting(world.certificate.der(), Some(&own), &[version]);
        assert!(
            whole_session(partner, &world, &format!("PINNED.{number}")),
            "over {version:?}"
        );
    }
}

#[test]
fn another_certificate_or_none_is_turned_away_where_one_is_required() {
    let own = Certificate::new("the usual partner");
    let world = world_that_asks("require", &own);
    let stranger = Certificate::new("the usual partner");
    let with_another = Partner::usual().trusting(world.certificate.der(), Some(&stranger), &[]);
    let with_none = Partner::usual().trusting(world.certificate.der(), None, &[]);

    assert!(!whole_session(with_another, &world, "ANOTHER"));
    assert!(!whole_session(with_none, &world, "NONE"));
    assert!(world.inner.delivered(directory::PARTNER).is_empty());
}

#[test]
fn one_partner_cannot_come_with_the_certificate_of_another() {
    let (acme, beta) = (Certificate::new("acme"), Certificate::new("beta"));
    let (of_acme, of_beta) = (acme.fingerprint(), beta.fingerprint());
    let world = World::with(|setup| {
        setup.inner.of_listener("client_certificate", "\"require\"");
        let mut first = Entry::usual();
        first.certificates.push(of_acme);
        let mut second = Entry::named("BETA", "O0013BETA");
        second.certificates.push(of_beta);
        setup.directory = Directory::default()
            .station("OURS", directory::OUR_CODE)
            .partner(first)
            .partner(second);
    });
    // Beta proves its own key, but names Acme in its SSID with Acme's password.
    let partner = Partner::usual().trusting(world.certificate.der(), Some(&beta), &[]);
    assert!(!whole_session(partner, &world, "BORROWED"));
    let partner = Partner::usual().trusting(world.certificate.der(), Some(&acme), &[]);
    assert!(whole_session(partner, &world, "RIGHTFUL"));
}

#[test]
fn we_show_our_certificate_to_a_partner_that_asks_when_we_call() {
    let listener = Listener::new(true);
    let own = Certificate::new("our station calling");
    let world = World::with(|setup| {
        let (certificate, key) = own.write(&setup.folder, "outbound");
        setup
            .inner
            .path("outbound.certificate", &certificate)
            .path("outbound.key", &key);
        let entry = Entry::usual().at(listener.address(), &listener.certificate.fingerprint());
        setup.directory = Directory::default()
            .station("OURS", directory::OUR_CODE)
            .partner(entry);
    });
    let path = world.folder().join("file");
    std::fs::write(&path, content(1, 1000)).expect("the folder is ours");
    let id = world.inner.send(directory::PARTNER, &path, None);

    let call = listener.accept(Partner::usual());
    assert_eq!(
        call.wire.peer_certificate(),
        Some(own.der()),
        "shown and proven"
    );
    call.serve().expect("a whole session");
    world.inner.wait_for_state(&id, "acknowledged");
}

#[test]
fn we_hang_up_on_a_partner_that_shows_another_certificate_than_was_agreed() {
    let listener = Listener::new(false);
    let expected = Certificate::new("the partner");
    let world = World::with(|setup| {
        let entry = Entry::usual().at(listener.address(), &expected.fingerprint());
        setup.directory = Directory::default()
            .station("OURS", directory::OUR_CODE)
            .partner(entry);
    });
    let path = world.folder().join("file");
    std::fs::write(&path, content(1, 1000)).expect("the folder is ours");
    let mark = world.inner.half.logs.mark();
    world.inner.send(directory::PARTNER, &path, None);

    let tcp = listener.next_call();
    let refused = listener
        .try_answer(tcp, Partner::usual())
        .and_then(|mut call| {
            call.open_as_called()
                .map_err(|ended| std::io::Error::other(format!("{ended:?}")))
        });
    assert!(refused.is_err(), "no word of OFTP2 is exchanged");
    let line = world
        .inner
        .half
        .logs
        .wait_from(mark, "why the call failed", |line| {
            matches!(line.level(), "WARN" | "ERROR") && line.raw.contains(directory::PARTNER)
        });
    assert!(
        line.raw.to_lowercase().contains("certificate"),
        "says what is wrong: {}",
        line.raw
    );
}
