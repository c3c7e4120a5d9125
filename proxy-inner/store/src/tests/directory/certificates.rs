//! Certificates of partners by role and slot, and what protection asks of them.

use keyring::{Role, Slot};
use oftp::{Level, Security};
use rusqlite::Connection;

use super::super::{ACME, World, at, open, partner};
use super::{certificate, full, held, refusal};
use crate::{
    Change, Encoding, NewOutbound, Partner, RoleCertificate, Services, Store, StoreError,
    certificates_to_pem, schema,
};

/// Role and slot of each certificate of ACME, with the octet it is made of.
fn certificates_of_acme(world: &World) -> Vec<(Role, Slot, u8)> {
    let acme = world.store.partner(ACME).unwrap().unwrap();
    let held = acme.role_certificates.iter();
    held.map(|held| (held.role, held.slot, *held.certificate.last().unwrap()))
        .collect()
}

#[test]
fn certificates_take_the_place_of_those_of_their_role_and_slot() {
    use Role::{Authentication, Encryption};
    use Slot::{Current, Next};
    let world = World::new();
    let put = |certificates: &[RoleCertificate]| {
        let certificates = certificates.to_vec();
        world.store.put_certificates(ACME, certificates).unwrap()
    };
    let both = [
        held(Encryption, Current, 1),
        held(Authentication, Current, 1),
    ];
    assert_eq!(put(&both), Change::Changed);
    assert_eq!(put(&both), Change::Unchanged);
    put(&[held(Encryption, Next, 2)]);
    put(&[held(Encryption, Current, 3)]);
    assert_eq!(
        certificates_of_acme(&world),
        [
            (Encryption, Current, 3),
            (Encryption, Next, 2),
            (Authentication, Current, 1),
        ]
    );
    let acme = world.store.partner(ACME).unwrap().unwrap();
    assert_eq!(
        acme.certificates_for(Encryption),
        [certificate(3), certificate(2)]
    );
    assert!(acme.certificates_for(Role::FileSigning).is_empty());
    assert_eq!(acme.password_sent.expose(), "SENTWORD", "the rest stays");

    let twice = vec![held(Encryption, Slot::Previous, 2)];
    assert_eq!(
        refusal(world.store.put_certificates(ACME, twice)),
        "partner ACME: certificate: found the same one as next and previous for encryption, \
         wanted each certificate once for each role"
    );
    let tls = vec![held(Role::TlsServer, Current, 9)];
    let text = refusal(world.store.put_certificates(ACME, tls));
    assert!(
        text.starts_with("partner ACME: certificate: found the role \"tls-server\", wanted one of")
            && text.contains("by fingerprint"),
        "{text}"
    );
    assert!(matches!(
        world.store.put_certificates("NOBODY", Vec::new()),
        Err(StoreError::NoPartner(name)) if name == "NOBODY"
    ));
    assert_eq!(certificates_of_acme(&world).len(), 3);
}

#[test]
fn promoting_moves_next_to_current_to_previous_and_forgets_the_one_before() {
    use Role::{Encryption, FileSigning};
    use Slot::{Current, Next, Previous};
    let world = World::new();
    let three = vec![
        held(Encryption, Current, 2),
        held(Encryption, Next, 3),
        held(Encryption, Previous, 1),
        held(FileSigning, Previous, 4),
        held(FileSigning, Next, 5),
    ];
    world.store.put_certificates(ACME, three).unwrap();
    let promote = |roles: &[Role]| world.store.promote_certificates(ACME, roles.to_vec());
    assert_eq!(
        promote(&[Encryption, FileSigning]).unwrap(),
        Change::Changed
    );
    assert_eq!(
        certificates_of_acme(&world),
        [
            (Encryption, Current, 3),
            (Encryption, Previous, 2),
            (FileSigning, Current, 5),
            (FileSigning, Previous, 4),
        ]
    );
    // All of the roles or none.
    world
        .store
        .put_certificates(ACME, vec![held(Encryption, Next, 6)])
        .unwrap();
    assert_eq!(
        refusal(promote(&[Encryption, FileSigning])),
        "partner ACME: it has no next certificate for file-signing; add the new one first"
    );
    assert_eq!(certificates_of_acme(&world).len(), 5);
}

#[test]
fn a_certificate_that_is_needed_is_not_removed() {
    use Role::{Encryption, ReceiptSigning};
    use Slot::{Current, Next};
    let world = World::new();
    let secured = Partner {
        security: Security::Encrypted,
        signed_receipts: true,
        role_certificates: vec![
            held(Encryption, Current, 1),
            held(Encryption, Next, 2),
            held(ReceiptSigning, Current, 1),
        ],
        ..partner(ACME)
    };
    world.store.put_partner(secured).unwrap();
    let remove = |role, slot| world.store.remove_certificates(ACME, vec![role], slot);
    for (role, key) in [
        (Encryption, "security"),
        (ReceiptSigning, "signed_receipts"),
    ] {
        let text = refusal(remove(role, Current));
        assert!(
            text.starts_with(&format!("partner ACME: {key}: found")),
            "{text}"
        );
    }
    assert_eq!(remove(Encryption, Next).unwrap(), Change::Changed);
    assert_eq!(
        refusal(remove(Encryption, Next)),
        "partner ACME: it has no next certificate for encryption; there is nothing to remove"
    );
    assert_eq!(certificates_of_acme(&world).len(), 2);
}

