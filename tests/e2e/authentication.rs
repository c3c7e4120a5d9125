//! Secure authentication (RFC 5024 section 4.2.4): both sides prove that they hold their keys, or
//! there is no session.

use oftp::{Command, EndReason};
use support::compare::content;
use support::conversation::Authentication;
use support::{Act, Directory, Ended, Entry, Listener, Offer, Partner, Step, World, directory};

/// The keys of both sides.
struct Keys {
    ours: Authentication,
    theirs: Authentication,
}

impl Keys {
    fn new() -> Keys {
        let ours = Authentication::new("our authentication key");
        let theirs = Authentication::new("the partner's").knowing(&ours);
        Keys { ours, theirs }
    }

    fn entry(&self) -> Entry {
        Entry::usual()
            .with("authentication", "true")
            .certified(&["authentication"], self.theirs.pem())
    }
}

/// A world that demands secure authentication of the partner in `entry`.
fn world(keys: &Keys, entry: Entry) -> World {
    World::with(|setup| {
        let certificate = setup.folder.join("inner").join("authentication.pem");
        let key = setup.folder.join("inner").join("authentication.key");
        keys.ours.write(&certificate, &key);
        setup
            .inner
            .path("authentication.certificate", &certificate)
            .path("authentication.key", &key);
        setup.directory = Directory::default()
            .station("OURS", directory::OUR_CODE)
            .partner(entry);
    })
}

fn must_end_with(ended: Result<impl std::fmt::Debug, Ended>, wanted: EndReason) {
    match ended {
        Err(Ended::Esid { reason, .. }) => assert_eq!(reason, wanted),
        other => panic!("ESID {wanted} was due, but: {other:?}"),
    }
}

#[test]
fn both_sides_prove_themselves_and_files_cross() {
    let keys = Keys::new();
    let world = world(&keys, keys.entry());
    let conversation = Partner::of(&world)
        .authenticating(keys.theirs)
        .connect(world.public())
        .expect("TLS");
    let exchange = conversation
        .exchange(vec![Offer::new("PROVEN", content(1, 1000))])
        .expect("a whole session");
    assert_eq!(exchange.receipts.len(), 1);
}

#[test]
fn a_partner_we_call_proves_itself_too() {
    let keys = Keys::new();
    let listener = Listener::new(false);
    let entry = keys
        .entry()
        .at(listener.address(), &listener.certificate.fingerprint());
    let world = world(&keys, entry);
    let path = world.folder().join("out");
    std::fs::write(&path, content(1, 1000)).expect("the folder is ours");
    let id = world.inner.send(directory::PARTNER, &path, Some("OUT"));
    let partner = Partner::usual().authenticating(keys.theirs);
    let exchange = listener.accept(partner).serve().expect("a whole session");
    assert_eq!(exchange.received.len(), 1);
    world.inner.wait_for_state(&id, "acknowledged");
}

#[test]
fn a_partner_without_the_right_key_ends_with_esid_11() {
    let keys = Keys::new();
    let world = world(&keys, keys.entry());
    let partner =
        Partner::of(&world)
            .authenticating(keys.theirs)
            .breaks_at(Step::Aurp, |mut frame| {
                // The last octet of its response is wrong.
                *frame.last_mut().expect("octets") ^= 1;
                Act::Send(frame)
            });
    must_end_with(
        partner.connect(world.public()).expect("TLS").open(),
        EndReason::INVALID_CHALLENGE_RESPONSE,
    );
    world.inner.half.logs.wait_to_hear(0, "A circuit ended.");
}

#[test]
fn a_challenge_that_is_not_for_us_ends_with_esid_11() {
    let keys = Keys::new();
    let world = world(&keys, keys.entry());
    // Sealed for a key that we do not have.
    let theirs = keys.theirs.knowing(&Authentication::new("somebody else's"));
    let partner = Partner::of(&world).authenticating(theirs);
    must_end_with(
        partner.connect(world.public()).expect("TLS").open(),
        EndReason::INVALID_CHALLENGE_RESPONSE,
    );
}

#[test]
fn a_partner_that_does_not_want_what_we_demand_ends_with_esid_12() {
    let keys = Keys::new();
    let world = world(&keys, keys.entry());
    must_end_with(
        Partner::of(&world)
            .connect(world.public())
            .expect("TLS")
            .open(),
        EndReason::AUTHENTICATION_INCOMPATIBLE,
    );
}

#[test]
fn a_partner_that_demands_what_is_not_agreed_ends_with_esid_12() {
    let world = World::new();
    let keys = Keys::new();
    let partner = Partner::of(&world).authenticating(keys.theirs);
    must_end_with(
        partner.connect(world.public()).expect("TLS").open(),
        EndReason::AUTHENTICATION_INCOMPATIBLE,
    );
}

#[test]
fn anything_but_the_phase_in_the_phase_ends_with_esid_02() {
    let keys = Keys::new();
    let world = world(&keys, keys.entry());
    let partner = Partner::of(&world)
        .authenticating(keys.theirs)
        .breaks_at(Step::Secd, |_| {
            let mut frame = Vec::new();
            let turn = Command::Cd.encode(oftp::Level::L5, &mut frame);
            turn.expect("CD has no fields");
            Act::Send(frame)
        });
    must_end_with(
        partner.connect(world.public()).expect("TLS").open(),
        EndReason::PROTOCOL_VIOLATION,
    );
}
