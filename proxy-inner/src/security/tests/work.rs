//! The worker: what it takes up, what it holds, and what it hands over.

use std::sync::Arc;

use ::keyring::{Role, Slot};
use envelope::{Certificate, OwnKey};
use jiff::Timestamp;
use oftp::Security as Sfidsec;
use store::{EvidenceKind, Services, State};

use super::keys::{Away, coming, equip, equip_with, know, know_by, ours, theirs};
use crate::security::worker::Room;
use crate::security::{Security, SecuritySettings};
use crate::session::Shutdown;
use crate::session::tests::world::{OURS, Side, THEIRS, content, meet_well, two};

/// Our side with its keys, which knows theirs.
fn equipped() -> Side {
    let mut us = Side::new(OURS, THEIRS);
    equip_with(&mut us, &ours().own);
    us.change_partner(|partner| know_by(partner, &theirs().certificate));
    us
}

fn everything() -> Services {
    Services {
        security: Sfidsec::EncryptedAndSigned,
        suite: 4,
        compression: true,
        signed_receipt: true,
    }
}

#[tokio::test]
async fn the_loop_secures_what_is_queued_and_ends_when_the_process_drains() {
    let us = equipped();
    let shutdown = us.context.shutdown.clone();
    let running = tokio::spawn(Arc::clone(&us.context.security).run(shutdown.clone()));
    let files: Vec<_> = (0..5)
        .map(|number| {
            us.queue_as(&format!("file-{number}"), &content(10_000), |new| {
                new.services = Some(everything());
            })
        })
        .collect();
    while files
        .iter()
        .any(|id| us.transfer(*id).state == State::Securing)
    {
        tokio::task::yield_now().await;
    }
    for id in files {
        assert_eq!(us.transfer(id).state, State::Queued);
    }
    assert_eq!(us.context.counters.files_secured.count(), 5);
    shutdown.drain();
    running.await.unwrap();
    assert!(us.context.security.now().is_empty());
}

/// A file over which the program breaks off is held like any other that cannot be opened now: those
/// behind it do not wait for it.
#[tokio::test]
async fn a_file_that_breaks_the_program_is_held_and_the_others_go_on() {
    let (mut us, mut them) = two();
    equip_with(&mut us, &ours().own);
    let certificate = [Certificate::from_der(&theirs().certificate).unwrap()];
    let breaking = OwnKey::new(Away::panicking(theirs()), &certificate).unwrap();
    equip(
        &mut them,
        &[
            (Role::Encryption, Slot::Current, &breaking),
            (Role::Encryption, Slot::Next, &coming().own),
        ],
    );
    us.change_partner(|partner| know_by(partner, &theirs().certificate));
    them.change_partner(|partner| know_by(partner, &ours().certificate));
    let encrypted = Services {
        security: Sfidsec::Encrypted,
        ..everything()
    };
    us.queue_as("breaking", b"octets", |new| new.services = Some(encrypted));
    us.work_off();
    us.change_partner(|partner| know_by(partner, &coming().certificate));
    us.queue_as("good", b"good", |new| new.services = Some(encrypted));
    us.work_off();
    meet_well(&us, &them).await;
    let shutdown = them.context.shutdown.clone();
    let running = tokio::spawn(Arc::clone(&them.context.security).run(shutdown.clone()));
    let delivered = || {
        let received = them.received();
        received.iter().any(|it| it.state == State::Delivered)
    };
    while !delivered() || them.context.counters.files_held.count() == 0 {
        tokio::task::yield_now().await;
    }
    shutdown.drain();
    running.await.unwrap();
    assert_eq!(them.inbox(), [b"good".to_vec()]);
    let received = them.received();
    let held = received.iter().find(|it| it.state == State::Received);
    let held = held.unwrap();
    assert!(held.not_before.is_some());
    assert!(held.reason.as_ref().unwrap().contains("log"), "{held:?}");
}

/// However many large files there are, a small one finds a place; and the large ones all have their turn.
#[tokio::test]
async fn a_large_file_never_keeps_a_small_one_waiting() {
    let us = equipped();
    let settings = SecuritySettings {
        parallel: 2,
        large: 50_000,
        ..SecuritySettings::default()
    };
    let keyring = Arc::clone(us.context.security.keyring());
    let security = Security::new(us.store().clone(), keyring, settings);
    let queue = |name: &str, octets| {
        us.queue_as(name, &content(octets), |new| {
            new.services = Some(everything());
        })
    };
    let large = [queue("first", 60_000), queue("second", 60_000)];
    let small = queue("small", 50_000);
    // One is worked on, for as long as this is held.
    let place = security.large.acquire().await.unwrap();
    let shutdown = us.context.shutdown.clone();
    let running = tokio::spawn(Arc::clone(&security).run(shutdown.clone()));
    while us.transfer(small).state == State::Securing {
        tokio::task::yield_now().await;
    }
    for id in large {
        assert_eq!(us.transfer(id).state, State::Securing);
    }
    drop(place);
    while large
        .iter()
        .any(|id| us.transfer(*id).state == State::Securing)
    {
        tokio::task::yield_now().await;
    }
    shutdown.drain();
    running.await.unwrap();
}