#[test]
fn equal_terms_in_another_order_change_nothing() {
    let world = World::new();
    let mut first = full(ACME);
    world.store.put_partner(first.clone()).unwrap();
    first.role_certificates.reverse();
    first.cipher_suites.reverse();
    assert_eq!(world.store.put_partner(first).unwrap(), Change::Unchanged);
    assert_eq!(world.store.partner(ACME).unwrap(), Some(full(ACME)));
}

#[test]
fn what_is_out_of_range_is_told_where_it_does_not_come_from_a_file() {
    let world = World::new();
    let wrong = Partner {
        cipher_suite: 0,
        cipher_suites: Vec::new(),
        receipt_suite: 11,
        expansion: 100_001,
        ..partner("NEW")
    };
    let text = refusal(world.store.put_partner(wrong));
    for part in [
        "partner NEW: cipher_suite: found 0, wanted a cipher suite, 1 to 10",
        "partner NEW: receipt_suite: found 11, wanted a cipher suite, 1 to 10",
        "partner NEW: cipher_suites: found none, wanted one or more cipher suites, 1 to 10 each",
        "partner NEW: expansion: found 100001, wanted from 2 to 100000 octets out of one",
    ] {
        assert!(text.lines().any(|line| line == part), "{part}: {text}");
    }
}

#[test]
fn says_what_stands_against_a_single_file_being_protected() {
    let partner = Partner {
        level: Level::L5,
        lowest_level: Level::L1,
        encoding: Encoding::Definite,
        ..partner(ACME)
    };
    let services = Services {
        security: Security::Encrypted,
        suite: 8,
        compression: true,
        signed_receipt: true,
    };
    let keys: Vec<_> = partner
        .obstacles(&services)
        .into_iter()
        .map(|(key, _)| key)
        .collect();
    assert_eq!(
        keys,
        ["cipher_suite", "security", "signed_receipts", "encoding"],
        "a lower level than the highest is no obstacle"
    );
    assert!(partner.obstacles(&Services::default()).is_empty());
    let old = Partner {
        level: Level::L4,
        lowest_level: Level::L4,
        ..partner.clone()
    };
    let compressed = Services {
        compression: true,
        ..Services::default()
    };
    let told = old.obstacles(&compressed);
    assert!(
        told.iter()
            .any(|(key, text)| *key == "file_compression" && text.contains("level 4")),
        "{told:?}"
    );
}

#[test]
fn the_services_of_a_partner_are_its_terms() {
    assert!(partner(ACME).services().is_none());
    assert_eq!(
        full(ACME).services(),
        Services {
            security: Security::EncryptedAndSigned,
            suite: 10,
            compression: true,
            signed_receipt: true,
        }
    );
}

/// A store of version 2 whose partner has so many certificates for secure authentication.
fn version_2(root: &std::path::Path, certificates: u8) -> Store {
    for folder in ["spool", "inbox/ACME", "outbox/ACME"] {
        std::fs::create_dir_all(root.join(folder)).unwrap();
    }
    let held: Vec<_> = (1..=certificates).map(certificate).collect();
    let journal = Connection::open(root.join("journal.sqlite")).unwrap();
    let tables = [schema::TABLES, &schema::VERSION_2.concat()].concat();
    journal
        .execute_batch(&format!(
            "{tables} PRAGMA user_version = 2;
             INSERT INTO station VALUES ('HEAD', 'O0013HEAD');
             INSERT INTO partner (name, code, station, password_sent, password_expected, certificates,
                 buffer, credit, enabled, authentication_certificates)
                 VALUES ('ACME', 'O0013ACME', 'HEAD', '', '', '', 4096, 32, 1, '{}');",
            certificates_to_pem(&held)
        ))
        .unwrap();
    drop(journal);
    open(root)
}

#[test]
fn certificates_for_authentication_of_version_2_take_that_role() {
    use Role::Authentication;
    use Slot::{Current, Next, Previous};
    let places = [
        (Authentication, Current, 1),
        (Authentication, Next, 2),
        (Authentication, Previous, 3),
    ];
    for (number, kept) in [(0, 0), (1, 1), (2, 2), (3, 3), (5, 3)] {
        let dir = tempfile::tempdir().unwrap();
        let store = version_2(dir.path(), number);
        let world = World { dir, store };
        assert_eq!(certificates_of_acme(&world), places[..kept], "{number}");
        let acme = world.store.partner(ACME).unwrap().unwrap();
        let plain = Partner {
            buffer: 4096,
            credit: 32,
            role_certificates: acme.role_certificates.clone(),
            ..Partner::new(ACME, "O0013ACME".parse().unwrap(), "HEAD")
        };
        assert_eq!(acme, plain, "everything else has its default");
    }
}

#[test]
fn a_held_file_is_tried_again_once_its_partner_has_what_it_lacked() {
    let world = World::new();
    let new = NewOutbound {
        services: Some(Services {
            security: Security::Encrypted,
            suite: 4,
            ..Services::default()
        }),
        ..NewOutbound::new(ACME, "f")
    };
    let id = world.hand_over(new, b"abc");
    let claim = || world.store.claim_securing(at(1)).unwrap();
    claim()
        .unwrap()
        .held("no certificate", at(1_000), at(1))
        .unwrap();
    assert!(claim().is_none());
    let text = refusal(world.store.remove_partner(ACME));
    assert!(
        text.contains("1 transfer(s) with it are under way"),
        "{text}"
    );

    world.store.put_partner(partner(ACME)).unwrap();
    assert!(claim().is_none(), "nothing has changed");
    let certificates = vec![held(Role::Encryption, Slot::Current, 1)];
    world.store.put_certificates(ACME, certificates).unwrap();
    assert_eq!(claim().unwrap().transfer().id, id);
}