/// What happens to a partner, by reference, between two tries.
type Change<'a> = &'a dyn Fn(&Side);

#[test]
fn a_file_that_cannot_be_secured_is_held_with_the_reason_and_tried_again() {
    let us = equipped();
    let encrypted = Services {
        security: Sfidsec::Encrypted,
        ..everything()
    };
    let cases: [(&str, Change<'_>); 3] = [
        ("has no encryption certificate", &|us| {
            us.change_partner(|partner| partner.role_certificates.clear());
        }),
        ("2002-01-01", &|us| {
            us.change_partner(|partner| {
                let ended = &theirs().expired;
                know(partner, Role::Encryption, Slot::Current, ended);
            });
        }),
        ("2002-01-01", &|us| {
            us.change_partner(|partner| {
                let ended = &coming().expired;
                know(partner, Role::Encryption, Slot::Next, ended);
            });
        }),
    ];
    let id = us.queue_as("orders", &content(10_000), |new| {
        new.services = Some(encrypted);
    });
    for (wanted, change) in cases {
        change(&us);
        us.store().release_held().unwrap();
        us.work_off();
        let held = us.transfer(id);
        assert_eq!(held.state, State::Securing);
        assert!(held.not_before.is_some_and(|at| at > Timestamp::now()));
        let reason = held.reason.unwrap();
        assert!(reason.contains(wanted), "{reason}");
        // Nobody takes it before its time.
        let before = us.context.counters.files_held.count();
        us.work_off();
        assert_eq!(us.context.counters.files_held.count(), before);
    }
    // The current one has ended, and a next one has come.
    us.change_partner(|partner| {
        know(partner, Role::Encryption, Slot::Next, &coming().certificate);
    });
    us.store().release_held().unwrap();
    us.work_off();
    let queued = us.transfer(id);
    assert_eq!((queued.state, queued.reason), (State::Queued, None));
    let used = us.store().evidence(id).unwrap().certificates;
    let used: Vec<_> = used
        .iter()
        .map(|used| (used.what, used.certificate.as_slice()))
        .collect();
    let next = coming().certificate.as_slice();
    assert_eq!(used, [(EvidenceKind::EncryptedFor, next)]);
}

#[test]
fn without_a_key_nothing_is_signed_and_with_it_what_was_held_goes() {
    let mut us = equipped();
    equip(&mut us, &[]);
    let id = us.queue_as("orders", b"octets", |new| {
        new.services = Some(everything());
    });
    us.work_off();
    let held = us.transfer(id);
    let reason = held.reason.unwrap();
    assert_eq!(held.state, State::Securing);
    assert!(reason.contains("file-signing"), "{reason}");
    equip_with(&mut us, &ours().own);
    us.store().release_held().unwrap();
    us.work_off();
    assert_eq!(us.transfer(id).state, State::Queued);
}

#[test]
fn the_next_key_signs_once_the_present_certificate_has_ended() {
    let mut us = equipped();
    let ended = ours().ended();
    equip(
        &mut us,
        &[
            (Role::FileSigning, Slot::Current, &ended),
            (Role::FileSigning, Slot::Next, &coming().own),
        ],
    );
    let id = us.queue_as("orders", b"octets", |new| {
        new.services = Some(Services {
            security: Sfidsec::Signed,
            ..everything()
        });
    });
    us.work_off();
    assert_eq!(us.transfer(id).state, State::Queued);
    let used = us.store().evidence(id).unwrap().certificates;
    assert_eq!(used[0].what, EvidenceKind::SignedWith);
    assert_eq!(used[0].certificate, coming().certificate);
}

/// the hash of a plain file is that of its records without boundaries.
#[test]
fn a_plain_file_with_a_signed_receipt_is_only_hashed() {
    let us = equipped();
    let records = crate::session::tests::world::records([3, 0, 5]);
    let id = us.queue_as("orders", &records, |new| {
        new.format = oftp::Format::Variable;
        new.record_length = 9;
        new.services = Some(Services {
            signed_receipt: true,
            suite: 6,
            ..Services::default()
        });
    });
    us.work_off();
    let queued = us.transfer(id);
    let whole: Vec<u8> = [content(3), content(5)].concat();
    assert_eq!(queued.state, State::Queued);
    assert_eq!(queued.hash, crypto::Hash::Sha512.of(&whole));
    assert!(!queued.is_secured());
}

#[test]
fn work_ends_when_the_process_stops_and_nothing_is_lost() {
    let us = equipped();
    let id = us.queue_as("orders", &content(10_000), |new| {
        new.services = Some(everything());
    });
    let stopping = Shutdown::new();
    stopping.stop();
    let security = &us.context.security;
    assert!(security.secure_one(&mut Room::Any, &stopping).unwrap());
    let waiting = us.transfer(id);
    assert_eq!((waiting.state, waiting.reason), (State::Securing, None));
    us.work_off();
    assert_eq!(us.transfer(id).state, State::Queued);
}
